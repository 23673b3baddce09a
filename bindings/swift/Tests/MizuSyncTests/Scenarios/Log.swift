import Foundation
import MizuSync

/// Values in the order in which they came.
final class Log: @unchecked Sendable {
    private let changed = NSCondition()
    private var values: [JSON] = []
    private var stopping: (@Sendable () async -> Void)?
    private var isStopped = false

    /// Adds one; not twice the same in a row where `isDistinct`.
    func add(_ value: JSON) {
        changed.withLock {
            guard !isStopped else { return }
            values.append(value)
            changed.broadcast()
        }
    }

    /// What ends that which adds to it.
    func onStop(_ stop: @escaping @Sendable () async -> Void) {
        changed.withLock { stopping = stop }
    }

    func stop() async {
        let stopping = changed.withLock { self.stopping }
        await stopping?()
        changed.withLock { isStopped = true }
    }

    /// Waits for the next value, or for one that is `wanted`.
    func next(_ wanted: JSON? = nil) async throws -> JSON {
        try await onThread { try self.nextNow(wanted) }
    }

    private func nextNow(_ wanted: JSON?) throws -> JSON {
        let limit = Date(timeIntervalSinceNow: 60)
        var last: JSON?
        return try changed.withLock {
            while true {
                while values.isEmpty {
                    guard changed.wait(until: limit) else {
                        let what = wanted.map { "\($0)" } ?? "another value"
                        throw Wrong("\(what) does not come; the last was \(last.map { "\($0)" } ?? "none")")
                    }
                }
                let value = values.removeFirst()
                guard let wanted, !same(value, wanted) else { return value }
                last = value
            }
        }
    }

    /// How many values nobody has asked for, once none are added any more.
    func left() throws -> Int {
        try changed.withLock {
            guard isStopped else { throw Wrong("it has to be stopped first: others may still come") }
            return values.count
        }
    }
}
