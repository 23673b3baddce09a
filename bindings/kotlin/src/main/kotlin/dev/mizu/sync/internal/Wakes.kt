package dev.mizu.sync.internal

import dev.mizu.sync.ffi.Listener
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.channels.ReceiveChannel

/** Lets a coroutine hear that there is news. However often it is told, the coroutine looks once. */
internal class Wakes private constructor(
    private val channel: Channel<Unit>,
) : Listener,
    ReceiveChannel<Unit> by channel {
    constructor() : this(Channel(Channel.CONFLATED))

    override fun ready() {
        // Resumes the coroutine on its own dispatcher.
        channel.trySend(Unit)
    }

    /** Nothing more will be told. */
    fun end() {
        channel.close()
    }
}
