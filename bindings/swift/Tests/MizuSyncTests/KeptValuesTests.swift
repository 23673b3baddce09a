import Foundation
import MizuSync
import MizuSyncTesting
import Testing

/// What is read again without a call over the boundary is what a call would have given.
@Suite
struct KeptValuesTests {
    @Test
    func anEntityThatIsReadAgainIsAsTheLastWriteHasLeftIt() async throws {
        let client = try SyncClient.inMemory()
        let milk = client.todos["milk"]
        for _ in 0..<3 { #expect(try milk.get() == nil) }
        try await client.todos.create("milk", Todo(title: "Milk"))
        for _ in 0..<3 { #expect(try milk.get() == Todo(title: "Milk")) }
        try await client.todos["milk"].update { $0.done = true }
        for _ in 0..<3 { #expect(try milk.get() == Todo(title: "Milk", done: true)) }
        try await client.batch { try $0.set(client.todos, "milk", Todo(title: "Oat milk")) }
        for _ in 0..<3 { #expect(try milk.get() == Todo(title: "Oat milk")) }
        try await client.todos["milk"].delete()
        for _ in 0..<3 { #expect(try milk.get() == nil) }
    }

    @Test
    func anEntityThatIsReadAgainIsAsTheServerHasMadeIt() async throws {
        let server = try TestServer()
        let client = try await server.client("user:1")
        let milk = client.todos["milk"]
        for _ in 0..<3 { #expect(try milk.get() == nil) }
        try server.put("user:1", "todo", "milk", Todo(title: "Milk"))
        try await client.sync(timeout: soon)
        #expect(try milk.get() == Todo(title: "Milk"))
        client.close()
    }

    @Test
    func whatAnAppDoesToTheObjectThatItGotChangesNothingThatIsRead() async throws {
        let client = try SyncClient.inMemory()
        let note = try await client.collection("note", of: Note.self).create("a", Note("mine"))
        for _ in 0..<3 {
            let read = try #require(try note.get())
            #expect(read.text == "mine")
            read.text = "not written"
        }
    }

    @Test
    func anEntityThatWasReadOftenCannotBeReadWhileTheClientIsPausedOrAfterItIsClosed() async throws {
        let folder = try Folder()
        let client = try SyncClient("http://127.0.0.1:9/_sync", scope: "user:1") {
            $0.database = .file(folder.file("a.db"))
        }
        let milk = try await client.todos.create("milk", Todo(title: "Milk"))
        for _ in 0..<3 { #expect(try milk.get() == Todo(title: "Milk")) }
        try await client.pause()
        await refused(.paused) { _ = try milk.get() }
        try await client.resume()
        for _ in 0..<3 { #expect(try milk.get() == Todo(title: "Milk")) }
        client.close()
        await refused(.closed) { _ = try milk.get() }
    }

    @Test
    func aComputedThatIsReadAgainIsOfWhatWasSetLast() throws {
        let number = Signal(1)
        let double = Computed { number.value * 2 }
        let text = Computed { "\(try double.value)" }
        for value in [1, 2, 2, 3] {
            number.value = value
            for _ in 0..<3 { #expect(try text.value == "\(value * 2)") }
        }
    }

    @Test
    func aComputedOfDataThatIsReadAgainIsOfWhatWasWrittenLast() async throws {
        let client = try SyncClient.inMemory()
        let count = Computed { try client.todos.count() }
        for _ in 0..<3 { #expect(try count.value == 0) }
        try await client.todos.add(Todo(title: "Milk"))
        for _ in 0..<3 { #expect(try count.value == 1) }
    }

    @Test
    func aBatchSeesItsOwnValuesInAComputedThatWasReadBefore() throws {
        let number = Signal(1)
        let double = Computed { number.value * 2 }
        for _ in 0..<2 { #expect(try double.value == 2) }
        try batch {
            number.value = 2
            for _ in 0..<2 { #expect(try double.value == 4) }
            try batch { number.value = 3 }
            for _ in 0..<2 { #expect(try untrack { try double.value } == 6) }
        }
        for _ in 0..<2 { #expect(try double.value == 6) }
    }

    @Test
    func aFailureIsKeptAsAValueIs() throws {
        let number = Signal(0)
        let quotient = Computed {
            if number.value == 0 { throw Wrong("nothing to divide by") }
            return 6 / number.value
        }
        for _ in 0..<3 { #expect(throws: Wrong.self) { try quotient.value } }
        number.value = 2
        for _ in 0..<3 { #expect(try quotient.value == 3) }
    }

    @Test
    func whatAThreadHasSetItFindsInWhateverIsMadeOfIt() async throws {
        let numbers = [Signal(0), Signal(0)]
        let sum = Computed { numbers.reduce(0) { $0 + $1.value } }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in numbers {
                group.addTask {
                    var last = 0
                    for value in 1...3_000 {
                        number.value = value
                        let found = try sum.value
                        guard found > last else { throw Wrong("\(found) is not newer than \(last)") }
                        last = found
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try sum.value == 6_000)
    }

    @Test
    func whatATaskHasWrittenItFindsInItsHandleOnIt() async throws {
        let client = try SyncClient.inMemory()
        let entity = try await client.collection("count", of: Count.self).create("a", Count())
        try await withThrowingTaskGroup(of: Void.self) { group in
            for field in [\Count.one, \Count.other] as [WritableKeyPath<Count, Int> & Sendable] {
                group.addTask {
                    for value in 1...200 {
                        try await entity.update { $0[keyPath: field] = value }
                        let found = try entity.get()?[keyPath: field]
                        guard found == value else { throw Wrong("\(found ?? -1) is not \(value)") }
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}

/// A class, whose objects an app can change.
private final class Note: Codable, @unchecked Sendable {
    var text: String

    init(_ text: String) {
        self.text = text
    }
}

private struct Count: Codable, Hashable, Sendable {
    var one = 0
    var other = 0
}
