package dev.mizu.sync

import dev.mizu.sync.ffi.NativeAuth
import dev.mizu.sync.ffi.NativeConnection
import dev.mizu.sync.ffi.NativeStatus
import kotlin.time.Instant

/**
 * What a client is doing, all of one moment. Its text is a line for a person:
 * `online · 3 to send · 12,000 of 120,000 rows · 1 not accepted`.
 *
 * @property connection whether the server answers.
 * @property isLive whether the server tells of changes by itself, so that they come within a blink.
 * @property auth whether the server lets this client sync.
 * @property isUploading whether writes are being sent.
 * @property isDownloading whether changes are being fetched.
 * @property progress how far the snapshot is that is being fetched, the first one for instance.
 * @property pending writes that are not confirmed.
 * @property rejected writes that were refused, and neither retried nor discarded.
 * @property hasSynced whether the server's data has been here once.
 * @property cursor how far the server's log has been pulled.
 * @property lastSync when the sync had last caught up, by the clock of this device.
 * @property error what is in the way of the sync now.
 * @property blocked what the server says of a write that keeps failing, and with which those wait that touch the same
 *   entities.
 */
public class Status internal constructor(
    public val connection: Connection,
    public val isLive: Boolean,
    public val auth: Auth,
    public val isUploading: Boolean,
    public val isDownloading: Boolean,
    public val progress: Progress?,
    public val pending: Long,
    public val rejected: Long,
    public val hasSynced: Boolean,
    public val cursor: Long,
    public val lastSync: Instant?,
    public val error: SyncException?,
    public val blocked: String?,
    private val line: String,
) {
    internal constructor(native: NativeStatus) : this(
        connection(native.connection),
        native.live,
        auth(native.auth),
        native.uploading,
        native.downloading,
        native.rows?.let { Progress(it.toLong(), native.total?.toLong()) },
        native.pending.toLong(),
        native.rejected.toLong(),
        native.syncedOnce,
        native.cursor.toLong(),
        native.lastSync?.let(Instant::fromEpochMilliseconds),
        native.error?.toException(),
        native.blocked,
        native.line,
    )

    /** Whether the server answers. */
    public val isOnline: Boolean
        get() = connection == Connection.ONLINE

    override fun toString(): String = line

    /** Whether the server answers. */
    public enum class Connection {
        /** The sync does not run: it was not started, or it is stopped, paused or closed. */
        STOPPED,

        /** Nobody knows yet. */
        CONNECTING,

        /** It answers. */
        ONLINE,

        /** It does not answer, or there is no network. */
        OFFLINE,
    }

    /** Whether the server lets this client sync. */
    public enum class Auth {
        /** As far as is known. */
        GRANTED,

        /** It wants a token, or another one, and the app was asked for it by `onTokenNeeded`. */
        AWAITING_TOKEN,

        /** It wants a token, or another one, and nobody has it: let the user sign in. */
        NEEDS_TOKEN,

        /** It refuses this scope to this user. */
        FORBIDDEN,
    }

    /**
     * How far a snapshot is that is being fetched.
     *
     * @property rows rows that are here.
     * @property total rows in all, where the server told.
     */
    public data class Progress(
        val rows: Long,
        val total: Long?,
    )
}

private fun connection(native: NativeConnection): Status.Connection =
    when (native) {
        NativeConnection.STOPPED -> Status.Connection.STOPPED
        NativeConnection.CONNECTING -> Status.Connection.CONNECTING
        NativeConnection.ONLINE -> Status.Connection.ONLINE
        NativeConnection.OFFLINE -> Status.Connection.OFFLINE
    }

private fun auth(native: NativeAuth): Status.Auth =
    when (native) {
        NativeAuth.GRANTED -> Status.Auth.GRANTED
        NativeAuth.AWAITING_TOKEN -> Status.Auth.AWAITING_TOKEN
        NativeAuth.NEEDS_TOKEN -> Status.Auth.NEEDS_TOKEN
        NativeAuth.FORBIDDEN -> Status.Auth.FORBIDDEN
    }
