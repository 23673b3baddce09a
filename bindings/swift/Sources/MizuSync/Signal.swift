internal import MizuSyncNative

/// A value of the app's own that tells who has read it when it is set to another one.
///
/// ```swift
/// let filter = Signal("")
/// let effect = Effect { print(filter.value) }  // prints "", then "milk"
/// filter.value = "milk"
/// ```
///
/// It can be read and set on any thread.
public final class Signal<Value: Sendable>: Sendable {
    private let current: Locked<(value: Value, version: UInt64)>
    private let isSame: @Sendable (Value, Value) -> Bool

    /// Made when somebody is to be told: a signal that nobody watches costs nothing.
    private let node = Locked<NativeSignal?>(nil)

    /// A signal. Values that are the same by `isSame` are no change.
    public init(_ initial: Value, isSame: @escaping @Sendable (Value, Value) -> Bool) {
        current = Locked((initial, 0))
        self.isSame = isSame
    }

    /// A signal. Values that are equal are no change.
    public convenience init(_ initial: Value) where Value: Equatable {
        self.init(initial) { $0 == $1 }
    }

    /// The value now. Read inside of an ``Effect`` or a ``Computed``, it makes those run again when it is another one, and only
    /// then. A computed must not set it: in a debug build that traps, otherwise nothing is set.
    public var value: Value {
        get {
            if Tracking.isOn { tracked().track() }
            return current.with { $0.value }
        }
        set {
            update { $0 = newValue }
        }
    }

    /// Changes it. `change` runs again if somebody else has set it meanwhile, so that none of two changes is lost.
    public func update(_ change: (inout Value) -> Void) {
        if Tracking.isComputing {
            assertionFailure(Tracking.mustNotWrite)
            return
        }
        var before = current.with { $0 }
        var after = before.value
        change(&after)
        while let newer = replace(before.version, by: after) {
            (before, after) = (newer, newer.value)
            change(&after)
        }
        tell(from: before.value, to: after)
    }

    /// It now, and whenever it is another one. A slow loop gets the newest.
    public var values: Values<Value> {
        .read { self.value }
    }

    /// Sets it, if it is still of this version; gives the newer one otherwise.
    private func replace(_ version: UInt64, by value: Value) -> (value: Value, version: UInt64)? {
        current.with { current in
            if current.version != version { return current }
            current = (value, version + 1)
            return nil
        }
    }

    private func tell(from before: Value, to after: Value) {
        // Whoever makes the node later reads the new value.
        guard let node = node.with({ $0 }), !isSame(before, after) else { return }
        do {
            try crossing { try node.changed() }
        } catch {
            assertionFailure("\(error)")
        }
    }

    private func tracked() -> NativeSignal {
        node.with { node in
            let made = node ?? NativeSignal()
            node = made
            return made
        }
    }
}

/// Runs code whose writes of signals make effects due once, at its end.
public func batch<R>(_ body: () throws -> R) throws -> R {
    try withoutActuallyEscaping(body) { body in
        // What runs inside is tracked as it is outside.
        let called = Called(isTracked: Tracking.isOn, isBatching: true, body)
        try crossing { try MizuSyncNative.batch(body: called) }
        return try called.result()
    }
}

/// Runs code of which nothing is tracked: what it reads makes nothing run again.
public func untrack<R>(_ body: () throws -> R) rethrows -> R {
    guard Tracking.isOn else { return try body() }
    return try untracked(body)
}

private func untracked<R>(_ body: () throws -> R) rethrows -> R {
    func run(_ body: () throws -> R, _ failed: (any Error) throws -> R) rethrows -> R {
        let outcome = withoutActuallyEscaping(body) { body in
            let called = Called(isTracked: false, body)
            MizuSyncNative.untrack(body: called)
            return Result { try called.result() }
        }
        switch outcome {
        case .success(let result): return result
        case .failure(let error): return try failed(error)
        }
    }
    return try run(body) { throw $0 }
}
