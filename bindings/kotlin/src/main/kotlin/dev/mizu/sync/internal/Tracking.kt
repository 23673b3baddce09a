package dev.mizu.sync.internal

import dev.mizu.sync.SyncException
import dev.mizu.sync.ffi.Body

/** A level takes about 8 KB of a stack, which may have no more than 1 MB. */
private const val DEEPEST = 64

/** What code runs on this thread. Whoever knows that its reads are not noted need not call the core. */
internal object Tracking {
    private class Running(
        val isTracked: Boolean,
        val isComputing: Boolean,
        val isBatching: Boolean,
        val depth: Int,
    )

    private val running = ThreadLocal<Running>()

    /** Whether reads are noted. */
    val isOn: Boolean
        get() = running.get()?.isTracked == true

    /** Whether code runs that the core has called, tracked or not: what it has read may be newer than what is kept. */
    val isInside: Boolean
        get() = running.get() != null

    /** Whether a computed runs, which only reads. */
    val isComputing: Boolean
        get() = running.get()?.isComputing == true

    /** Whether a batch of signals runs, of which only this thread sees what it has set. */
    val isBatching: Boolean
        get() = running.get()?.isBatching == true

    /** Runs [work] as code whose reads are noted or not, of a computed or a batch or not. */
    fun <R> with(
        isOn: Boolean,
        isComputing: Boolean = this.isComputing,
        isBatching: Boolean = this.isBatching,
        work: () -> R,
    ): R {
        val before = running.get()
        running.set(Running(isOn, isComputing, isBatching, if (before == null) 1 else before.depth + 1))
        try {
            return work()
        } finally {
            if (before == null) running.remove() else running.set(before)
        }
    }

    /**
     * What overflows the stack between here and the core is lost there, so that nobody would hear of it.
     *
     * @throws SyncException.Misuse where so many run, each for the one before it, that one more may not fit.
     */
    fun mayNest() {
        if ((running.get()?.depth ?: 0) < DEEPEST) return
        throw SyncException.Misuse(
            "more than $DEEPEST computed values need each other in a row, for which a thread has no room: read one " +
                "of those in the middle first, or compute several of them at once",
        )
    }

    /** @throws SyncException.Misuse where a computed runs. */
    fun mayWrite() {
        if (isComputing) {
            throw SyncException.Misuse(
                "a computed value must not write: write in an effect, a callback or where the app decides to",
            )
        }
    }
}

/** Code that the core calls, and what became of it. Nothing that it throws reaches the core. */
internal class Called<R>(
    private val isTracked: Boolean,
    private val isComputing: Boolean = Tracking.isComputing,
    private val isBatching: Boolean = Tracking.isBatching,
    private val work: () -> R,
) : Body {
    private var outcome: Result<R>? = null

    override fun run() {
        outcome = Tracking.with(isTracked, isComputing, isBatching) { runCatching(work) }
    }

    /** What it gave, or throws what it has thrown. */
    fun result(): R = checkNotNull(outcome) { "it was not called" }.getOrThrow()
}
