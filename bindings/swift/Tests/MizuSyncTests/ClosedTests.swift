import MizuSync
import MizuSyncTesting
import Testing

@Suite
struct ClosedTests {
    /// What is called of a client after it was closed.
    struct Use: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let call: @Sendable (SyncClient) async throws -> Void
    }

    static let uses: [Use] = [
        Use(testDescription: "start") { try $0.start() },
        Use(testDescription: "pause") { try await $0.pause() },
        Use(testDescription: "resume") { try await $0.resume() },
        Use(testDescription: "wipe") { try await $0.wipe() },
        Use(testDescription: "sync") { try await $0.sync() },
        Use(testDescription: "flush") { try await $0.flush() },
        Use(testDescription: "waitForFirstSync") { try await $0.waitForFirstSync() },
        Use(testDescription: "delivered") { try await $0.delivered() },
        Use(testDescription: "batch") { try await $0.batch { _ in } },
        Use(testDescription: "mutate") { try await $0.mutate("tick", args: 1) },
        Use(testDescription: "retry") { try await $0.retry("m") },
        Use(testDescription: "discard") { try await $0.discard("m") },
        Use(testDescription: "setToken") { try $0.setToken("token") },
        Use(testDescription: "cursor") { _ = try $0.cursor },
        Use(testDescription: "isOnline") { _ = try $0.isOnline },
        Use(testDescription: "clientID") { _ = try $0.clientID },
        Use(testDescription: "status") { _ = try $0.status.value },
        Use(testDescription: "pending") { _ = try $0.pending.value },
        Use(testDescription: "rejected") { _ = try $0.rejected.value },
        Use(testDescription: "has") { _ = try $0.todos.has("a") },
        Use(testDescription: "row") { _ = try $0.todos.row("a") },
        Use(testDescription: "count") { _ = try $0.todos.count() },
        Use(testDescription: "all") { _ = try $0.todos.all() },
        Use(testDescription: "find") { _ = try $0.todos.find { _ in true } },
        Use(testDescription: "create") { try await $0.todos.create("a", Todo(title: "Milk")) },
        Use(testDescription: "add") { try await $0.todos.add(Todo(title: "Milk")) },
        Use(testDescription: "get") { _ = try $0.todos["a"].get() },
        Use(testDescription: "set") { try await $0.todos["a"].set(Todo(title: "Milk")) },
        Use(testDescription: "update") { try await $0.todos["a"].update { $0.done = true } },
        Use(testDescription: "delete") { try await $0.todos["a"].delete() },
        Use(testDescription: "first") { _ = try $0.todos.query().first() },
    ]

    @Test(arguments: uses)
    func whateverIsCalledAfterACloseSaysThatTheClientIsClosed(_ use: Use) async throws {
        let client = try SyncClient.inMemory()
        client.close()
        await refused(.closed, "the client is closed", "open a new one") { try await use.call(client) }
    }

    @Test
    func whatThePlatformTellsAndStopAreNoConcernOfAClosedClient() async throws {
        let client = try SyncClient.inMemory()
        #expect(!client.isClosed)
        client.close()
        client.close()
        client.setNetwork(isUp: true)
        client.setForeground(true)
        client.notifyLive(cursor: 1)
        try await client.stop()
        #expect(client.isClosed)
        #expect("\(client)" == "SyncClient(test)")
    }

    @Test
    func loopsOverValuesEndWhenTheClientIsClosed() async throws {
        let client = try SyncClient.inMemory()
        let begun = AsyncStream<Void>.makeStream()
        let loops = Task {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { for await _ in client.todos.values { begun.continuation.yield() } }
                group.addTask { for await _ in client.status.values { begun.continuation.yield() } }
                group.addTask { for await _ in client.todos["a"].rows { begun.continuation.yield() } }
                group.addTask { for await _ in client.todos.query().changes { begun.continuation.yield() } }
            }
        }
        var ticks = begun.stream.makeAsyncIterator()
        for _ in 0..<4 { await ticks.next() }
        client.close()
        await loops.value
        for await _ in client.todos.values { Issue.record("it is closed") }
    }

    @Test
    func manyTasksThatUseAndCloseAClientAtOnceMeetNoOtherError() async throws {
        let server = try TestServer()
        for _ in 0..<20 {
            let client = try await server.client("user:1")
            try await withThrowingTaskGroup(of: Void.self) { group in
                let uses: [@Sendable () async throws -> Void] = [
                    { for _ in 0..<50 { _ = try client.todos.all() } },
                    { for _ in 0..<50 { try await client.todos.add(Todo(title: "Milk")) } },
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
    func aClientThatNobodyHoldsIsClosedAndItsFileIsFree() async throws {
        let folder = try Folder()
        let file = folder.file("a.db")
        for round in 0..<10 {
            do {
                let client = try SyncClient("http://127.0.0.1:9/_sync", scope: "user:1") { $0.database = .file(file) }
                #expect(try client.todos.count() == round)
                try await client.todos.add(Todo(title: "Milk"))
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
}
