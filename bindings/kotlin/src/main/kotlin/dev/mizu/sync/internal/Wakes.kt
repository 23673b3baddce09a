package dev.mizu.sync.internal

import com.sun.jna.Native
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
        stayAttached()
        // Resumes the coroutine on its own dispatcher.
        channel.trySend(Unit)
    }

    /** Nothing more will be told. */
    fun end() {
        channel.close()
    }
}

private val isSettled = ThreadLocal<Boolean>()

/**
 * Lets a thread of the core stay attached to the JVM until it ends: attaching it anew costs more than most callbacks. A
 * thread of the JVM itself stays as it is.
 */
internal fun stayAttached() {
    if (isSettled.get() == null) {
        isSettled.set(true)
        val isOfTheCore =
            Thread
                .currentThread()
                .stackTrace
                .last()
                .className
                .startsWith("com.sun.jna.")
        if (isOfTheCore) Native.detach(false)
    }
}
