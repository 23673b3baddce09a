import Foundation
import MizuSync
import MizuSyncTesting
import Testing

@Suite
struct BadInputTests {
    @Test
    func aNegativeIntervalIsRefusedAtOnce() async throws {
        await refused(.invalidOption, "pullInterval", "negative") {
            _ = try SyncClient.inMemory { $0.pullInterval = .seconds(-1) }
        }
    }

    @Test
    func aDatabaseThatIsNoFileIsRefusedAtOnce() async throws {
        await refused(.invalidOption, "database", "file") {
            _ = try SyncClient("http://127.0.0.1:9/_sync", scope: "user:1") {
                $0.database = .file(try #require(URL(string: "https://example.com/a.db")))
            }
        }
    }

    @Test(arguments: ["", "no URL", "ftp://example.com", "https://api.example.com:0", "http://api.example.com"])
    func aBaseURLThatIsNoneIsToldAndThrownByEveryCall(_ url: String) async throws {
        let log = Log()
        let client = try SyncClient(url, scope: "user:1") {
            $0.database = .inMemory
            $0.onError = { log.add(.string($0.code.rawValue)) }
        }
        #expect(try await log.next() == "invalidOption")
        await refused(.invalidOption) { _ = try client.todos.count() }
        await refused(.invalidOption) { try await client.todos.add(Todo(title: "Milk")) }
        client.close()
    }

    @Test
    func aClientThatCannotBeOpenedSaysSoInTheLogOfTheApp() async throws {
        let log = Log()
        let client = try SyncClient("http://192.0.2.1:8080/_sync", scope: "user:1") {
            $0.database = .inMemory
            $0.onLog = { if $0.target == "open" { log.add(.string("\($0.level) \($0.text)")) } }
        }
        expectSentence(try await log.next().text, ["error", "192.0.2.1", "cleartext"])
        client.close()
    }

    @Test
    func aValueThatHasNoJSONIsRefusedWithoutTellingIt() async throws {
        struct Measure: Codable, Sendable {
            var secret: Double
        }
        let client = try SyncClient.inMemory()
        let measures = client.collection("measure", of: Measure.self)
        await refused(.invalidValue, "measure", "$.secret", "NaN") {
            try await measures.create("m", Measure(secret: .nan))
        }
        let texts = client.collection("text", of: String.self)
        await refused(.invalidValue, "object") { try await texts.create("t", "just a text") }
        client.close()
    }

    @Test
    func whatDoesNotFitIsPassedOverInListsAndToldOnceAndThrownWhereItIsAskedFor() async throws {
        struct Other: Codable, Sendable {
            var title: Int
        }
        let log = Log()
        let server = try TestServer()
        let client = try await server.client("user:1") { $0.onError = { log.add(.string($0.message)) } }
        try await client.todos.create("a", Todo(title: "secret"))
        let others = client.collection("todo", of: Other.self)
        #expect(try others.all().isEmpty)
        #expect(try others.all().isEmpty)
        let told = try await log.next().text
        expectSentence(told, ["todo", "a", "$.title"])
        #expect(!told.contains("secret"))
        await refused(.doesNotFit, "$.title") { _ = try others["a"].get() }
        try await client.delivered()
        await log.stop()
        #expect(try log.left() == 0)
        client.close()
    }

    @Test
    func aPropertyThatIsMissingThoughItHasADefaultIsExplained() async throws {
        struct Starred: Codable, Sendable {
            var title: String
            var stars = 0
        }
        let client = try SyncClient.inMemory()
        try await client.todos.create("a", Todo(title: "Milk"))
        await refused(.doesNotFit, "\"stars\"", "Codable takes no default", "optional") {
            _ = try client.collection("todo", of: Starred.self)["a"].get()
        }
        client.close()
    }

    @Test
    func argumentsThatHaveNoJSONAreNotRetried() async throws {
        let client = try SyncClient.inMemory()
        await refused(.invalidValue, "arguments", "NaN") {
            try await client.retry("m", args: ["share": Double.nan])
        }
        client.close()
    }

    @Test
    func aRowAmongOthersThatDoesNotFitLeavesThese() async throws {
        struct Strict: Codable, Equatable, Sendable {
            var title: String
            var done: Bool
        }
        let server = try TestServer()
        for id in ["a", "b", "c"] { try server.put("user:1", "todo", id, Todo(title: id)) }
        try server.putJSON("user:1", "todo", "b", #"{"title":"b"}"#)
        let client = try await server.client("user:1")
        let todos = client.collection("todo", of: Strict.self)
        #expect(try todos.all().map(\.id) == ["a", "c"])
        #expect(try todos.query().first()?.id == "a")
        #expect(try todos.count() == 3)
        let changes = todos.query().changes.makeAsyncIterator()
        var rows: [Row<Strict>] = []
        await changes.next()?.apply(to: &rows)
        #expect(rows.map(\.id) == ["a", "c"])
        try server.put("user:1", "todo", "b", Todo(title: "b"))
        await changes.next()?.apply(to: &rows)
        #expect(rows.map(\.id) == ["a", "b", "c"])
        client.close()
    }

    @Test
    func aFloatIsComparedAsItsJSONHasIt() async throws {
        struct Item: Codable, Sendable {
            var price: Float
        }
        let client = try SyncClient.inMemory()
        let items = client.collection("item", of: Item.self)
        try await items.create("i", Item(price: 0.1))
        #expect(try items.query().where("price", equals: Float(0.1)).count() == 1)
        #expect(try items.query().where(field("price") >= Float(0.1)).count() == 1)
        client.close()
    }

    @Test(arguments: [-1, -100])
    func aNegativeLimitIsRefused(_ limit: Int) async throws {
        let client = try SyncClient.inMemory()
        await refused(.invalidValue, "limit") { _ = try client.todos.query().limit(limit).all() }
        await refused(.invalidValue, "offset") { _ = try client.todos.query().offset(limit).count() }
        await refused(.invalidValue, "tags") {
            _ = try client.todos.query().where("tags", equals: JSON.array([])).all()
        }
        client.close()
    }

    @Test
    func aBatchThatIsOverWritesNothing() async throws {
        let client = try SyncClient.inMemory()
        let kept = KeptBatch()
        try await client.batch { kept.batch = $0 }
        await refused(.misuse, "the batch is over") { try kept.batch?.add(client.todos, Todo(title: "Milk")) }
        #expect(try client.todos.count() == 0)
        client.close()
    }

    /// What no app should do.
    private final class KeptBatch: @unchecked Sendable {
        var batch: Batch?
    }

    @Test
    func whatAChangeThrowsIsThrownAndNothingIsWritten() async throws {
        let client = try SyncClient.inMemory()
        let milk = try await client.todos.add(Todo(title: "Milk"))
        await #expect(throws: Wrong.self) { try await milk.update { _ in throw Wrong("mine") } }
        await #expect(throws: Wrong.self) {
            try await client.batch { batch in
                try batch.delete(client.todos, milk.id)
                throw Wrong("mine")
            }
        }
        #expect(try milk.get() == Todo(title: "Milk"))
        client.close()
    }
}
