internal import MizuSyncNative

/// Code that the core calls on the thread that has called the core, and what became of it. Nothing that it throws reaches
/// the core.
///
/// `@unchecked`: it never leaves that thread.
final class Called<R>: Body, @unchecked Sendable {
    private let work: () throws -> R
    private let isTracked: Bool
    private let isComputing: Bool
    private let isBatching: Bool
    private var outcome: Result<R, any Error>?

    init(
        isTracked: Bool, isComputing: Bool = Tracking.isComputing, isBatching: Bool = Tracking.isBatching,
        _ work: @escaping () throws -> R
    ) {
        self.isTracked = isTracked
        self.isComputing = isComputing
        self.isBatching = isBatching
        self.work = work
    }

    func run() {
        outcome = Tracking.with(isOn: isTracked, isComputing: isComputing, isBatching: isBatching) {
            Result { try work() }
        }
    }

    /// What it gave, or throws what it has thrown.
    func result() throws -> R {
        guard let outcome else {
            throw SyncError(.bug, "code of the app was not called, which is a bug; please report it")
        }
        return try outcome.get()
    }
}
