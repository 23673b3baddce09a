package dev.mizu.sync.android

import android.content.Context
import android.net.ConnectivityManager
import android.os.Handler
import android.os.Looper
import android.util.Log
import androidx.lifecycle.DefaultLifecycleObserver
import androidx.lifecycle.LifecycleOwner
import androidx.lifecycle.ProcessLifecycleOwner
import dev.mizu.sync.SyncClient
import dev.mizu.sync.SyncException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.flow.distinctUntilChanged
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.job
import kotlinx.coroutines.launch
import java.util.concurrent.ConcurrentHashMap

/**
 * Tells clients what Android tells the process: whether there is a network, and whether the app is seen. While the app is in
 * the background, writes that are on their way are sent by [SyncWork] should the process die.
 *
 * ```
 * SyncPlatform.attach(client)
 * ```
 *
 * It begins with the process, by androidx.startup. A client that is attached is told at once how things are; it is
 * forgotten when it is [detached][detach], which is to be done before it is closed.
 */
public object SyncPlatform {
    /** The clients, each with whoever looks at what it has not sent. */
    private val attached = ConcurrentHashMap<SyncClient, Job>()
    private val background = CoroutineScope(SupervisorJob() + Dispatchers.Default)

    @Volatile
    private var state: State? = null

    /** What Android told last, locked while clients are told of it, and what hears of more. */
    private class State(
        val sendLater: () -> Unit,
    ) {
        var isUp = true

        @Volatile
        var isSeen = false
        var network: NetworkFollower? = null
        var lifecycle: DefaultLifecycleObserver? = null
    }

    /** The clients that are attached. */
    public val clients: Set<SyncClient>
        get() = attached.keys.toSet()

    /**
     * Tells [client] from now on.
     *
     * @throws IllegalStateException when androidx.startup has not run: its provider was removed from the manifest. Call
     *   [start] then.
     */
    public fun attach(client: SyncClient) {
        val state = checkNotNull(state) { "call SyncPlatform.start(context) first: androidx.startup has not done so" }
        // Whatever changes meanwhile is told after it, and not overtaken by what was before.
        synchronized(state) {
            attached.computeIfAbsent(client) { background.launch { sendLater(state, it) } }
            client.setNetwork(state.isUp)
            client.setForeground(state.isSeen)
        }
    }

    /** Tells [client] nothing more. */
    public fun detach(client: SyncClient) {
        attached.remove(client)?.cancel()
    }

    /** Begins, for apps that have removed the provider of androidx.startup. On any thread; a second call does nothing. */
    public fun start(context: Context) {
        val app = context.applicationContext
        val state = State { runCatching { SyncWork.flush(app) }.onFailure(::notSent) }
        synchronized(this) {
            if (this.state != null) return
            this.state = state
        }
        val connectivity = app.getSystemService(ConnectivityManager::class.java)
        state.network = connectivity?.let { NetworkFollower(it) { isUp -> networkChanged(state, isUp) } }
        state.network?.start()
        val observer =
            object : DefaultLifecycleObserver {
                override fun onStart(owner: LifecycleOwner) = seenChanged(state, true)

                override fun onStop(owner: LifecycleOwner) = seenChanged(state, false)
            }
        state.lifecycle = observer
        // It tells at once how things are.
        onMain { ProcessLifecycleOwner.get().lifecycle.addObserver(observer) }
    }

    /** Ends it, and forgets all clients: for tests, which share a process. */
    internal fun stop() {
        val state = synchronized(this) { state.also { state = null } } ?: return
        attached.keys.toList().forEach(::detach)
        state.network?.stop()
        onMain { state.lifecycle?.let(ProcessLifecycleOwner.get().lifecycle::removeObserver) }
    }

    /** Waits until what was begun in the background is done: for tests. */
    internal suspend fun settle() {
        val looking = attached.values.toSet()
        background.coroutineContext.job.children.filter { it !in looking }.forEach { it.join() }
    }

    private fun networkChanged(
        state: State,
        isUp: Boolean,
    ) {
        synchronized(state) {
            state.isUp = isUp
            tell { it.setNetwork(isUp) }
        }
    }

    private fun seenChanged(
        state: State,
        isSeen: Boolean,
    ) {
        synchronized(state) {
            state.isSeen = isSeen
            tell { it.setForeground(isSeen) }
        }
        if (!isSeen) background.launch { if (attached.keys.any(::hasUnsent)) state.sendLater() }
    }

    /** Has that sent which is written while nobody sees the app: by a push message, an alarm, a widget. */
    private suspend fun sendLater(
        state: State,
        client: SyncClient,
    ) {
        try {
            client.status.flow().map { it.pending > 0 }.distinctUntilChanged().collect { hasUnsent ->
                if (hasUnsent && !state.isSeen) state.sendLater()
            }
        } catch (_: SyncException) {
            // It could not be opened, which is told elsewhere.
        }
    }

    /** An app in which WorkManager does not work is none that has to end. */
    private fun notSent(failure: Throwable) {
        Log.e(TAG, "WorkManager cannot be asked to send what is unsent", failure)
    }

    private fun hasUnsent(client: SyncClient): Boolean =
        try {
            client.status.value.pending > 0
        } catch (_: SyncException) {
            false
        }

    private fun tell(what: (SyncClient) -> Unit) {
        attached.keys.filter { it.isClosed }.forEach(::detach)
        attached.keys.forEach(what)
    }

    private fun onMain(work: () -> Unit) {
        val main = Looper.getMainLooper()
        if (main.isCurrentThread) work() else Handler(main).post(work)
    }
}
