package dev.mizu.sync.internal

import dev.mizu.sync.SyncException
import dev.mizu.sync.ffi.CallbackException
import dev.mizu.sync.ffi.Change
import dev.mizu.sync.ffi.Changed

/** A change of an entity that the core lets be computed. What it throws passes by the core. */
internal class ChangeOf(
    private val work: (data: String) -> Changed,
) : Change {
    private var thrown: Throwable? = null

    override fun change(data: String): Changed =
        try {
            work(data)
        } catch (failure: Throwable) {
            thrown = failure
            throw CallbackException.Thrown("the change of an entity has thrown")
        }

    /** Gives this to the core by [call]. */
    fun <R> passedTo(call: (Change) -> R): R =
        try {
            crossing { call(this) }
        } catch (failure: SyncException) {
            throw thrown ?: failure
        }
}
