package dev.mizu.sync.internal

import dev.mizu.sync.LogLevel
import dev.mizu.sync.LogLine
import dev.mizu.sync.RejectedMutation
import dev.mizu.sync.SyncClient
import dev.mizu.sync.SyncException
import dev.mizu.sync.ffi.NativeLevel
import dev.mizu.sync.ffi.NativeRejected
import dev.mizu.sync.ffi.OnError
import dev.mizu.sync.ffi.OnLog
import dev.mizu.sync.ffi.OnOffline
import dev.mizu.sync.ffi.OnOnline
import dev.mizu.sync.ffi.OnRejected
import dev.mizu.sync.ffi.OnSync
import dev.mizu.sync.ffi.OnTokenNeeded
import dev.mizu.sync.ffi.Problem
import dev.mizu.sync.ffi.Upcast
import dev.mizu.sync.toException
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.jsonObject
import java.lang.ref.WeakReference
import dev.mizu.sync.ffi.Callbacks as NativeCallbacks

/** A step to the next version of the app's model. */
internal typealias Step = (JsonObject) -> JsonObject

/**
 * Code of the app that the core calls. It lives as long as its client, which it may lead to: the core holds on to nothing
 * of it, so that an app that forgets a client without closing it has it closed.
 */
internal class Callbacks {
    var onSync: (SyncClient.(Long) -> Unit)? = null
    var onError: (SyncClient.(SyncException) -> Unit)? = null
    var onOnline: (SyncClient.() -> Unit)? = null
    var onOffline: (SyncClient.() -> Unit)? = null
    var onRejected: (SyncClient.(RejectedMutation) -> Unit)? = null
    var onTokenNeeded: (SyncClient.() -> Unit)? = null
    var onLog: ((LogLine) -> Unit)? = null
    val upcasts = mutableListOf<Triple<String, Int, Step>>()

    private var client: SyncClient? = null

    fun belongTo(client: SyncClient) {
        this.client = client
    }

    /** What the core is to call: of what the app does not want to hear, it makes no call. */
    fun native(): NativeCallbacks {
        val told = Told(this)
        return NativeCallbacks(
            onSync = onSync?.let { told },
            onError = onError?.let { told },
            onOnline = onOnline?.let { told },
            onOffline = onOffline?.let { told },
            onRejected = onRejected?.let { told },
            onTokenNeeded = onTokenNeeded?.let { told },
            onLog = onLog?.let { told },
        )
    }

    /** Something is in the way, whoever has found that. */
    fun failed(failure: SyncException) = call("onError") { client -> onError?.invoke(client, failure) }

    /**
     * The client could not be opened, or do what it was asked before it was open. The core does not log that, and an app
     * without `onError` would only see that it has no data.
     */
    fun notOpened(failure: SyncException) {
        val text = failure.message.orEmpty()
        if (onLog != null) {
            log("open", text)
        } else if (onError == null) {
            System.err.println("mizu-sync: $text")
        }
        failed(failure)
    }

    /** What the app throws in a callback breaks nothing, and is not silent. */
    inline fun call(
        name: String,
        callback: (SyncClient) -> Unit,
    ) {
        val client = client ?: return
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
        if (onLog == null || name == "onLog") {
            // Not what it says: that may be the user's data.
            Unquoted(thrown).printStackTrace()
            return
        }
        val place =
            thrown.stackTrace
                .firstOrNull()
                ?.let { " at $it" }
                .orEmpty()
        log("callbacks", "$name threw ${thrown.javaClass.name}$place; the sync goes on")
    }

    private fun log(
        target: String,
        text: String,
    ) {
        val line = LogLine(LogLevel.ERROR, target, text)
        runCatching { onLog?.invoke(line) }.onFailure { Unquoted(it).printStackTrace() }
    }
}

/** What the core calls. */
private class Told(
    callbacks: Callbacks,
) : OnSync,
    OnError,
    OnOnline,
    OnOffline,
    OnRejected,
    OnTokenNeeded,
    OnLog {
    private val callbacks = WeakReference(callbacks)

    override fun onSync(cursor: ULong) = tell { call("onSync") { client -> onSync?.invoke(client, cursor.toLong()) } }

    override fun onError(problem: Problem) = tell { failed(problem.toException()) }

    override fun onOnline() = tell { call("onOnline") { client -> onOnline?.invoke(client) } }

    override fun onOffline() = tell { call("onOffline") { client -> onOffline?.invoke(client) } }

    override fun onRejected(mutation: NativeRejected) =
        tell { call("onRejected") { client -> onRejected?.invoke(client, RejectedMutation(mutation)) } }

    override fun onTokenNeeded() = tell { call("onTokenNeeded") { client -> onTokenNeeded?.invoke(client) } }

    override fun onLog(
        level: NativeLevel,
        target: String,
        text: String,
    ) {
        val line = LogLine(level(level), target, text)
        tell { call("onLog") { onLog?.invoke(line) } }
    }

    private inline fun tell(call: Callbacks.() -> Unit) {
        callbacks.get()?.call()
    }
}

private fun level(native: NativeLevel): LogLevel =
    when (native) {
        NativeLevel.ERROR -> LogLevel.ERROR
        NativeLevel.WARN -> LogLevel.WARN
        NativeLevel.DEBUG -> LogLevel.DEBUG
    }

/** One that throws changes nothing: the entity then does not fit, which is told. */
internal class UpcastOf(
    step: Step,
) : Upcast {
    private val step = WeakReference(step)

    override fun upcast(fields: String): String =
        try {
            step.get()?.invoke(Json.parseToJsonElement(fields).jsonObject)?.toString() ?: fields
        } catch (thrown: Throwable) {
            fields
        }
}
