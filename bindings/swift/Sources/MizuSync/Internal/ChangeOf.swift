internal import MizuSyncNative

/// A change of an entity that the core lets be computed. What it throws passes by the core.
///
/// `@unchecked`: it never leaves the thread that has called the core.
final class ChangeOf: Change, @unchecked Sendable {
    private let work: (String) throws -> Changed
    private var thrown: (any Error)?

    init(_ work: @escaping (String) throws -> Changed) {
        self.work = work
    }

    func change(data: String) throws -> Changed {
        do {
            return try work(data)
        } catch {
            thrown = error
            throw CallbackError.Thrown(reason: "the change of an entity has thrown")
        }
    }

    /// Gives this to the core by `call`.
    func passed<R>(to call: (ChangeOf) throws -> R) throws -> R {
        do {
            return try crossing { try call(self) }
        } catch {
            throw thrown ?? error
        }
    }
}
