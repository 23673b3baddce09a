package dev.mizu.sync.internal

import dev.mizu.sync.SyncException
import dev.mizu.sync.ffi.NativeClient
import java.util.concurrent.locks.ReentrantLock
import kotlin.concurrent.thread
import kotlin.concurrent.withLock

/**
 * A client that is being opened on a thread of its own: loading the native library and opening a file take longer than a
 * main thread may wait. Whoever needs the client waits here; what only has to be told is told as soon as it is open.
 */
internal class Opening(
    open: () -> NativeClient,
    private val failed: (SyncException) -> Unit,
) {
    private sealed interface State {
        class Waiting(
            val then: MutableList<(NativeClient) -> Unit> = mutableListOf(),
        ) : State

        class Open(
            val client: NativeClient,
        ) : State

        class Failed(
            val failure: SyncException,
        ) : State

        data object Closed : State
    }

    private val lock = ReentrantLock()
    private val settled = lock.newCondition()
    private var state: State = State.Waiting()

    init {
        thread(name = "mizu-open", isDaemon = true) { settle(runCatching { crossing(open) }) }
    }

    /** The client, once it is open. */
    val client: NativeClient
        get() =
            lock.withLock {
                while (state is State.Waiting) settled.await()
                opened()
            }

    /**
     * Lets [action] have the client: now where it is open, else as soon as it is. Those that wait are called in order;
     * what they throw is told like a failure to open.
     */
    fun whenOpen(action: (NativeClient) -> Unit) {
        val client =
            lock.withLock {
                val now = state
                if (now is State.Waiting) {
                    now.then += action
                    return
                }
                opened()
            }
        action(client)
    }

    /** Closes the client, now or as soon as it is open. */
    fun close() {
        val client =
            lock.withLock {
                val now = state
                state = State.Closed
                settled.signalAll()
                (now as? State.Open)?.client
            }
        client?.let(::end)
    }

    private fun opened(): NativeClient =
        when (val now = state) {
            is State.Open -> now.client
            is State.Failed -> throw now.failure
            State.Closed -> throw SyncException.Closed("the client is closed: open a new one")
            is State.Waiting -> error("whoever asks has waited")
        }

    private fun settle(result: Result<NativeClient>) {
        val failure = result.exceptionOrNull()
        if (failure != null) {
            val known =
                failure as? SyncException
                    ?: SyncException.Bug("the client cannot be opened: $failure", failure)
            lock.withLock {
                if (state is State.Waiting) state = State.Failed(known)
                settled.signalAll()
            }
            failed(known)
            return
        }
        val client = result.getOrThrow()
        while (true) {
            val next =
                lock.withLock {
                    val now = state
                    if (now !is State.Waiting) {
                        // Closed meanwhile.
                        null
                    } else {
                        now.then.removeFirstOrNull() ?: run {
                            state = State.Open(client)
                            settled.signalAll()
                            return
                        }
                    }
                }
            if (next == null) return end(client)
            runCatching { next(client) }.onFailure { if (it is SyncException) failed(it) }
        }
    }

    private fun end(client: NativeClient) {
        client.shutDown()
        client.close()
    }
}
