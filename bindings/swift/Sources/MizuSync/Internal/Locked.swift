import Foundation

/// A value that one thread at a time has. Nothing of the app's runs, and nothing waits, while somebody has it.
///
/// `@unchecked`: the compiler cannot see that the lock guards the value.
final class Locked<Value>: @unchecked Sendable {
    private let lock = NSLock()
    private var value: Value

    init(_ value: Value) {
        self.value = value
    }

    /// Has the value for as long as `work` takes.
    func with<Result>(_ work: (inout Value) throws -> Result) rethrows -> Result {
        lock.lock()
        defer { lock.unlock() }
        return try work(&value)
    }
}
