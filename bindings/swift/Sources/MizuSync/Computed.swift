import Foundation
internal import MizuSyncNative

/// A value that is made of others: when it is read, and something that it was made of has changed.
///
/// ```swift
/// let open = Computed { try todos.query().where("done", equals: false).count() }
/// let effect = Effect { print("\(try open.value) to do") }
/// ```
///
/// Its closure only reads. It may run on any thread, on several at once, and once more when what it has read changes meanwhile.
/// What it throws, whoever reads the value is thrown, until something that it has read changes. A chain of computeds of which
/// none was read yet may have some 60 of them.
public final class Computed<Value: Sendable>: Sendable {
    private let kept: ComputedValues<Value>
    private let node = Locked<NativeComputed?>(nil)
    /// The number of the value, which keeps nothing of the app's alive.
    private let lease = Lease<UInt64>()

    /// A computed value. A new one that is the same by `isSame` is no change.
    public init(
        isSame: @escaping @Sendable (Value, Value) -> Bool, _ compute: @escaping @Sendable () throws -> Value
    ) {
        kept = ComputedValues(compute, isSame)
    }

    /// A computed value. A new one that is equal is no change.
    public convenience init(_ compute: @escaping @Sendable () throws -> Value) where Value: Equatable {
        self.init(isSame: { $0 == $1 }, compute)
    }

    /// The value now. Read inside of an ``Effect`` or another computed, it makes those run again when it is another one, and
    /// only then.
    public var value: Value {
        get throws {
            while true {
                if let outcome = kept.of(try number()) { return try outcome.get() }
                // Another thread has made it anew meanwhile.
                lease.ready()
            }
        }
    }

    /// It now, and whenever it is another one. A slow loop gets the newest; what the closure throws is passed over.
    public var values: Values<Value> {
        .read { try self.value }
    }

    /// A call where it is noted that it is read, or where it may need what nobody else sees yet.
    private func number() throws -> UInt64 {
        if Tracking.isOn || Tracking.isBatching {
            try Tracking.mayNest()
            return try crossing { try made().get() }
        }
        return try lease.value {
            try Tracking.mayNest()
            return try crossing { try made().lease() }
        }
    }

    private func made() -> NativeComputed {
        node.with { node in
            let made = node ?? NativeComputed(compute: Weakly(kept), recall: lease)
            node = made
            return made
        }
    }
}

/// What the core has of a computed. What it calls is often code of an object that has the computed as a property: if the core
/// kept that, nobody would ever free either.
///
/// `@unchecked`: a weak property is a `var`, which is set once.
private final class Weakly<Value: Sendable>: Compute, @unchecked Sendable {
    private weak var values: ComputedValues<Value>?

    init(_ values: ComputedValues<Value>) {
        self.values = values
    }

    /// Whoever has read a computed that is gone finds another value, and runs again without it.
    func compute() -> UInt64 {
        values?.compute() ?? Gone.next()
    }

    func forget(number: UInt64) {
        values?.forget(number)
    }
}

/// Numbers that no value has.
private enum Gone {
    private static let last = Locked(UInt64.max / 2)

    static func next() -> UInt64 {
        last.with { last in
            last += 1
            return last
        }
    }
}

/// The values of a computed that the core may still ask for, by their numbers.
private final class ComputedValues<Value: Sendable>: Sendable {
    private struct Kept {
        let outcome: Result<Value, any Error>
        /// How often it was given.
        var given = 0
    }

    private struct State {
        var kept: [UInt64: Kept] = [:]
        var latest: UInt64?
        var numbers: UInt64 = 0
    }

    private let work: @Sendable () throws -> Value
    private let isSame: @Sendable (Value, Value) -> Bool
    private let state = Locked(State())

    init(
        _ compute: @escaping @Sendable () throws -> Value, _ isSame: @escaping @Sendable (Value, Value) -> Bool
    ) {
        work = compute
        self.isSame = isSame
    }

    func compute() -> UInt64 {
        let before = state.with { state in state.latest.flatMap { number in state.kept[number].map { (number, $0) } } }
        let outcome = Tracking.with(isOn: true, isComputing: true) { Result { try work() } }
        let same = before.flatMap { before in isSame(before.1.outcome, outcome) ? before.0 : nil }
        return state.with { state in
            let number: UInt64
            if let same, state.kept[same] != nil {
                number = same
            } else {
                number = state.numbers
                state.numbers += 1
                state.kept[number] = Kept(outcome: outcome)
            }
            state.kept[number]?.given += 1
            state.latest = number
            return number
        }
    }

    func forget(_ number: UInt64) {
        // The value may be the last to hold objects of the app, whose ends are not to be met with the lock.
        let gone: Kept? = state.with { state in
            guard var kept = state.kept[number] else { return nil }
            kept.given -= 1
            guard kept.given == 0 else {
                state.kept[number] = kept
                return nil
            }
            if state.latest == number { state.latest = nil }
            return state.kept.removeValue(forKey: number)
        }
        withExtendedLifetime(gone) {}
    }

    func of(_ number: UInt64) -> Result<Value, any Error>? {
        state.with { $0.kept[number]?.outcome }
    }

    private func isSame(_ before: Result<Value, any Error>, _ after: Result<Value, any Error>) -> Bool {
        guard case .success(let before) = before, case .success(let after) = after else { return false }
        return Tracking.with(isOn: false) { isSame(before, after) }
    }
}
