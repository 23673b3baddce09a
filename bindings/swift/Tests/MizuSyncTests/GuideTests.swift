import Foundation
import MizuSync
import MizuSyncTesting
import Testing

/// The programs of docs/ios.md are parts of sources that are compiled: of this file, and of the sample.
@Suite
struct GuideTests {
    @Test
    func everySnippetOfTheGuideIsCompiled() throws {
        let guide = try String(contentsOfFile: "docs/ios.md", encoding: .utf8)
        let snippets = guide.components(separatedBy: "```swift\n").dropFirst().map {
            $0.components(separatedBy: "```")[0]
        }
        let sources = try ["ios/Sample", "bindings/swift/Tests/MizuSyncTests"].flatMap { folder in
            try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".swift") }
                .map { try String(contentsOfFile: "\(folder)/\($0)", encoding: .utf8) }
        }
        // What stands in manifests is none of a program.
        let programs = snippets.filter { !$0.hasPrefix(".package(") && !$0.hasPrefix("// swift-tools-version") }
        #expect(programs.count > 5)
        for program in programs {
            #expect(sources.contains { $0.contains(program) }, "nowhere compiled: \(program)")
        }
    }

    @Test
    func whatIsWrittenInATunnelArrives() async throws {
        let server = try TestServer()
        let phone = try await server.client("user:1")
        try server.goOffline()
        try await phone.collection("todo", of: Todo.self).create("t1", Todo(title: "Milk"))
        try server.goOnline()
        phone.setNetwork(isUp: true)
        try await phone.flush()
        #expect(try server.get("user:1", "todo", "t1") == Todo(title: "Milk"))
        phone.close()
    }

    @Test
    func aPreviewShowsWhatItIsTold() throws {
        let client = try SyncClient.preview {
            try $0.row("todo", "t1", Todo(title: "Milk"))
            try $0.row("todo", "t2", Todo(title: "Bread"))
            $0.pending("todo", "t2")
        }
        let rows = try client.collection("todo", of: Todo.self).all()
        #expect(rows.map(\.isPending) == [false, true])
        client.close()
    }

    @Test
    func severalWritesAndAnExpectedEffectShowAtOnce() async throws {
        let client = try SyncClient.inMemory()
        let todos = client.collection("todo", of: Todo.self)
        let stock = client.collection("stock", of: [String: Int].self)
        try await stock.create("tea", ["left": 12])

        try await client.batch { batch in
            for title in ["Milk", "Bread"] { try batch.add(todos, Todo(title: title)) }
        }
        try await client.mutate("order.place", args: ["pieces": 2]) { expected in
            try expected.update(stock, "tea") { $0["left"] = 10 }
        }
        #expect(try todos.count() == 2)
        #expect(try stock["tea"].get() == ["left": 10])
        client.close()
    }

    @Test
    func anAppKeepsTheOrderThatItsUserChose() async throws {
        let client = try SyncClient.inMemory()
        let todos = client.collection("todo", of: Todo.self)
        for title in ["Bread", "Milk"] { try await todos.add(Todo(title: title)) }

        // The one of Foundation, by its name alone.
        let chosen: SortOrder = .reverse
        #expect(try todos.query().order(by: "title", chosen).all().map(\.value.title) == ["Milk", "Bread"])
        client.close()
    }

    @Test
    func aRefusedTodoIsSentAgainUnderAnotherID() async throws {
        let server = try TestServer()
        let client = try await server.client("user:1")
        try server.goOffline()
        try await client.collection("todo", of: Todo.self).create("t1", Todo(title: "Milk"))
        try server.put("user:1", "todo", "t1", Todo(title: "Bread"))
        try server.goOnline()
        client.setNetwork(isUp: true)
        try await client.sync(timeout: soon)

        for refused in try client.rejected.value where refused.code == "conflict" {
            var args = try JSONDecoder().decode([String: JSON].self, from: Data(refused.args.utf8))
            args["id"] = .string(newID())
            try await client.retry(refused.id, args: args)
        }
        try await client.sync(timeout: soon)
        #expect(try client.rejected.value.isEmpty)
        #expect(try server.count("user:1", "todo") == 2)
        client.close()
    }

    @Test
    func anExpiredTokenIsReplaced() async throws {
        let server = try TestServer()
        try server.requireToken("fresh")
        let url = try server.url
        let folder = try Folder()
        let file = folder.file("ann.db")
        let freshToken: @Sendable () async throws -> String = { "fresh" }

        let (needs, need) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let client = try SyncClient(url, scope: "user:ann") {
            $0.principal = "ann"
            $0.token = "expired"
            $0.database = .file(file)
            $0.onTokenNeeded = { need.yield() }
        }
        let renewing = Task { [weak client] in
            for await _ in needs { try client?.setToken(await freshToken()) }
        }

        try client.start()
        try await client.waitForFirstSync(timeout: soon)
        client.close()
        renewing.cancel()
    }

    @Test @MainActor
    func aLabelFollowsASignalAndTheData() async throws {
        let client = try SyncClient.inMemory()
        let todos = client.collection("todo", of: Todo.self)
        let (texts, text) = AsyncStream.makeStream(of: String.self)
        let show: (String) -> Void = { text.yield($0) }
        try await todos.add(Todo(title: "Milk"))

        let isDone = Signal(false)
        let count = Computed { try todos.query().where("done", equals: isDone.value).count() }
        let label = Effect { show("\(try count.value) todos") }
        isDone.value = true  // the effect runs again soon, on the main actor

        var shown = texts.makeAsyncIterator()
        #expect(await shown.next() == "1 todos")
        #expect(await shown.next() == "0 todos")
        label.stop()
        client.close()
    }
}
