import MizuSyncNative
import MizuSyncTesting
import Testing

@testable import MizuSync

@Suite
struct ClosedTests {
    /// What an app may still have of a client that is closed.
    struct Used: Sendable {
        let client: SyncClient
        let todos: SyncCollection<Todo>
        let todo: Entity<Todo>
        let query: Query<Todo>
        let count: Computed<Int>

        init(_ client: SyncClient) {
            self.client = client
            todos = client.todos
            todo = todos["a"]
            query = todos.query().where("done", equals: false)
            count = Computed { [query] in try query.count() }
        }
    }

    /// A call of it.
    struct Use: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let call: @Sendable (Used) async throws -> Void

        init(_ name: String, _ call: @escaping @Sendable (Used) async throws -> Void) {
            (testDescription, self.call) = (name, call)
        }
    }

    static let milk = Todo(title: "Milk")

    static let uses: [Use] = [
        Use("start") { try $0.client.start() },
        Use("pause") { try await $0.client.pause() },
        Use("resume") { try await $0.client.resume() },
        Use("wipe") { try await $0.client.wipe() },
        Use("sync") { try await $0.client.sync() },
        Use("flush") { try await $0.client.flush() },
        Use("waitForFirstSync") { try await $0.client.waitForFirstSync() },
        Use("delivered") { try await $0.client.delivered() },
        Use("batch") { try await $0.client.batch { _ in } },
        Use("mutate") { try await $0.client.mutate("tick", args: 1) },
        Use("mutate with an effect") { used in
            try await used.client.mutate("tick", args: 1) { try $0.delete(used.todos, "a") }
        },
        Use("retry") { try await $0.client.retry("m") },
        Use("retry with other arguments") { try await $0.client.retry("m", args: JSON.object([:])) },
        Use("retry with other JSON") { try await $0.client.retry("m", argsJSON: "{}") },
        Use("discard") { try await $0.client.discard("m") },
        Use("setToken") { try $0.client.setToken("token") },
        Use("cursor") { _ = try $0.client.cursor },
        Use("isOnline") { _ = try $0.client.isOnline },
        Use("clientID") { _ = try $0.client.clientID },
        Use("status") { _ = try $0.client.status.value },
        Use("pending") { _ = try $0.client.pending.value },
        Use("rejected") { _ = try $0.client.rejected.value },
        Use("collection.has") { _ = try $0.todos.has("a") },
        Use("collection.row") { _ = try $0.todos.row("a") },
        Use("collection.count") { _ = try $0.todos.count() },
        Use("collection.all") { _ = try $0.todos.all() },
        Use("collection.find") { _ = try $0.todos.find { _ in true } },
        Use("collection.create") { try await $0.todos.create("a", milk) },
        Use("collection.add") { try await $0.todos.add(milk) },
        Use("entity.get") { _ = try $0.todo.get() },
        Use("entity.row") { _ = try $0.todo.row() },
        Use("entity.exists") { _ = try $0.todo.exists() },
        Use("entity.set") { try await $0.todo.set(milk) },
        Use("entity.update") { try await $0.todo.update { $0.done = true } },
        Use("entity.delete") { try await $0.todo.delete() },
        Use("query.all") { _ = try $0.query.all() },
        Use("query.first") { _ = try $0.query.first() },
        Use("query.count") { _ = try $0.query.count() },
        Use("a computed of its data") { _ = try $0.count.value },
    ]

    /// How a client comes to its end.
    enum End: String, CaseIterable, Sendable {
        case closedBeforeItIsOpen, closed, wiped

        func end(_ client: SyncClient) async throws {
            switch self {
            case .closedBeforeItIsOpen: client.close()
            case .closed:
                _ = try client.todos.count()
                client.close()
            case .wiped: try await client.wipe()
            }
        }
    }

    @Test(arguments: uses, End.allCases)
    func whateverIsCalledAfterAnEndSaysThatTheClientIsClosed(_ use: Use, _ end: End) async throws {
        let used = Used(try SyncClient.inMemory())
        try await end.end(used.client)
        await refused(.closed, "the client is closed", "open a new one") { try await use.call(used) }
    }

    @Test(arguments: Loop.allCases, End.allCases)
    func aLoopOverAClientThatWasEndedHasNoValues(_ loop: Loop, _ end: End) async throws {
        let client = try SyncClient.inMemory()
        try await end.end(client)
        try await loop.run(client) {
            Issue.record("it is closed")
            return true
        }
    }

    @Test
    func anEffectOfAClosedClientIsToldThatItIsClosed() async throws {
        let used = Used(try SyncClient.inMemory())
        used.client.close()
        let (errors, failed) = AsyncStream<any Error>.makeStream()
        let effect = Effect(on: .global(), onError: { failed.yield($0) }, { _ = try used.query.count() })
        for await error in errors {
            #expect((error as? SyncError)?.code == .closed)
            break
        }
        effect.stop()
    }

    @Test(arguments: End.allCases)
    func whatThePlatformTellsAndStopAreNoConcernOfAClientThatWasEnded(_ end: End) async throws {
        let client = try SyncClient.inMemory()
        #expect(!client.isClosed)
        try await end.end(client)
        client.setNetwork(isUp: true)
        client.setForeground(true)
        client.notifyLive(cursor: 1)
        try await client.stop()
        client.close()
        #expect(client.isClosed)
    }

    @Test
    func whatNeedsNoFileWorksOnAClosedClient() throws {
        let client = try SyncClient.inMemory(scope: "user:1")
        client.close()
        #expect(client.scope == "user:1" && "\(client)" == "SyncClient(user:1)")
        #expect(client.todos.name == "todo" && client.todos["a"].id == "a")
        #expect(client.todos["a"] == client.todos["a"])
        _ = client.todos.query().order(by: "title").limit(1)
    }

    @Test(arguments: [End.closed, .wiped])
    func loopsEndWithTheirClient(_ end: End) async throws {
        let client = try SyncClient.inMemory()
        try await withThrowingTaskGroup(of: Void.self) { group in
            let haveBegun = Loop.allCases.map { loop in
                let hasBegun = Gate()
                group.addTask {
                    try await loop.run(client) {
                        hasBegun.open()
                        return false
                    }
                }
                return hasBegun
            }
            for hasBegun in haveBegun { try await hasBegun.passed() }
            try await end.end(client)
            try await group.waitForAll()
        }
    }

    @Test
    func manyTasksThatUseAndCloseAClientAtOnceMeetNoOtherError() async throws {
        let server = try TestServer()
        for _ in 0..<20 {
            let client = try await server.client("user:1")
            try await withThrowingTaskGroup(of: Void.self) { group in
                let uses: [@Sendable () async throws -> Void] = [
                    { for _ in 0..<50 { _ = try client.todos.all() } },
                    { for _ in 0..<50 { try await client.todos.add(Self.milk) } },
                    { for _ in 0..<50 { _ = try client.status.value } },
                    { for await rows in client.todos.values where rows.count > 40 { return } },
                    { for _ in 0..<50 { try await client.batch { try $0.add(client.todos, Todo(title: "Bread")) } } },
                ]
                for use in uses {
                    group.addTask {
                        do { try await use() } catch let error as SyncError where error.code == .closed {}
                    }
                }
                for _ in 0..<2 {
                    group.addTask {
                        _ = try? client.todos.count()
                        try await onThread { client.close() }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test
    func aCloseReturnsWhenTheFileIsFreeAlsoWhereAnotherOneFreesIt() async throws {
        let client = Slow(noHandle: .init())
        let opening = Opening()
        client.opening.value = opening
        opening.begin {
            client
        } failed: { _ in
        }
        _ = try await opening.opened()
        async let first: Void = onThread { opening.close() }
        try await client.isShuttingDown.passed()
        async let second: Bool = onThread {
            opening.close()
            return client.isFree.value
        }
        // So that the second has begun, most likely.
        for _ in 0..<1_000 { await Task.yield() }
        client.goOn.open()
        try await first
        #expect(try await second)
        client.opening.value = nil
    }

    /// A client of the core whose file is free when it is told.
    private final class Slow: NativeClient, @unchecked Sendable {
        let isShuttingDown = Gate()
        let goOn = Gate()
        let isFree = Box(false)
        let opening = Box<Opening?>(nil)

        override func shutDown() {
            isShuttingDown.open()
            // As the end of an object of the app may.
            opening.value?.close()
            try? goOn.pass()
            isFree.value = true
        }
    }

    @Test
    func aClientThatNobodyHoldsIsClosedAndItsFileIsFree() async throws {
        let folder = try Folder()
        let file = folder.file("a.db")
        for round in 0..<10 {
            do {
                let client = try SyncClient("http://127.0.0.1:9/_sync", scope: "user:1") { $0.database = .file(file) }
                #expect(try client.todos.count() == round)
                try await client.todos.add(Self.milk)
            }
            // It is closed on a thread of its own.
            while true {
                let next = try SyncClient("http://127.0.0.1:9/_sync", scope: "user:1") { $0.database = .file(file) }
                defer { next.close() }
                do { _ = try next.todos.count() } catch let error as SyncError where error.code == .fileInUse {
                    continue
                }
                break
            }
        }
    }

    @Test
    func noThreadIsNeededToForgetAClientThatWasClosed() throws {
        // One would hold on to it for a moment.
        for _ in 0..<1_000 {
            weak var forgotten: Opening?
            do {
                let opening = Opening()
                forgotten = opening
                opening.close()
                opening.forget()
            }
            #expect(forgotten == nil)
        }
    }
}
