import Dispatch

/// Where what waits for a disk or for code of the core is done: none of it on a thread of Swift's concurrency, of which there
/// are few and which must not wait.
enum Work {
    private static let queue = DispatchQueue(label: "dev.mizu.sync", qos: .userInitiated, attributes: .concurrent)

    /// Does it there, and gives what it gives. Not interrupted when the task is cancelled.
    static func run<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Swift.Result(catching: work)) }
        }
    }
}
