package dev.mizu.sync.internal

import dev.mizu.sync.ffi.Listener

/**
 * A value of the core that is kept here until the core recalls it, so that reading it again is no call.
 *
 * The core recalls it before the change returns that may make it another one. What is recalled while it is being read is
 * not kept: the reader may have what was before.
 */
internal class Lease<V> : Listener {
    private class Kept<V>(
        val value: V,
    )

    @Volatile
    private var kept: Kept<V>? = null
    private var recalls = 0

    /** What is kept, or else what [read] gives on a new lease. */
    fun value(read: () -> V): V {
        kept?.let { return it.value }
        val before = synchronized(this) { recalls }
        val value = read()
        synchronized(this) { if (recalls == before) kept = Kept(value) }
        return value
    }

    /** It is recalled. */
    override fun ready() {
        synchronized(this) {
            recalls++
            kept = null
        }
    }
}
