package dev.mizu.sync.internal

import dev.mizu.sync.SyncException
import dev.mizu.sync.ffi.NativeClient
import kotlinx.coroutines.CompletableDeferred
import java.util.concurrent.locks.ReentrantLock
import kotlin.concurrent.thread
import kotlin.concurrent.withLock

/** What a closed client says. */
internal fun closed() = SyncException.Closed("the client is closed: open a new one")

/**
 * A client that is being opened on a thread of its own: loading the native library and opening a file take longer than a
 * main thread may wait. Whoever needs the client waits here; what only has to be told is told as soon as it is open.
 *
 * A client that is closed is not freed before nobody has it any more: of those that call it meanwhile, the core tells
 * that it is closed.
 */
internal class Opening(
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
    private val changed = lock.newCondition()
    private var state: State = State.Waiting()
    private var isOpening = true

    /** Who frees the file. */
    private var closing: Thread? = null

    /** Whether nobody has to wait any more. */
    private val settled = CompletableDeferred<Unit>()

    val isClosed: Boolean
        get() = lock.withLock { state is State.Closed }

    /** Begins, by [open]. From now on the app may be told of failures. */
    fun begin(open: () -> NativeClient) {
        thread(name = "mizu-open", isDaemon = true) { settle(runCatching { crossing(open) }) }
    }

    /** The client, once it is open. */
    val client: NativeClient
        get() =
            lock.withLock {
                while (state is State.Waiting) changed.awaitUninterruptibly()
                opened()
            }

    /** The client, once it is open. No thread waits. */
    suspend fun await(): NativeClient {
        settled.await()
        return client
    }

    /**
     * Lets [action] have the client: now where it is open, else as soon as it is. Those that wait are called in order;
     * what they throw is told like a failure to open.
     */
    fun whenOpen(action: (NativeClient) -> Unit) {
        val client = lock.withLock { if (waits(action)) null else opened() }
        client?.let(action)
    }

    /** As [whenOpen]. Where nothing is open any more, or never was, there is nobody to tell. */
    fun ifOpen(action: (NativeClient) -> Unit) {
        val client = lock.withLock { if (waits(action)) null else (state as? State.Open)?.client }
        client?.let(action)
    }

    private fun waits(action: (NativeClient) -> Unit): Boolean = (state as? State.Waiting)?.then?.add(action) == true

    /** Closes the client. The file is free when this returns, also where another thread closes it at the same time. */
    fun close() {
        val open =
            lock.withLock {
                changed.signalAll()
                val open = (state as? State.Open)?.client
                if (open != null) closing = Thread.currentThread()
                state = State.Closed
                open
            }
        settled.complete(Unit)
        lock.withLock {
            val isElsewhere = { closing.let { it != null && it !== Thread.currentThread() } }
            while (isOpening || isElsewhere()) changed.awaitUninterruptibly()
        }
        if (open == null) return
        try {
            crossing { open.shutDown() }
        } finally {
            lock.withLock {
                closing = null
                changed.signalAll()
            }
        }
    }

    private fun opened(): NativeClient =
        when (val now = state) {
            is State.Open -> now.client
            is State.Failed -> throw now.failure
            State.Closed -> throw closed()
            is State.Waiting -> error("whoever asks has waited")
        }

    /** Calls nothing of the app's before everybody can have the client, for the app may ask for it there. */
    private fun settle(result: Result<NativeClient>) {
        val failures = mutableListOf<SyncException>()
        result
            .onSuccess { client ->
                while (true) {
                    val action = nextFor(client) ?: break
                    runCatching { action(client) }.onFailure { failures += known(it) }
                }
                if (isClosed) client.shutDown()
            }.onFailure {
                val failure = known(it)
                failures += failure
                lock.withLock { if (state is State.Waiting) state = State.Failed(failure) }
            }
        lock.withLock {
            isOpening = false
            changed.signalAll()
        }
        settled.complete(Unit)
        for (failure in failures) if (!isClosed) failed(failure)
    }

    /** What waits for the client. When nothing does any more it is open; unless it was closed meanwhile. */
    private fun nextFor(client: NativeClient): ((NativeClient) -> Unit)? =
        lock.withLock {
            val waiting = state as? State.Waiting ?: return null
            waiting.then.removeFirstOrNull().also { if (it == null) state = State.Open(client) }
        }

    private fun known(failure: Throwable): SyncException =
        failure as? SyncException
            ?: SyncException.Bug("the client cannot be opened, which is a bug; please report it: $failure", failure)
}
