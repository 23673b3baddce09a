import Foundation
internal import MizuSyncNative

/// A write that the server has not confirmed. Its text names no data of the user.
public struct PendingMutation: Identifiable, Hashable, Sendable, CustomStringConvertible {
    /// The same for life, on the device and at the server.
    public let id: String
    /// What it does: `todo.create`, `todo.patch`, `todo.delete`, or a mutation of the app's own.
    public let name: String
    /// Its arguments, as JSON.
    public let args: String
    /// When it was made, by the clock of this device.
    public let createdAt: Date
    /// Whether the server has applied it, so that only its effects are awaited.
    public let isAcked: Bool
    /// How often it failed for a reason that may pass.
    public let failures: Int
    /// What the server said last of that.
    public let error: String?
    /// The id of the rejected mutation that it retries.
    public let retries: String?

    init(_ native: NativePending) {
        id = native.id
        name = native.name
        args = native.args
        createdAt = Date(milliseconds: native.createdAt)
        isAcked = native.acked
        failures = Int(native.failures)
        error = native.error
        retries = native.retries
    }

    public var description: String { isAcked ? "\(name) is applied" : "\(name) is on its way" }
}

/// A write that the server has refused. It was undone here, and waits to be retried or discarded, see
/// ``SyncClient/retry(_:)``. Its text is for a person.
public struct RejectedMutation: Identifiable, Hashable, Sendable, CustomStringConvertible {
    /// The same for life, on the device and at the server.
    public let id: String
    /// What it was to do: `todo.create`, `todo.patch`, `todo.delete`, or a mutation of the app's own.
    public let name: String
    /// Its arguments, as JSON.
    public let args: String
    /// Why not, for the app: `conflict`, `not_found`, `forbidden` and so on, or a code of the server's own.
    public let code: String
    /// Why not, for a person.
    public let error: String
    /// When it was refused.
    public let rejectedAt: Date
    /// When it was made.
    public let createdAt: Date
    /// The id of the rejected mutation that it retried.
    public let retries: String?

    public let description: String

    init(_ native: NativeRejected) {
        id = native.id
        name = native.name
        args = native.args
        code = native.code
        error = native.error
        rejectedAt = Date(milliseconds: native.rejectedAt)
        createdAt = Date(milliseconds: native.createdAt)
        retries = native.retries
        description = native.sentence
    }
}

extension Date {
    init(milliseconds: Int64) {
        self.init(timeIntervalSince1970: Double(milliseconds) / 1_000)
    }
}
