import Dispatch
import Foundation
import MizuSync
import MizuSyncTesting
import Testing

/// What is made and dropped leaves nothing behind.
extension Alone {
    @Suite(.serialized)
    struct LeakTests {
        /// An object whose computed and effect lead back to it, as those of an app may.
        private final class Screen: Sendable {
            let number = Signal(0)
            let double: Box<Computed<Int>?> = Box(nil)
            let effect: Box<Effect?> = Box(nil)

            init(_ queue: DispatchQueue) {
                double.value = Computed { [weak self] in (self?.number.value ?? 0) * 2 }
                effect.value = Effect(on: queue) { [weak self] in _ = try self?.double.value?.value }
            }
        }

        /// An object whose computed reads data.
        private final class Titles: Sendable {
            let all: Computed<[String]>

            init(_ client: SyncClient) {
                all = Computed { try client.todos.all().map(\.value.title) }
            }
        }

        /// How a client is left.
        enum Leaving: String, CaseIterable, Sendable {
            case closed, wiped, dropped, droppedWhenPaused

            func leave(_ client: SyncClient) async throws {
                switch self {
                case .closed: client.close()
                case .wiped: try await client.wipe(loseUnsent: true)
                case .dropped: break
                case .droppedWhenPaused: try await client.pause()
                }
            }
        }

        /// Does it twice. Each time nothing more is to be held than before, and the second is to take no more memory: the
        /// system's own allocator keeps some, of which the first has its share.
        private func expectNothingIsLeft(
            of what: String, sourceLocation: SourceLocation = #_sourceLocation, _ use: () async throws -> Void
        ) async throws {
            let before = Held()
            var memory: [Int] = []
            for _ in 0..<2 {
                try await use()
                let more = await Held.noMore(than: before)
                #expect(more == nil, "before: \(before)", sourceLocation: sourceLocation)
                memory.append(Held.memory)
            }
            print("leaks: \(what): \(before) before, \(Held()) after; \(memory) MiB after each round")
            #expect(memory[1] - memory[0] < 16, "in MiB: \(memory)", sourceLocation: sourceLocation)
        }

        @Test
        func signalsComputedsAndEffects() async throws {
            let queue = DispatchQueue(label: "leaks")
            try await expectNothingIsLeft(of: "10,000 each of signals, computeds and effects") {
                weak var last: Screen?
                for round in 0..<5_000 {
                    let screen = Screen(queue)
                    if round % 4 == 0 {
                        screen.number.value = 2
                        #expect(try screen.double.value?.value == 4)
                        for await number in screen.number.values where number == 2 { break }
                        for await double in try #require(screen.double.value).values where double == 4 { break }
                    }
                    last = screen
                }
                queue.sync {}
                #expect(last == nil)
            }
        }

        @Test
        func computedsOverData() async throws {
            let client = try SyncClient.inMemory()
            try await client.todos.create("a", Todo(title: "Milk"))
            try await expectNothingIsLeft(of: "2,000 computeds over data") {
                weak var last: Titles?
                for _ in 0..<1_000 {
                    let titles = Titles(client)
                    let now = try titles.all.value
                    #expect(now == ["Milk"])
                    last = titles
                }
                #expect(last == nil)
            }
            client.close()
        }

        @Test
        func handlesOfWhichACopyWasKept() async throws {
            let client = try SyncClient.inMemory()
            try await client.todos.create("a", Todo(title: "Milk"))
            try await expectNothingIsLeft(of: "2,000 handles of which a copy was kept") {
                for _ in 0..<1_000 {
                    let handle = client.todos["a"]
                    for _ in 0..<3 { _ = try handle.get() }
                }
            }
            client.close()
        }

        @Test
        func loopsOverValues() async throws {
            let client = try SyncClient.inMemory()
            try await client.todos.create("a", Todo(title: "Milk"))
            try await expectNothingIsLeft(of: "8,000 loops that ended and 1,600 that were cancelled") {
                for _ in 0..<500 {
                    for loop in Loop.allCases { try await loop.run(client) { true } }
                }
                for _ in 0..<100 {
                    await withThrowingTaskGroup(of: Void.self) { group in
                        for loop in Loop.allCases { group.addTask { try await loop.run(client) { false } } }
                        await Task.yield()
                        group.cancelAll()
                    }
                }
            }
            client.close()
        }

