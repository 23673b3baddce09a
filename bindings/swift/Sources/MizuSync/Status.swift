import Foundation
internal import MizuSyncNative

/// What a client is doing, all of one moment. Its text is a line for a person:
/// `online · 3 to send · 12,000 of 120,000 rows · 1 not accepted`.
public struct Status: Hashable, Sendable, CustomStringConvertible {
    /// Whether the server answers.
    public let connection: Connection
    /// Whether the server tells of changes by itself, so that they come within a blink.
    public let isLive: Bool
    /// Whether the server lets this client sync.
    public let auth: Auth
    /// Whether writes are being sent.
    public let isUploading: Bool
    /// Whether changes are being fetched.
    public let isDownloading: Bool
    /// How far the snapshot is that is being fetched, the first one for instance.
    public let progress: Progress?
    /// Writes that are not confirmed.
    public let pending: Int
    /// Writes that were refused, and neither retried nor discarded.
    public let rejected: Int
    /// Whether the server's data has been here once.
    public let hasSynced: Bool
    /// How far the server's log has been pulled.
    public let cursor: UInt64
    /// When the sync had last caught up, by the clock of this device.
    public let lastSync: Date?
    /// What is in the way of the sync now.
    public let error: SyncError?
    /// What the server says of a write that keeps failing, and with which those wait that touch the same entities.
    public let blocked: String?

    public let description: String

    /// Whether the server answers.
    public var isOnline: Bool { connection == .online }

    /// Whether the server answers.
    public enum Connection: String, CaseIterable, Hashable, Sendable {
        /// The sync does not run: it was not started, or it is stopped, paused or closed.
        case stopped
        /// Nobody knows yet.
        case connecting
        /// It answers.
        case online
        /// It does not answer, or there is no network.
        case offline
    }

    /// Whether the server lets this client sync.
    public enum Auth: String, CaseIterable, Hashable, Sendable {
        /// As far as is known.
        case granted
        /// It wants a token, or another one, and the app was asked for it by ``SyncOptions/onTokenNeeded``.
        case awaitingToken
        /// It wants a token, or another one, and nobody has it: let the user sign in.
        case needsToken
        /// It refuses this scope to this user.
        case forbidden
    }

    /// How far a snapshot is that is being fetched.
    public struct Progress: Hashable, Sendable {
        /// Rows that are here.
        public let rows: Int
        /// Rows in all, where the server told.
        public let total: Int?
    }

    init(_ native: NativeStatus) {
        connection = Connection(native.connection)
        isLive = native.live
        auth = Auth(native.auth)
        isUploading = native.uploading
        isDownloading = native.downloading
        progress = native.rows.map { Progress(rows: Int($0), total: native.total.map { Int($0) }) }
        pending = Int(native.pending)
        rejected = Int(native.rejected)
        hasSynced = native.syncedOnce
        cursor = native.cursor
        lastSync = native.lastSync.map { Date(milliseconds: $0) }
        error = native.error.map { SyncError($0) }
        blocked = native.blocked
        description = native.line
    }
}

extension Status.Connection {
    init(_ native: NativeConnection) {
        self =
            switch native {
            case .stopped: .stopped
            case .connecting: .connecting
            case .online: .online
            case .offline: .offline
            }
    }
}

extension Status.Auth {
    init(_ native: NativeAuth) {
        self =
            switch native {
            case .granted: .granted
            case .awaitingToken: .awaitingToken
            case .needsToken: .needsToken
            case .forbidden: .forbidden
            }
    }
}
