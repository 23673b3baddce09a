import Foundation
import MizuSync
import MizuSyncTesting
import Testing

@Suite
struct SignalTests {
    @Test
    func aSignalIsReadAndSetOnAnyThread() async throws {
        let signal = Signal(0)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { for _ in 0..<1_000 { signal.update { $0 += 1 } } }
            }
        }
        #expect(signal.value == 8_000)
    }

    @Test
    func valuesOfASignalAreTheNewest() async throws {
        let signal = Signal("a")
        let values = signal.values.makeAsyncIterator()
        #expect(await values.next() == "a")
        signal.value = "b"
        signal.value = "c"
        #expect(await values.next() == "c")
    }

    @Test
    func aValueThatIsTheSameIsNoChange() async throws {
        let signal = Signal(1)
        let runs = Box(0)
        let computed = Computed {
            runs.with { $0 += 1 }
            return signal.value
        }
        #expect(try computed.value == 1)
        signal.value = 1
        #expect(try computed.value == 1)
        #expect(runs.value == 1)
    }

    @Test
    func aComputedIsMadeAnewOnlyWhenItWouldBeAnother() async throws {
        let (one, other) = (Signal(1), Signal(2))
        let runs = Box(0)
        let sum = Computed { one.value + other.value }
        let double = Computed {
            runs.with { $0 += 1 }
            return try sum.value * 2
        }
        #expect(try double.value == 6)
        try batch {
            one.value = 2
            other.value = 1
        }
        #expect(try double.value == 6)
        #expect(runs.value == 1)
    }

    @Test
    func whatAComputedThrowsIsThrownUntilSomethingChanges() async throws {
        let signal = Signal(0)
        let computed = Computed { () throws -> Int in
            if signal.value == 0 { throw Wrong("zero") }
            return signal.value
        }
        #expect(throws: Wrong.self) { try computed.value }
        signal.value = 1
        #expect(try computed.value == 1)
    }

    @Test
    func aComputedThatReadsItselfIsToldSo() async throws {
        final class Loop: Sendable {
            let computed = Box<Computed<Int>?>(nil)
        }
        let loop = Loop()
        let computed = Computed { try (loop.computed.value?.value ?? 0) + 1 }
        loop.computed.value = computed
        await refused(.misuse) { _ = try computed.value }
        loop.computed.value = nil
    }

    @Test
    func whatIsReadUntrackedMakesNothingRunAgain() async throws {
        let (tracked, other) = (Signal(1), Signal(1))
        let computed = Computed { tracked.value + untrack { other.value } }
        #expect(try computed.value == 2)
        other.value = 5
        #expect(try computed.value == 2)
        tracked.value = 2
        #expect(try computed.value == 7)
    }

    @Test
    func aChainOfComputedsThatNoStackHasRoomForIsRefused() async throws {
        func chain(_ length: Int, reading: Bool) throws -> Computed<Int> {
            var last = Computed { 0 }
            for _ in 0..<length {
                let before = last
                last = Computed { try before.value + 1 }
                if reading { _ = try last.value }
            }
            return last
        }
        #expect(try chain(60, reading: false).value == 60)
        #expect(try chain(200, reading: true).value == 200)
        let tooLong = try chain(200, reading: false)
        await refused(.misuse, "more than 64") { _ = try tooLong.value }
    }

    @Test
    func aChangeMayReadWhatItChangesAndNoneOfManyIsLost() async throws {
        let count = Signal(1)
        count.update { $0 += count.value }
        #expect(count.value == 2)
        let (isRead, isSet) = (Gate(), Gate())
        let other = Task {
            try await isRead.passed()
            count.value = 10
            isSet.open()
        }
        try await onThread {
            count.update {
                isRead.open()
                try? isSet.pass()
                $0 += 1
            }
        }
        try await other.value
        #expect(count.value == 11)
    }
}
