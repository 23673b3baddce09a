internal import MizuSyncNative

/// Woken by the core, on a thread of its own, when there is news. It knows of one wake, however often it was woken since
/// that was taken.
final class Wakes: Listener, Sendable {
    private enum State {
        case idle
        case woken
        case waiting(CheckedContinuation<Bool, Never>)
        case ended
    }

    private let state = Locked(State.idle)

    func ready() {
        let waiting: CheckedContinuation<Bool, Never>? = state.with { state in
            switch state {
            case .waiting(let continuation):
                state = .idle
                return continuation
            case .idle:
                state = .woken
                return nil
            case .woken, .ended:
                return nil
            }
        }
        waiting?.resume(returning: true)
    }

    /// Nobody waits for it any more.
    func end() {
        let waiting: CheckedContinuation<Bool, Never>? = state.with { state in
            defer { state = .ended }
            if case .waiting(let continuation) = state { return continuation }
            return nil
        }
        waiting?.resume(returning: false)
    }

    /// Whether it was ended.
    var isEnded: Bool {
        state.with { state in
            if case .ended = state { return true }
            return false
        }
    }

    /// Waits for the next wake; `false` when it was ended, or the task is cancelled. One waits at a time.
    func next() async -> Bool {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now: Bool? = state.with { state in
                    switch state {
                    case .woken:
                        state = .idle
                        return true
                    case .ended:
                        return false
                    case .waiting:
                        return false
                    case .idle:
                        state = .waiting(continuation)
                        return nil
                    }
                }
                if let now {
                    continuation.resume(returning: now)
                } else if Task.isCancelled {
                    giveUp()
                }
            }
        } onCancel: {
            giveUp()
        }
    }

    /// The one who waits waits no more. The wake that it waited for stays.
    private func giveUp() {
        let waiting: CheckedContinuation<Bool, Never>? = state.with { state in
            guard case .waiting(let continuation) = state else { return nil }
            state = .idle
            return continuation
        }
        waiting?.resume(returning: false)
    }
}
