package dev.mizu.sync

import dev.mizu.sync.ffi.ErrorKind
import dev.mizu.sync.ffi.Problem

/**
 * Why a call failed: what, where, and what to do, in one sentence that can be shown. No failure loses what was saved
 * before.
 *
 * @property isPassing whether it may pass by itself, so that nobody has to do anything.
 */
public sealed class SyncException(
    message: String,
    public val isPassing: Boolean = false,
    cause: Throwable? = null,
) : Exception(message, cause) {
    /** The client is closed: open a new one. */
    public class Closed internal constructor(
        message: String,
    ) : SyncException(message)

    /** The client is paused: resume it first. */
    public class Paused internal constructor(
        message: String,
    ) : SyncException(message)

    /** The client has to be started first. */
    public class NotStarted internal constructor(
        message: String,
    ) : SyncException(message)

    /** The client is started already. */
    public class AlreadyStarted internal constructor(
        message: String,
    ) : SyncException(message)

    /** An option is not valid. */
    public class InvalidOption internal constructor(
        message: String,
        cause: Throwable? = null,
    ) : SyncException(message, cause = cause)

    /** A value, a name or an id cannot be stored. */
    public class InvalidValue internal constructor(
        message: String,
        cause: Throwable? = null,
    ) : SyncException(message, cause = cause)

    /** An entity with this id is visible already. */
    public class AlreadyExists internal constructor(
        message: String,
    ) : SyncException(message)

    /** There is no such entity or mutation here. */
    public class NotFound internal constructor(
        message: String,
    ) : SyncException(message)

    /** Somebody else has changed an entity that a batch updates: nothing was written, do it again. */
    public class ChangedMeanwhile internal constructor(
        message: String,
    ) : SyncException(message)

    /** What is stored does not fit the app's class. */
    public class DoesNotFit internal constructor(
        message: String,
        cause: Throwable? = null,
    ) : SyncException(message, cause = cause)

    /**
     * The file: in use, somebody else's, damaged, full, or out of reach.
     *
     * @property reason which of these.
     */
    public class Storage internal constructor(
        message: String,
        public val reason: StorageReason,
    ) : SyncException(message)

    /** The server does not answer, or not for now. It is tried again. */
    public class Unreachable internal constructor(
        message: String,
        isPassing: Boolean,
    ) : SyncException(message, isPassing)

    /** The server answers with something that is not the protocol, or that no retry changes. */
    public class BadServer internal constructor(
        message: String,
        isPassing: Boolean,
    ) : SyncException(message, isPassing)

    /** The server wants a token, or another one: see [SyncClient.setToken]. */
    public class NeedsAuth internal constructor(
        message: String,
    ) : SyncException(message)

    /** The server refuses this scope to this user. */
    public class Forbidden internal constructor(
        message: String,
    ) : SyncException(message)

    /** The server's data was reset, or restored from a backup; everything is fetched again. */
    public class ServerReset internal constructor(
        message: String,
    ) : SyncException(message, isPassing = true)

    /** What was waited for did not happen in time. Nothing is lost; it goes on in the background. */
    public class TimedOut internal constructor(
        message: String,
    ) : SyncException(message, isPassing = true)

    /** Writes that were not sent, or were refused and not decided about, would be lost. */
    public class Unsent internal constructor(
        message: String,
    ) : SyncException(message)

    /** The SDK is used in a way that cannot work. */
    public class Misuse internal constructor(
        message: String,
    ) : SyncException(message)

    /** The native library of the SDK, or the one of JNA, cannot be used on this device. */
    public class NativeLibrary internal constructor(
        message: String,
        cause: Throwable,
    ) : SyncException(message, cause = cause)

    /** A bug of the SDK. Please report it. */
    public class Bug internal constructor(
        message: String,
        cause: Throwable? = null,
    ) : SyncException(message, cause = cause)
}

/** What is wrong with a file. */
public enum class StorageReason {
    /** Another client, in this process or another, has it. */
    IN_USE,

    /** It holds another scope, another user, a newer version, or is no database of this SDK. It was not touched. */
    WRONG_FILE,

    /** It is damaged. Where it was set aside, the next client begins with a new one. */
    DAMAGED,

    /** There is no space left. Nothing of the write was kept. */
    FULL,

    /** It cannot be read or written. */
    UNUSABLE,
}

/** The exception of a problem that the core tells of. */
internal fun Problem.toException(cause: Throwable? = null): SyncException =
    when (kind) {
        ErrorKind.CLOSED -> SyncException.Closed(sentence)
        ErrorKind.PAUSED -> SyncException.Paused(sentence)
        ErrorKind.NOT_STARTED -> SyncException.NotStarted(sentence)
        ErrorKind.ALREADY_STARTED -> SyncException.AlreadyStarted(sentence)
        ErrorKind.INVALID_OPTION -> SyncException.InvalidOption(sentence, cause)
        ErrorKind.INVALID_VALUE -> SyncException.InvalidValue(sentence, cause)
        ErrorKind.ALREADY_EXISTS -> SyncException.AlreadyExists(sentence)
        ErrorKind.NOT_FOUND -> SyncException.NotFound(sentence)
        ErrorKind.CHANGED_MEANWHILE -> SyncException.ChangedMeanwhile(sentence)
        ErrorKind.DOES_NOT_FIT -> SyncException.DoesNotFit(sentence, cause)
        ErrorKind.FILE_IN_USE -> SyncException.Storage(sentence, StorageReason.IN_USE)
        ErrorKind.WRONG_FILE -> SyncException.Storage(sentence, StorageReason.WRONG_FILE)
        ErrorKind.FILE_DAMAGED -> SyncException.Storage(sentence, StorageReason.DAMAGED)
        ErrorKind.FILE_UNUSABLE -> SyncException.Storage(sentence, StorageReason.UNUSABLE)
        ErrorKind.DISK_FULL -> SyncException.Storage(sentence, StorageReason.FULL)
        ErrorKind.UNREACHABLE -> SyncException.Unreachable(sentence, isPassing)
        ErrorKind.BAD_SERVER -> SyncException.BadServer(sentence, isPassing)
        ErrorKind.NEEDS_AUTH -> SyncException.NeedsAuth(sentence)
        ErrorKind.FORBIDDEN -> SyncException.Forbidden(sentence)
        ErrorKind.LOG_CHANGED -> SyncException.ServerReset(sentence)
        ErrorKind.TIMED_OUT -> SyncException.TimedOut(sentence)
        ErrorKind.UNSENT -> SyncException.Unsent(sentence)
        ErrorKind.MISUSE -> SyncException.Misuse(sentence)
        ErrorKind.CALLBACK, ErrorKind.BUG -> SyncException.Bug(sentence, cause)
    }
