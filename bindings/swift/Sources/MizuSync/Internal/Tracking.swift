import Foundation

/// What code runs on this thread. Whoever knows that its reads are not noted need not call the core.
enum Tracking {
    private static let isOnBit = 1
    private static let isComputingBit = 2
    private static let isBatchingBit = 4
    /// Above the bits it is counted how many run, each for the one before it.
    private static let level = 8

    /// A thread of a queue has a stack of 512 KB.
    private static let deepest = 64

    /// Of each thread: bits and count, as a pointer that leads nowhere.
    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        pthread_key_create(&key, nil)
        return key
    }()

    private static var bits: Int {
        get { Int(bitPattern: pthread_getspecific(key)) }
        set { pthread_setspecific(key, UnsafeRawPointer(bitPattern: newValue)) }
    }

    /// Whether reads are noted.
    static var isOn: Bool { bits & isOnBit != 0 }

    /// Whether code runs that the core has called, tracked or not: what it has read may be newer than what is kept.
    static var isInside: Bool { bits != 0 }

    /// Whether a computed runs, which only reads.
    static var isComputing: Bool { bits & isComputingBit != 0 }

    /// Whether a batch of signals runs, of which only this thread sees what it has set.
    static var isBatching: Bool { bits & isBatchingBit != 0 }

    /// Runs `work` as code whose reads are noted or not, of a computed or a batch or not.
    static func with<R, E: Error>(
        isOn: Bool, isComputing: Bool = Tracking.isComputing, isBatching: Bool = Tracking.isBatching,
        _ work: () throws(E) -> R
    ) throws(E) -> R {
        let before = bits
        bits =
            (isOn ? isOnBit : 0) | (isComputing ? isComputingBit : 0) | (isBatching ? isBatchingBit : 0)
            | (before / level + 1) * level
        defer { bits = before }
        return try work()
    }

    /// Refuses to run one more, where a stack may have no room for it.
    static func mayNest() throws {
        if bits / level < deepest { return }
        throw SyncError(
            .misuse,
            "more than \(deepest) computed values need each other in a row, for which a thread has no room: read one of those "
                + "in the middle first, or compute several of them at once")
    }

    static let mustNotWrite =
        "a computed value must not write: write in an effect, a callback or where the app decides to"

    /// Refuses a write where a computed runs.
    static func mayWrite() throws {
        if isComputing { throw SyncError(.misuse, mustNotWrite) }
    }
}
