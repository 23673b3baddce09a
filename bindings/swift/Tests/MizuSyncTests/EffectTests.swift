import Dispatch
import MizuSync
import MizuSyncTesting
import Observation
import Testing

@Suite
struct EffectTests {
    @Test @MainActor
    func anEffectOnTheMainActorHasRunWhenItIsMadeAndRunsAgainThere() async throws {
        let signal = Signal(1)
        var seen: [Int] = []
        let (runs, ran) = AsyncStream<Int>.makeStream()
        let effect = Effect {
            seen.append(signal.value)
            ran.yield(signal.value)
        }
        #expect(seen == [1])
        signal.value = 2
        for await run in runs where run == 2 { break }
        #expect(seen == [1, 2])
        effect.stop()
    }

    @Test
    func anEffectSeesTheLastOfSeveralChanges() async throws {
        let signal = Signal(0)
        let log = Log()
        let queue = DispatchQueue(label: "test")
        let effect = Effect(on: queue) { log.add(.int(Int64(signal.value))) }
        #expect(try await log.next() == 0)
        queue.suspend()
        for value in 1...100 { signal.value = value }
        queue.resume()
        #expect(try await log.next() == 100)
        effect.stop()
    }

    @Test
    func anEffectEndsWithItsObject() async throws {
        let signal = Signal(0)
        let log = Log()
        let queue = DispatchQueue(label: "test")
        do {
            let effect = Effect(on: queue) { log.add(.int(Int64(signal.value))) }
            #expect(try await log.next() == 0)
            withExtendedLifetime(effect) {}
        }
        signal.value = 1
        queue.sync {}
        await log.stop()
        #expect(try log.left() == 0)
    }

    @Test
    func whatAnEffectThrowsIsToldAndItRunsAgain() async throws {
        let signal = Signal(0)
        let log = Log()
        let told: @Sendable (any Error) -> Void = { log.add(.string("\($0)")) }
        let effect = Effect(on: DispatchQueue(label: "test"), onError: told) {
            if signal.value == 0 { throw Wrong("zero") }
            log.add(.int(Int64(signal.value)))
        }
        #expect(try await log.next() == "zero")
        signal.value = 1
        #expect(try await log.next() == 1)
        effect.stop()
    }

    @Test
    func anEffectMaySetASignalThatItHasRead() async throws {
        let signal = Signal(0)
        let log = Log()
        let effect = Effect(on: DispatchQueue(label: "test")) {
            if signal.value < 10 { signal.value += 1 } else { log.add(.int(Int64(signal.value))) }
        }
        #expect(try await log.next() == 10)
        effect.stop()
    }

    @Test @MainActor
    func anEffectOfATaskEndsWithIt() async throws {
        let signal = Signal(0)
        let (runs, ran) = AsyncStream<Int>.makeStream()
        let task = Task { await Effect.run { ran.yield(signal.value) } }
        for await run in runs where run == 0 { break }
        task.cancel()
        await task.value
        signal.value = 1
        ran.finish()
        for await run in runs { #expect(run == 0) }
    }

    @Test @MainActor
    func aLiveQueryFollowsItsRows() async throws {
        let client = try SyncClient.inMemory()
        let live = LiveQuery(client.todos.query().order(by: "title"))
        for title in ["Milk", "Bread"] { try await client.todos.add(Todo(title: title)) }
        while live.rows.count < 2 {
            await withCheckedContinuation { changed in
                withObservationTracking {
                    _ = live.rows
                } onChange: {
                    changed.resume()
                }
            }
        }
        #expect(live.rows.map(\.value.title) == ["Bread", "Milk"])
        #expect(live.isLoaded)
        client.close()
    }
}
