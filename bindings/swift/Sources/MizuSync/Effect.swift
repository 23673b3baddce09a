import Dispatch
import Foundation
internal import MizuSyncNative

/// Code that runs, and runs again whenever something that it has read is another one: a ``Signal``, a ``Computed``, an entity,
/// a query, what a client is doing. It ends with this object, or by ``stop()``.
///
/// ```swift
/// let effect = Effect { label.text = "\(try open.count()) to do" }
/// ```
///
/// It never runs twice at the same time; of several changes while it waits for its turn it sees the last. Its code does not
/// suspend. What that throws goes to `onError`, by default to the log; it runs again when something that it had read until
/// then changes.
public final class Effect: Sendable {
    private let runner: Runner

    /// An effect on the main actor. It has run once when this returns.
    @MainActor
    public init(
        onError: @escaping @Sendable (any Error) -> Void = { Effect.log($0) },
        _ body: @escaping @MainActor () throws -> Void
    ) {
        runner = Runner(queue: .main, onError: onError) { try MainActor.assumeIsolated { try body() } }
        runner.run()
    }

    /// An effect on a queue, where it also begins.
    public init(
        on queue: DispatchQueue, onError: @escaping @Sendable (any Error) -> Void = { Effect.log($0) },
        _ body: @escaping @Sendable () throws -> Void
    ) {
        runner = Runner(queue: queue, onError: onError, body: body)
        runner.schedule()
    }

    deinit {
        runner.stop()
    }

    /// Ends it. It does not begin to run any more.
    public func stop() {
        runner.stop()
    }

    /// An effect on the main actor for as long as the task runs: `.task { await Effect.run { … } }`.
    @MainActor
    public static func run(_ body: @escaping @MainActor () throws -> Void) async {
        let effect = Effect(body)
        // Nobody wakes it: it ends when the task is cancelled.
        _ = await Wakes().next()
        effect.stop()
    }

    /// Says what an effect has thrown, for developers.
    public static func log(_ error: any Error) {
        // What an error says may be the user's data, but for those of the SDK.
        let text = (error as? SyncError)?.message ?? "\(type(of: error))"
        FileHandle.standardError.write(Data("mizu-sync: an effect has thrown: \(text)\n".utf8))
    }
}

/// Runs an effect whenever the core says that it is due.
private final class Runner: Listener, Sendable {
    private struct State {
        /// `nil` once it is stopped.
        var node: NativeEffect?
        var isScheduled = false
        var isRunning = false
    }

    private let queue: DispatchQueue
    private let onError: @Sendable (any Error) -> Void
    private let body: @Sendable () throws -> Void
    private let state = Locked(State())

    init(
        queue: DispatchQueue, onError: @escaping @Sendable (any Error) -> Void,
        body: @escaping @Sendable () throws -> Void
    ) {
        self.queue = queue
        self.onError = onError
        self.body = body
        // The core holds on to this until it is stopped.
        let node = NativeEffect(listener: self)
        state.with { $0.node = node }
    }

    func ready() {
        schedule()
    }

    func schedule() {
        let isNew = state.with { state in
            defer { state.isScheduled = true }
            // What runs looks afterwards.
            return !state.isScheduled && !state.isRunning && state.node != nil
        }
        if isNew { queue.async { self.run() } }
    }

    func run() {
        let node: NativeEffect? = state.with { state in
            state.isScheduled = false
            guard !state.isRunning, let node = state.node else { return nil }
            state.isRunning = true
            return node
        }
        guard let node else { return }
        let called = Called(isTracked: true, isComputing: false, body)
        do {
            try crossing { try node.run(body: called) }
            try called.result()
        } catch {
            onError(error)
        }
        let isDue = state.with { state in
            state.isRunning = false
            return state.isScheduled && state.node != nil
        }
        if isDue { queue.async { self.run() } }
    }

    func stop() {
        let node = state.with { state in
            defer { state.node = nil }
            return state.node
        }
        node?.stop()
    }
}

extension Values {
    /// What `read` gives, and again whenever something that it has read is another one.
    static func read(_ read: @escaping @Sendable () throws -> Element) -> Values {
        Values { wakes in
            let node = NativeEffect(listener: wakes)
            return Feed {
                let called = Called(isTracked: true, isComputing: false, read)
                try crossing { try node.run(body: called) }
                return try called.result()
            } stop: {
                node.stop()
            }
        } opened: {
        } failed: { _ in
        } heard: { _ in
            nil
        }
    }
}
