internal import MizuSyncNative

extension SyncClient {
    /// Syncs now, and waits until everything is sent, its effects are seen, and the server's changes up to this call are here.
    /// Cancelling the task ends the wait, not the sync.
    ///
    /// - Throws: ``SyncError/Code/timedOut`` with the reason, and a `CancellationError`.
    public func sync(timeout: Duration = .seconds(30)) async throws {
        try await wait(for: .synced, timeout)
    }

    /// Waits until every write is sent and its effects are seen. Otherwise as ``sync(timeout:)``.
    public func flush(timeout: Duration = .seconds(30)) async throws {
        try await wait(for: .sent, timeout)
    }

    /// Waits until the server's data has been here once. Returns at once if it has, in an earlier process even.
    public func waitForFirstSync(timeout: Duration = .seconds(30)) async throws {
        try await wait(for: .firstSync, timeout)
    }

    /// Waits until every callback and watcher has heard of what happened before this call: for tests.
    public func delivered(timeout: Duration = .seconds(30)) async throws {
        let wakes = Wakes()
        let heard = heard(by: wakes)
        defer { withExtendedLifetime(heard) {} }
        try await opened()
        try await writing { try $0.whenDelivered(listener: wakes) }
        guard try await happens(within: timeout, { try await self.next(wakes) }) else {
            throw SyncError(
                .timedOut, "not delivered after \(timeout): a callback has not returned", isPassing: true)
        }
    }

    private func wait(for goal: Goal, _ timeout: Duration) async throws {
        let wakes = Wakes()
        let heard = heard(by: wakes)
        defer { withExtendedLifetime(heard) {} }
        try await opened()
        let wait = try await writing { try $0.wait(goal: goal, listener: wakes) }
        let isDone: @Sendable () async throws -> Bool = {
            try await Work.run { try crossing { try wait.isDone() } }
        }
        if try await isDone() { return }
        let hasHappened = try await happens(within: timeout) {
            while try await !isDone() { try await self.next(wakes) }
        }
        if !hasHappened, let error = wait.timedOut(after: timeout.milliseconds) {
            try crossing { throw error }
        }
    }

    /// Waits for a wake.
    private func next(_ wakes: Wakes) async throws {
        guard await wakes.next() else {
            try Task.checkCancellation()
            throw SyncError.closed
        }
    }

    /// Whether `work` ends in time. If it does not it is cancelled.
    private func happens(
        within timeout: Duration, _ work: @escaping @Sendable () async throws -> Void
    ) async throws -> Bool {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await work()
                return true
            }
            group.addTask {
                try await Task.sleep(for: max(timeout, .zero))
                return false
            }
            defer { group.cancelAll() }
            return try await group.next() ?? false
        }
    }
}
