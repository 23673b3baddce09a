package dev.mizu.sync

import dev.mizu.sync.internal.Callbacks
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import java.io.File
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds

/**
 * How a [SyncClient] is opened.
 *
 * Callbacks are called one after the other on a thread of the SDK. One that throws or takes its time breaks nothing, but as
 * long as it takes nothing else is told, and flows have no news. What it throws is logged.
 */
@SyncDsl
public class SyncOptions internal constructor() {
    /**
     * The file that holds the data: one for each scope and user. It is made if it is not there, its folder is not. Exclude
     * it, and the files beside it, from backups. `null`, as it is at first, keeps the data in memory: for tests and
     * previews.
     */
    public var database: File? = null

    /** The user whose data this is. The file remembers it, and is refused to another one. */
    public var principal: String? = null

    /**
     * What the server knows the user by; needs a [principal]. Sent as `Authorization: Bearer …`, never stored, never
     * logged. See also [SyncClient.setToken].
     */
    public var token: String? = null

    /** Whether `http://` may lead to other hosts. Everybody on the way can read and change what is sent. */
    public var allowCleartext: Boolean = false

    /** Whether a power cut may take the last writes, which are faster for it. The death of the process takes none. */
    public var relaxedDurability: Boolean = false

    /** How often the server is asked for changes when nothing else asks for them; ten times that while it hints. */
    public var pullInterval: Duration = 30.seconds

    /** The longest that a write is held back to send it together with later ones. */
    public var pushInterval: Duration = Duration.ZERO

    /** Whether a live socket is kept open while the app is seen, on which the server hints at changes. */
    public var live: Boolean = true

    /** The app's own version. When it changes, what the former one could not read is fetched again. */
    public var appVersion: String = ""

    /**
     * How values become JSON. Its own settings matter: without `encodeDefaults` a property that has its default is not
     * stored and no query finds it, without `ignoreUnknownKeys` a field of a newer app makes an entity unreadable.
     */
    public var json: Json = DefaultJson

    internal val headers = mutableListOf<Pair<String, String>>()
    internal val indexes = mutableListOf<Pair<String, List<Field>>>()
    internal val callbacks = Callbacks()

    /** A header for every request. */
    public fun header(
        name: String,
        value: String,
    ) {
        headers += name to value
    }

    /** An index on properties of a collection, the most important first: queries that begin with them are fast. */
    public fun index(
        collection: String,
        vararg properties: String,
    ) {
        indexes += collection to properties.map { Field(listOf(it)) }
    }

    /** As the other one, for properties of properties. */
    public fun index(
        collection: String,
        vararg fields: Field,
    ) {
        indexes += collection to fields.toList()
    }

    /**
     * Brings entities that older versions of the app have written to version [to] of a collection's model, when they are
     * read. What had no versions is of version 1. Where a new property with a default will do, that is simpler.
     */
    public fun upcast(
        collection: String,
        to: Int,
        change: (JsonObject) -> JsonObject,
    ) {
        callbacks.upcasts += Triple(collection, to, change)
    }

    /** Called when a sync has caught up with the server and its cursor has moved, and after the first sync. */
    public fun onSync(callback: SyncClient.(cursor: Long) -> Unit) {
        callbacks.onSync = callback
    }

    /**
     * Called when something is in the way of the sync: once, until it is over or something else is. Also when the file
     * cannot be opened.
     */
    public fun onError(callback: SyncClient.(SyncException) -> Unit) {
        callbacks.onError = callback
    }

    /** Called when the server begins to answer. */
    public fun onOnline(callback: SyncClient.() -> Unit) {
        callbacks.onOnline = callback
    }

    /** Called when the server ceases to answer. */
    public fun onOffline(callback: SyncClient.() -> Unit) {
        callbacks.onOffline = callback
    }

    /** Called for each write that the server refuses. It is also in [SyncClient.rejected] until it is decided about. */
    public fun onRejected(callback: SyncClient.(RejectedMutation) -> Unit) {
        callbacks.onRejected = callback
    }

    /**
     * Called when the server does not accept the token, for the app to get another one in its own time and to give it to
     * [SyncClient.setToken]. Until then nothing is sent, and nothing counts as failed.
     */
    public fun onTokenNeeded(callback: SyncClient.() -> Unit) {
        callbacks.onTokenNeeded = callback
    }

    /** Called with what the SDK says for developers. Never a token, and nothing of the user's data. */
    public fun onLog(callback: (LogLine) -> Unit) {
        callbacks.onLog = callback
    }
}

/**
 * What the SDK says for developers.
 *
 * @property level how much it matters.
 * @property target the part of the SDK that says it.
 * @property text what it says.
 */
public class LogLine internal constructor(
    public val level: LogLevel,
    public val target: String,
    public val text: String,
) {
    override fun toString(): String = "${level.name.lowercase()} $target: $text"
}

/** How much a [LogLine] matters. */
public enum class LogLevel {
    /** Something is wrong, most likely in the app. */
    ERROR,

    /** Something is worth a look. */
    WARN,

    /** What goes on, for whoever looks for a fault. */
    DEBUG,
}

/** How values become JSON, unless told: defaults are stored, and fields that the app does not know are no fault. */
public val DefaultJson: Json =
    Json {
        encodeDefaults = true
        ignoreUnknownKeys = true
    }

/** Keeps the functions of one of the SDK's builders out of another one inside of it. */
@DslMarker
@Target(AnnotationTarget.CLASS)
internal annotation class SyncDsl
