internal import MizuSyncNative

/// Values now, and whenever they are others: `for await value in values`. Each loop begins anew, and ends when its task is
/// cancelled, or the client is closed.
///
/// Of values that change faster than they are taken, a loop gets the newest. What is in the way of reading them is told to
/// ``SyncOptions/onError``, and the loop goes on with the next that can be read.
public struct Values<Element: Sendable>: AsyncSequence, Sendable {
    let begin: @Sendable (Wakes) throws -> Feed<Element>
    let opened: @Sendable () async throws -> Void
    let failed: @Sendable (SyncError) -> Void
    let heard: @Sendable (Wakes) -> Heard?

    public func makeAsyncIterator() -> Iterator {
        Iterator(watching: Watching(values: self))
    }

    /// One loop over the values.
    public struct Iterator: AsyncIteratorProtocol, Sendable {
        let watching: Watching<Element>

        public func next() async -> Element? {
            await watching.next()
        }
    }
}

/// Something of the core that has news from time to time.
struct Feed<Element: Sendable>: Sendable {
    /// What is new since the last call; `nil` when nothing is.
    let next: @Sendable () throws -> Element?
    /// Nobody asks any more.
    let stop: @Sendable () -> Void
}

/// Somebody watches for as long as this is there.
final class Heard: Sendable {
    private let end: @Sendable () -> Void

    init(_ end: @escaping @Sendable () -> Void) {
        self.end = end
    }

    deinit {
        end()
    }
}

/// What one loop watches, for as long as the loop is there.
final class Watching<Element: Sendable>: Sendable {
    private let values: Values<Element>
    private let wakes = Wakes()
    private let heard: Heard?
    private let feed = Locked<Feed<Element>?>(nil)

    init(values: Values<Element>) {
        self.values = values
        heard = values.heard(wakes)
    }

    deinit {
        feed.with { $0 }?.stop()
    }

    func next() async -> Element? {
        while !Task.isCancelled {
            do {
                let feed: Feed<Element>
                if let begun = self.feed.with({ $0 }) {
                    guard await wakes.next() else { return nil }
                    feed = begun
                } else {
                    try await values.opened()
                    feed = try await Work.run { [values, wakes] in try values.begin(wakes) }
                    self.feed.with { $0 = feed }
                }
                if let news = try await Work.run({ try feed.next() }) { return news }
            } catch let error as SyncError where error.code == .closed {
                return nil
            } catch is CancellationError {
                return nil
            } catch {
                let known = SyncError(known: error)
                // The app may take its time over it.
                try? await Work.run { [values] in values.failed(known) }
                // It could not even begin.
                if feed.with({ $0 == nil }) { return nil }
            }
        }
        return nil
    }
}

/// A value that tells who has read it when it changes.
public struct Watched<Value: Sendable>: Sendable {
    let now: @Sendable () throws -> Value

    /// It now, and whenever it is another one.
    public let values: Values<Value>

    /// It now. Read inside of an ``Effect`` or a ``Computed``, it makes those run again when it is another one, and only then.
    public var value: Value {
        get throws { try now() }
    }
}
