package dev.mizu.sync

import dev.mizu.sync.ffi.Compute
import dev.mizu.sync.ffi.NativeComputed
import dev.mizu.sync.internal.Lease
import dev.mizu.sync.internal.Tracking
import dev.mizu.sync.internal.crossing
import kotlinx.coroutines.CancellationException
import java.lang.ref.WeakReference
import java.util.concurrent.atomic.AtomicLong

/**
 * A value that is made of others: when it is read, and something that it was made of has changed.
 *
 * ```
 * val open = Computed { todos.all().count { !it.value.done } }
 * scope.effect { println("${open.value} to do") }
 * ```
 *
 * [compute] only reads. It may run on any thread, on several at once, and once more when what it has read changes
 * meanwhile. What it throws, whoever reads the value is thrown, until something that it has read changes. A chain of
 * computeds of which none was read yet may have some 60 of them.
 *
 * @param isSame whether a new value is no change.
 */
public class Computed<T>(
    isSame: (T, T) -> Boolean = { one, other -> one == other },
    compute: () -> T,
) : Readable<T> {
    private val values = Values(compute, isSame)

    /** The number of the value, which keeps nothing of the app's alive. */
    private val lease = Lease<ULong>()
    private val node by lazy { crossing { NativeComputed(Weakly(values), lease) } }

    override val value: T
        get() {
            while (true) {
                val outcome = values.of(number())
                if (outcome != null) return outcome.getOrThrow()
                // Another thread has made it anew meanwhile.
                lease.ready()
            }
        }

    /** A call where it is noted that it is read, or where it may need what nobody else sees yet. */
    private fun number(): ULong =
        if (Tracking.isOn || Tracking.isBatching) {
            Tracking.mayNest()
            crossing { node.get() }
        } else {
            lease.value {
                Tracking.mayNest()
                crossing { node.lease() }
            }
        }
}

/**
 * What the core has of a computed. What it calls is often code of an object that has the computed as a property: if the
 * core kept that, nobody would ever collect either.
 */
private class Weakly(
    values: Values<*>,
) : Compute {
    private val values = WeakReference(values)

    /** Whoever has read a computed that is gone finds another value, and runs again without it. */
    override fun compute(): ULong = values.get()?.compute() ?: gone.getAndIncrement().toULong()

    override fun forget(number: ULong) {
        values.get()?.forget(number)
    }

    private companion object {
        /** Numbers that no value has. */
        val gone = AtomicLong(Long.MIN_VALUE)
    }
}

/** The values of a computed that the core may still ask for, by their numbers. */
private class Values<T>(
    private val compute: () -> T,
    private val isSame: (T, T) -> Boolean,
) {
    private class Kept<T>(
        val number: ULong,
        val outcome: Result<T>,
    ) {
        /** How often it was given. */
        var given = 0
    }

    private val kept = HashMap<ULong, Kept<T>>()
    private var latest: Kept<T>? = null
    private var numbers = 0UL

    fun compute(): ULong {
        val before = synchronized(kept) { latest }
        val outcome = Tracking.with(isOn = true, isComputing = true) { runCatching(compute).recoverCatching(::failed) }
        val same = before?.takeIf { isSame(it.outcome, outcome) }
        synchronized(kept) {
            val value = same?.takeIf { it.given > 0 } ?: Kept(numbers++, outcome)
            value.given++
            kept[value.number] = value
            latest = value
            return value.number
        }
    }

    /** The cancellation of something inside is none of whoever reads it, who would end without a word. */
    private fun failed(thrown: Throwable): Nothing =
        throw if (thrown is CancellationException) {
            SyncException.Misuse(
                "what a computed value runs was cancelled: let it compute at once, and wait for nothing",
            )
        } else {
            thrown
        }

    fun forget(number: ULong) {
        synchronized(kept) {
            val value = kept[number] ?: return
            if (--value.given > 0) return
            kept.remove(number)
            if (latest === value) latest = null
        }
    }

    fun of(number: ULong): Result<T>? = synchronized(kept) { kept[number]?.outcome }

    /** A comparison that fails says that they are different. */
    private fun isSame(
        before: Result<T>,
        after: Result<T>,
    ): Boolean =
        before.isSuccess &&
            after.isSuccess &&
            Tracking.with(isOn = false) {
                runCatching { isSame(before.getOrThrow(), after.getOrThrow()) }.getOrDefault(false)
            }
}
