import Foundation
internal import MizuSyncNative

/// The client of the core, which is opened on a thread of its own: opening a file takes time that the caller may not have.
/// Whoever needs it waits until it is open, or is told why it could not be opened, or that it is closed.
///
/// `@unchecked`: the condition guards all that changes.
final class Opening: @unchecked Sendable {
    private enum State {
        case waiting
        case open(NativeClient)
        case failed(SyncError)
        case closed
    }

    private let changed = NSCondition()
    private var state = State.waiting
    private var isOpening = false
    /// Who frees the file. Objects of the app may end meanwhile, which may close the client once more.
    private var closing: Thread?
    /// What is to be done when it is open, in order.
    private var actions: [@Sendable (NativeClient) throws -> Void] = []
    /// What tells those who wait without a thread that they need not any more.
    private var waiting: [@Sendable () -> Void] = []

    var isClosed: Bool {
        locked {
            if case .closed = state { return true }
            return false
        }
    }

    /// Begins, by `open`. From now on `failed` may be told: of that failure, and of those of the actions that waited.
    func begin(_ open: @escaping @Sendable () throws -> NativeClient, failed: @escaping @Sendable (SyncError) -> Void) {
        locked { isOpening = true }
        let thread = Thread { self.settle(Result { try crossing(open) }, failed: failed) }
        thread.name = "mizu-open"
        thread.start()
    }

    /// The client, once it is open.
    var client: NativeClient {
        get throws {
            try locked {
                while case .waiting = state { changed.wait() }
                return try opened()
            }
        }
    }

    /// The client, once it is open. No thread waits, and no cancelled task ends the wait: it may be for a write.
    func opened() async throws -> NativeClient {
        await withCheckedContinuation { continuation in whenSettled { continuation.resume() } }
        return try client
    }

    /// Waits until it is open, or the task is cancelled.
    func openedUnlessCancelled() async throws {
        let wakes = Wakes()
        whenSettled { wakes.ready() }
        guard await wakes.next() else { throw CancellationError() }
        _ = try client
    }

    private func whenSettled(_ tell: @escaping @Sendable () -> Void) {
        let isSettled = locked {
            guard case .waiting = state else { return true }
            waiting.append(tell)
            return false
        }
        if isSettled { tell() }
    }

    /// Lets `action` have the client: now where it is open, else as soon as it is.
    func whenOpen(_ action: @escaping @Sendable (NativeClient) throws -> Void) throws {
        let client = try locked { try waits(action) ? nil : opened() }
        if let client { try crossing { try action(client) } }
    }

    /// As ``whenOpen(_:)``. Where nothing is open any more, or never was, there is nobody to tell.
    func ifOpen(_ action: @escaping @Sendable (NativeClient) -> Void) {
        let client: NativeClient? = locked {
            if waits(action) { return nil }
            if case .open(let client) = state { return client }
            return nil
        }
        if let client { action(client) }
    }

    /// Closes the client. The file is free when this returns, also where another thread closes it at the same time.
    func close() {
        let (open, waited) = locked {
            var open: NativeClient?
            if case .open(let client) = state {
                open = client
                closing = .current
            }
            state = .closed
            actions = []
            defer { waiting = [] }
            changed.broadcast()
            while isOpening || closing != nil && closing !== Thread.current { changed.wait() }
            return (open, waiting)
        }
        for tell in waited { tell() }
        guard let open else { return }
        open.shutDown()
        locked {
            closing = nil
            changed.broadcast()
        }
    }

    private func waits(_ action: @escaping @Sendable (NativeClient) throws -> Void) -> Bool {
        guard case .waiting = state else { return false }
        actions.append(action)
        return true
    }

    private func opened() throws -> NativeClient {
        switch state {
        case .open(let client): return client
        case .failed(let failure): throw failure
        case .closed, .waiting: throw SyncError.closed
        }
    }

    /// Calls nothing of the app's before everybody can have the client, for the app may ask for it there.
    private func settle(_ result: Result<NativeClient, any Error>, failed: @Sendable (SyncError) -> Void) {
        var failures: [SyncError] = []
        switch result {
        case .success(let client):
            while let action = next(for: client) {
                do { try crossing { try action(client) } } catch { failures.append(SyncError(known: error)) }
            }
            if isClosed { client.shutDown() }
        case .failure(let error):
            let failure = SyncError(known: error)
            failures.append(failure)
            locked { if case .waiting = state { state = .failed(failure) } }
        }
        let waited = locked {
            isOpening = false
            changed.broadcast()
            defer { waiting = [] }
            return waiting
        }
        for tell in waited { tell() }
        for failure in failures where !isClosed { failed(failure) }
    }

    /// What waits for the client. When nothing does any more it is open; unless it was closed meanwhile.
    private func next(for client: NativeClient) -> (@Sendable (NativeClient) throws -> Void)? {
        locked {
            guard case .waiting = state else { return nil }
            if !actions.isEmpty { return actions.removeFirst() }
            state = .open(client)
            return nil
        }
    }

    private func locked<R>(_ work: () throws -> R) rethrows -> R {
        changed.lock()
        defer { changed.unlock() }
        return try work()
    }
}

extension Opening {
    /// Nobody needs the client any more; if it is being opened it is closed when it is. Waits for nothing.
    func forget() {
        if isClosed { return }
        Thread.detachNewThread { self.close() }
    }
}
