internal import MizuSyncNative

/// A value of the core that is kept here until the core recalls it, so that reading it again is no call.
///
/// The core recalls it before the change returns that may make it another one. What is recalled while it is being read is not
/// kept: the reader may have what was before.
final class Lease<Value: Sendable>: Listener {
    private struct State {
        var kept: Value?
        var recalls: UInt64 = 0
    }

    private let state = Locked(State())

    /// What is kept, or else what `read` gives on a new lease.
    func value(_ read: () throws -> Value) rethrows -> Value {
        let before = state.with { $0 }
        if let kept = before.kept { return kept }
        let value = try read()
        state.with { state in
            if state.recalls == before.recalls { state.kept = value }
        }
        return value
    }

    /// It is recalled.
    func ready() {
        state.with { $0 = State(recalls: $0.recalls + 1) }
    }
}