        @Test
        func valuesThatNobodyLoopsOver() async throws {
            let client = try SyncClient.inMemory()
            try await client.todos.create("a", Todo(title: "Milk"))
            try await expectNothingIsLeft(of: "10,000 values and 10,000 iterators that nobody asks") {
                for number in 0..<1_000 {
                    let query = client.todos.query().where("title", equals: "\(number)")
                    _ = (query.values, query.changes, query.counts, client.todos["a"].values, client.status.values)
                    _ = query.values.makeAsyncIterator()
                    _ = query.changes.makeAsyncIterator()
                    _ = client.todos["a"].rows.makeAsyncIterator()
                    _ = client.pending.values.makeAsyncIterator()
                    _ = Signal(number).values.makeAsyncIterator()
                }
            }
            client.close()
        }

        #if canImport(Observation)
            @Test
            func queriesOfViews() async throws {
                let client = try SyncClient.inMemory()
                try await client.todos.create("a", Todo(title: "Milk"))
                try await expectNothingIsLeft(of: "1,000 live queries and values of views") {
                    for round in 0..<250 { await view(client, isSeen: round % 4 == 0) }
                }
                client.close()
            }

            @MainActor
            private func view(_ client: SyncClient, isSeen: Bool) async {
                let query = LiveQuery(client.todos.query())
                let value = LiveValue(client.status.values)
                while isSeen && (!query.isLoaded || value.value == nil) { await Task.yield() }
            }
        #endif

        @Test
        func waitsThatWereCancelled() async throws {
            let server = try TestServer()
            let client = try await server.client("user:1")
            try await server.waitForSubscription("user:1")
            try await client.todos.add(Todo(title: "Milk"))
            try await client.sync(timeout: soon)
            try await expectNothingIsLeft(of: "2,000 waits that were cancelled") {
                try server.hang()
                try await client.todos.add(Todo(title: "Milk"))
                for turns in 0..<250 {
                    await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { try await client.sync(timeout: soon) }
                        group.addTask { try await client.flush(timeout: soon) }
                        group.addTask { try await client.delivered(timeout: soon) }
                        group.addTask { for await count in client.todos.query().counts where count > 9 { return } }
                        for _ in 0..<turns % 10 { await Task.yield() }
                        group.cancelAll()
                    }
                }
                try server.release()
                try await client.sync(timeout: soon)
            }
            client.close()
        }

        @Test(arguments: Leaving.allCases)
        func clients(_ leaving: Leaving) async throws {
            let folder = try Folder()
            let server = try TestServer()
            weak var told: AnyObject?
            try await expectNothingIsLeft(of: "100 clients, \(leaving)") {
                for index in 0..<50 { told = try await use(server, folder, index, leaving) }
            }
            // A client that was dropped ends on a thread of its own.
            while told != nil { await Task.yield() }
        }

        /// Makes a client and uses it; gives what its callbacks hold.
        private func use(
            _ server: TestServer, _ folder: Folder, _ index: Int, _ leaving: Leaving
        ) async throws -> AnyObject? {
            let told = Box(0)
            weak var held = told
            let client = try SyncClient(server.url, scope: "user:1") { options in
                options.database = index % 2 == 0 ? .file(folder.file("\(newID()).db")) : .inMemory
                let tell: @Sendable () -> Void = { told.with { $0 += 1 } }
                options.onSync = { _ in tell() }
                options.onError = { _ in tell() }
                options.onOnline = tell
                options.onOffline = tell
                options.onRejected = { _ in tell() }
                options.onTokenNeeded = tell
                options.onLog = { _ in tell() }
                options.upcast("todo", to: 2) { _ in tell() }
            }
            try await client.todos.add(Todo(title: "Milk"))
            let titles = try Titles(client).all.value
            #expect(titles.contains("Milk"))
            if index % 3 == 0 {
                try client.start()
                try await client.waitForFirstSync(timeout: soon)
            }
            for loop in Loop.allCases { try await loop.run(client) { true } }
            try await leaving.leave(client)
            return held
        }

        @Test
        func clientsThatAreDroppedOrClosedWhileTheyOpenOrCannotBeOpened() async throws {
            let folder = try Folder()
            try await expectNothingIsLeft(of: "1,000 clients that were not open yet, or could not be") {
                for number in 0..<100 {
                    _ = try SyncClient.inMemory()
                    try SyncClient.inMemory().start()
                    _ = try SyncClient.inMemory { $0.database = .file(folder.file("\(number % 10).db")) }
                    try SyncClient.inMemory().close()
                    await refused(.invalidOption) {
                        _ = try SyncClient("no URL", scope: "user:1") { $0.database = .inMemory }.clientID
                    }
                }
            }
        }
    }
}
