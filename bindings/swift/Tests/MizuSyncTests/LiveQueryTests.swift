#if canImport(Observation)
    import Foundation
    import MizuSync
    import MizuSyncTesting
    import Observation
    import Testing

    @MainActor
    @Suite
    struct LiveQueryTests {
        private func client() async throws -> SyncClient {
            let client = try SyncClient.inMemory()
            try await client.todos.create("milk", Todo(title: "Milk"))
            try await client.todos.create("bread", Todo(title: "Bread", done: true))
            return client
        }

        /// Waits until it shows these rows, by what it tells a view.
        private func shows<Value>(_ live: LiveQuery<Value>, _ ids: [String]) async {
            while live.rows.map(\.id) != ids {
                await withCheckedContinuation { changed in
                    withObservationTracking {
                        _ = live.rows
                    } onChange: {
                        changed.resume()
                    }
                }
                // It is told before the rows are there.
                await Task.yield()
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func aLiveQueryThatIsShownAnotherQueryShowsItsRowsAndNoneOfTheFormer() async throws {
            let client = try await client()
            let (open, done) = (
                client.todos.query().where("done", equals: false), client.todos.query().where("done", equals: true)
            )
            let live = LiveQuery(open)
            await shows(live, ["milk"])
            live.show(done)
            #expect(live.rows.map(\.id) == ["milk"])
            await shows(live, ["bread"])
            // While one is being read, the other is wanted.
            for _ in 0..<50 {
                live.show(open)
                await Task.yield()
                live.show(done)
            }
            try await client.todos.create("tea", Todo(title: "Tea"))
            try await client.todos.create("rice", Todo(title: "Rice", done: true))
            await shows(live, ["bread", "rice"])
            client.close()
        }

        @Test
        func queriesAreEqualThatAskForTheSame() async throws {
            let (client, other) = (try await client(), try await self.client())
            func queries(_ client: SyncClient) -> [Query<Todo>] {
                let todos = client.todos.query()
                return [
                    todos, todos.where("done", equals: false), todos.where("done", equals: true),
                    todos.where(field("done") != false), todos.where("title", equals: nil), todos.order(by: "title"),
                    todos.order(by: "title", .reverse), todos.order(by: "done"), todos.limit(1), todos.limit(2),
                    todos.offset(1), client.collection("task", of: Todo.self).query(),
                ]
            }
            let (some, same, others) = (queries(client), queries(client), queries(other))
            for (one, query) in some.enumerated() {
                for two in same.indices { #expect((query == same[two]) == (one == two)) }
                #expect(query != others[one])
            }
            client.close()
            other.close()
        }

        /// What an app has: a model of a screen, which writes and watches.
        @MainActor
        @Observable
        final class Screen {
            private(set) var rows: [Row<Todo>] = []
            private(set) var status = ""
            private(set) var problem: String?
            var title = ""
            let open: LiveQuery<Todo>
            @ObservationIgnored private let client: SyncClient
            @ObservationIgnored private let todos: SyncCollection<Todo>
            @ObservationIgnored private(set) var count = 0
            @ObservationIgnored private var effect: Effect?

            init(_ client: SyncClient) {
                self.client = client
                todos = client.collection("todo")
                open = LiveQuery(todos.query().where("done", equals: false))
                effect = Effect { [weak self, todos] in self?.count = try todos.count() }
            }

            /// `.task { await screen.watch() }`
            func watch() async {
                for await rows in todos.query().order(by: "title").values { self.rows = rows }
            }

            func watchStatus() async {
                for await now in client.status.values { status = "\(now)" }
            }

            func add() async {
                do {
                    try await todos.add(Todo(title: title))
                    title = ""
                } catch {
                    problem = error.localizedDescription
                }
            }

            func rename(_ row: Row<Todo>) async throws {
                try await todos[row.id].update { [title] in $0.title = title }
                try await client.batch { [todos, title] batch in
                    try batch.update(todos, row.id) { $0.title = title }
                    try batch.delete(todos, "milk")
                }
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func aModelOfAScreenWritesAndWatchesOnTheMainActor() async throws {
            let client = try await client()
            let screen = Screen(client)
            let watching = Task { await screen.watch() }
            let status = Task { await screen.watchStatus() }
            await shows(screen.open, ["milk"])
            screen.title = "Tea"
            await screen.add()
            #expect(screen.title.isEmpty && screen.problem == nil)
            while screen.rows.count < 3 || screen.count < 3 || screen.status.isEmpty { await Task.yield() }
            screen.title = "Rice"
            try await screen.rename(try #require(screen.rows.first { $0.value.title == "Tea" }))
            while screen.rows.map(\.value.title) != ["Bread", "Rice"] { await Task.yield() }
            watching.cancel()
            status.cancel()
            await watching.value
            await status.value
            client.close()
        }

        /// Keeps what it was given, as an app does.
        actor Archive {
            private let todos: SyncCollection<Todo>
            private(set) var titles: [String] = []

            init(_ client: SyncClient) {
                todos = client.collection("todo")
            }

            func archive() async throws {
                for await rows in todos.query().where("done", equals: true).values {
                    titles += rows.map(\.value.title)
                    for row in rows { try await todos[row.id].delete() }
                    if rows.isEmpty { return }
                }
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func anActorLoopsOverValuesAndWrites() async throws {
            let client = try await client()
            let archive = Archive(client)
            try await archive.archive()
            #expect(await archive.titles == ["Bread"])
            #expect(try client.todos.all().map(\.id) == ["milk"])
            client.close()
        }
    }
#endif
