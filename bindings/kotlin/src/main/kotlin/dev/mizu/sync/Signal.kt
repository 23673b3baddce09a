package dev.mizu.sync

import dev.mizu.sync.ffi.NativeSignal
import dev.mizu.sync.internal.Called
import dev.mizu.sync.internal.Tracking
import dev.mizu.sync.internal.crossing
import java.util.concurrent.atomic.AtomicReference

/**
 * A value of the app's own that tells who has read it when it is set to another one.
 *
 * ```
 * val filter = Signal("")
 * scope.effect { println(filter.value) } // prints "", then "milk"
 * filter.value = "milk"
 * ```
 *
 * It can be read and set on any thread. Values that are equal, by [isSame], are no change.
 */
public class Signal<T>(
    initial: T,
    private val isSame: (T, T) -> Boolean = { one, other -> one == other },
) : Readable<T> {
    private val current = AtomicReference(initial)

    /** Made when somebody is to be told: a signal that nobody watches costs nothing. */
    private val node = lazy { crossing { NativeSignal() } }

    override var value: T
        get() {
            if (Tracking.isOn) node.value.track()
            return current.get()
        }
        set(value) {
            Tracking.mayWrite()
            tell(current.getAndSet(value), value)
        }

    /** Sets it to what [change] makes of it. [change] is called again if another thread sets it meanwhile. */
    public fun update(change: (T) -> T) {
        Tracking.mayWrite()
        while (true) {
            val before = current.get()
            val after = change(before)
            if (current.compareAndSet(before, after)) return tell(before, after)
        }
    }

    private fun tell(
        before: T,
        after: T,
    ) {
        // Whoever makes the node later reads the new value.
        if (!node.isInitialized()) return
        // It is set already: a comparison that fails says that they are different, and then what failed.
        val isSame = runCatching { isSame(before, after) }
        if (!isSame.getOrDefault(false)) crossing { node.value.changed() }
        isSame.getOrThrow()
    }

    override fun toString(): String = "Signal(${current.get()})"
}

/** Runs code whose writes of signals make effects due once, at its end. */
public fun <R> batch(block: () -> R): R {
    // What runs inside is tracked as it is outside.
    val called = Called(Tracking.isOn, isBatching = true, work = block)
    crossing {
        dev.mizu.sync.ffi
            .batch(called)
    }
    return called.result()
}

/** Runs code of which nothing is tracked: what it reads makes nothing run again. */
public fun <R> untrack(block: () -> R): R {
    if (!Tracking.isOn) return block()
    val called = Called(isTracked = false, work = block)
    crossing {
        dev.mizu.sync.ffi
            .untrack(called)
    }
    return called.result()
}
