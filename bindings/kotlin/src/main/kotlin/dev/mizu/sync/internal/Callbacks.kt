package dev.mizu.sync.internal

import dev.mizu.sync.LogLevel
import dev.mizu.sync.LogLine
import dev.mizu.sync.RejectedMutation
import dev.mizu.sync.SyncClient
import dev.mizu.sync.SyncException
import dev.mizu.sync.ffi.NativeRejected
import dev.mizu.sync.ffi.OnError
import dev.mizu.sync.ffi.OnLog
import dev.mizu.sync.ffi.OnOffline
import dev.mizu.sync.ffi.OnOnline
import dev.mizu.sync.ffi.OnRejected
import dev.mizu.sync.ffi.OnSync
import dev.mizu.sync.ffi.OnTokenNeeded
import dev.mizu.sync.ffi.Problem
import dev.mizu.sync.toException
import java.lang.ref.WeakReference
import dev.mizu.sync.ffi.Callbacks as NativeCallbacks

/**
 * What the app wants to be told. The core holds on to it for as long as the client is open, and must not keep the client
 * alive by that: an app that forgets a client without closing it has it closed.
 */
internal class Callbacks :
    OnSync,
    OnError,
    OnOnline,
    OnOffline,
    OnRejected,
    OnTokenNeeded,
    OnLog {
    var onSync: (SyncClient.(Long) -> Unit)? = null
    var onError: (SyncClient.(SyncException) -> Unit)? = null
    var onOnline: (SyncClient.() -> Unit)? = null
    var onOffline: (SyncClient.() -> Unit)? = null
    var onRejected: (SyncClient.(RejectedMutation) -> Unit)? = null
    var onTokenNeeded: (SyncClient.() -> Unit)? = null
    var onLog: ((LogLine) -> Unit)? = null

    private var client = WeakReference<SyncClient>(null)

    fun belongTo(client: SyncClient) {
        this.client = WeakReference(client)
    }

    /** What the core is to call: of what the app does not want to hear, it makes no call. */
    fun native() =
        NativeCallbacks(
            onSync = onSync?.let { this },
            onError = onError?.let { this },
            onOnline = onOnline?.let { this },
            onOffline = onOffline?.let { this },
            onRejected = onRejected?.let { this },
            onTokenNeeded = onTokenNeeded?.let { this },
            onLog = onLog?.let { this },
        )

    override fun onSync(cursor: ULong) = call("onSync") { client -> onSync?.invoke(client, cursor.toLong()) }

    override fun onError(problem: Problem) = failed(problem.toException())

    override fun onOnline() = call("onOnline") { client -> onOnline?.invoke(client) }

    override fun onOffline() = call("onOffline") { client -> onOffline?.invoke(client) }

    override fun onRejected(mutation: NativeRejected) =
        call("onRejected") { client -> onRejected?.invoke(client, RejectedMutation(mutation)) }

    override fun onTokenNeeded() = call("onTokenNeeded") { client -> onTokenNeeded?.invoke(client) }

    override fun onLog(
        level: UByte,
        target: String,
        text: String,
    ) {
        val line = LogLine(LogLevel.entries[level.toInt() - 1], target, text)
        call("onLog") { onLog?.invoke(line) }
    }

    /** Something is in the way, whoever has found that. */
    fun failed(failure: SyncException) = call("onError") { client -> onError?.invoke(client, failure) }

    /** What the app throws in a callback breaks nothing, and is not silent. */
    private inline fun call(
        name: String,
        callback: (SyncClient) -> Unit,
    ) {
        stayAttached()
        val client = client.get() ?: return
        try {
            callback(client)
        } catch (thrown: Throwable) {
            report(name, thrown)
        }
    }

    private fun report(
        name: String,
        thrown: Throwable,
    ) {
        val log = onLog
        if (log == null || name == "onLog") {
            thrown.printStackTrace()
            return
        }
        // Not its message: it may be the user's data.
        val place =
            thrown.stackTrace
                .firstOrNull()
                ?.let { " at $it" }
                .orEmpty()
        val line =
            LogLine(
                LogLevel.ERROR,
                "callbacks",
                "$name threw ${thrown.javaClass.name}$place; the sync goes on",
            )
        runCatching { log(line) }.onFailure { it.printStackTrace() }
    }
}
