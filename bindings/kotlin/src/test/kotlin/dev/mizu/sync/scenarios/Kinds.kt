package dev.mizu.sync.scenarios

import dev.mizu.sync.StorageReason
import dev.mizu.sync.SyncException

/** The kind of an error, as scenarios name it. */
val SyncException.kind: String
    get() =
        when (this) {
            is SyncException.Closed -> {
                "closed"
            }

            is SyncException.Paused -> {
                "paused"
            }

            is SyncException.NotStarted -> {
                "not_started"
            }

            is SyncException.AlreadyStarted -> {
                "already_started"
            }

            is SyncException.InvalidOption -> {
                "invalid_option"
            }

            is SyncException.InvalidValue -> {
                "invalid_value"
            }

            is SyncException.AlreadyExists -> {
                "already_exists"
            }

            is SyncException.NotFound -> {
                "not_found"
            }

            is SyncException.ChangedMeanwhile -> {
                "changed_meanwhile"
            }

            is SyncException.DoesNotFit -> {
                "does_not_fit"
            }

            is SyncException.Storage -> {
                when (reason) {
                    StorageReason.IN_USE -> "file_in_use"
                    StorageReason.WRONG_FILE -> "wrong_file"
                    StorageReason.DAMAGED -> "file_damaged"
                    StorageReason.FULL -> "disk_full"
                    StorageReason.UNUSABLE -> "file_unusable"
                }
            }

            is SyncException.Unreachable -> {
                "unreachable"
            }

            is SyncException.BadServer -> {
                "bad_server"
            }

            is SyncException.NeedsAuth -> {
                "needs_auth"
            }

            is SyncException.Forbidden -> {
                "forbidden"
            }

            is SyncException.ServerReset -> {
                "server_reset"
            }

            is SyncException.TimedOut -> {
                "timed_out"
            }

            is SyncException.Unsent -> {
                "unsent"
            }

            is SyncException.Misuse -> {
                "misuse"
            }

            is SyncException.NativeLibrary -> {
                "native_library"
            }

            is SyncException.Bug -> {
                "bug"
            }
        }
