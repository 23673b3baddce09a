package dev.mizu.sync.internal

import dev.mizu.sync.ffi.Body

/** Whether code runs on this thread whose reads are noted. Whoever knows that nothing is need not call the core. */
internal object Tracking {
    private val tracked = ThreadLocal<Boolean>()

    val isOn: Boolean
        get() = tracked.get() == true

    inline fun <R> with(
        isOn: Boolean,
        work: () -> R,
    ): R {
        val before = tracked.get()
        tracked.set(isOn)
        try {
            return work()
        } finally {
            if (before == null) tracked.remove() else tracked.set(before)
        }
    }
}

/** Code that the core calls, and what became of it. Nothing that it throws reaches the core. */
internal class Called<R>(
    private val isTracked: Boolean,
    private val work: () -> R,
) : Body {
    private var outcome: Result<R>? = null

    override fun run() {
        outcome = Tracking.with(isTracked) { runCatching(work) }
    }

    /** What it gave, or throws what it has thrown. */
    fun result(): R = checkNotNull(outcome) { "it was not called" }.getOrThrow()
}
