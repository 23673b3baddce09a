import Foundation
import MizuSync
import MizuSyncTesting
import Testing

@Suite
struct WaitTests {
    /// Whatever waits for the server.
    enum Waits: String, CaseIterable, Sendable {
        case sync, flush, firstSync

        func wait(_ client: SyncClient, _ timeout: Duration = soon) async throws {
            switch self {
            case .sync: try await client.sync(timeout: timeout)
            case .flush: try await client.flush(timeout: timeout)
            case .firstSync: try await client.waitForFirstSync(timeout: timeout)
            }
        }

        var sentence: String {
            switch self {
            case .sync: "not synced after"
            case .flush: "not sent after"
            case .firstSync: "not synced for the first time after"
            }
        }
    }

    /// A client of a server that takes requests and answers none, with one write.
    private func withHanging(_ test: (TestServer, SyncClient) async throws -> Void) async throws {
        let server = try TestServer()
        try server.hang()
        let client = try SyncClient(server.url, scope: "user:1") { $0.database = .inMemory }
        defer { client.close() }
        try client.start()
        try await client.todos.create("a", Todo(title: "Milk"))
        try await server.waitForRequests(.snapshot, times: 1)
        try await test(server, client)
        try server.release()
    }

    @Test(arguments: Waits.allCases)
    func aWaitEndsWhenItHasHappened(_ waits: Waits) async throws {
        try await withHanging { server, client in
            async let waiting: Void = waits.wait(client)
            #expect(try !client.status.value.hasSynced)
            try server.release()
            try await waiting
            #expect(try client.status.value.hasSynced)
            if waits != .firstSync { #expect(try server.count("user:1", "todo") == 1) }
        }
    }

    @Test(arguments: Waits.allCases)
    func aWaitThatTakesTooLongSaysForHowLongAndWhy(_ waits: Waits) async throws {
        try await withHanging { _, client in
            await refused(.timedOut, waits.sentence, "0.05 s: ") {
                do {
                    try await waits.wait(client, .milliseconds(50))
                } catch let error as SyncError {
                    #expect(error.isPassing)
                    throw error
                }
            }
        }
    }

    @Test(arguments: Waits.allCases)
    func aTaskThatIsCancelledWaitsNoMoreAndTheSyncGoesOn(_ waits: Waits) async throws {
        try await withHanging { server, client in
            // Before they wait, while they begin to, and later.
            for turns in 0..<20 {
                let wait = Task { try await waits.wait(client) }
                for _ in 0..<turns * turns { await Task.yield() }
                wait.cancel()
                await #expect(throws: CancellationError.self) { try await wait.value }
            }
            try server.release()
            try await client.flush(timeout: soon)
            #expect(try server.count("user:1", "todo") == 1)
        }
    }

    @Test(arguments: Waits.allCases)
    func aClientThatIsStoppedOrClosedMeanwhileEndsTheWait(_ waits: Waits) async throws {
        try await withHanging { _, client in
            let stopped = Task { await refused(.notStarted, "start()") { try await waits.wait(client) } }
            await refused(.timedOut) { try await waits.wait(client, .milliseconds(50)) }
            try await client.stop()
            await stopped.value
            try client.start()
            let closed = Task { await refused(.closed) { try await waits.wait(client) } }
            await refused(.timedOut) { try await waits.wait(client, .milliseconds(50)) }
            client.close()
            await closed.value
        }
    }

    @Test(arguments: Waits.allCases)
    func nobodyWaitsForASyncThatWasNotStarted(_ waits: Waits) async throws {
        let client = try SyncClient.inMemory()
        await refused(.notStarted, "not started", "start()") { try await waits.wait(client) }
        client.close()
    }

    @Test(arguments: Waits.allCases)
    func nobodyWhoIsCancelledWaitsForAFileThatIsStillBeingOpened(_ waits: Waits) async throws {
        try await withOpening { client in
            let wait = Task { try await waits.wait(client) }
            let delivered = Task { try await client.delivered(timeout: soon) }
            for _ in 0..<10 { await Task.yield() }
            wait.cancel()
            delivered.cancel()
            await #expect(throws: CancellationError.self) { try await wait.value }
            await #expect(throws: CancellationError.self) { try await delivered.value }
        }
    }

    @Test(arguments: Loop.allCases)
    func aLoopThatIsCancelledWhileTheFileIsBeingOpenedEnds(_ loop: Loop) async throws {
        try await withOpening { client in
            let looping = Task { try await loop.run(client) { true } }
            for _ in 0..<10 { await Task.yield() }
            looping.cancel()
            try await looping.value
        }
    }

    /// A client whose file takes longer to open than `test`.
    private func withOpening(_ test: (SyncClient) async throws -> Void) async throws {
        let (goOn, isOpened) = (Gate(), Box(false))
        let client = SyncClient(scope: "user:1") {
            defer { isOpened.value = true }
            try goOn.pass()
            throw Wrong("there is no file")
        }
        try await test(client)
        #expect(!isOpened.value)
        goOn.open()
        client.close()
    }

    @Test
    func aServerThatNobodyReachesIsTheReason() async throws {
        let server = try TestServer()
        try server.goOffline()
        let client = try SyncClient(server.url, scope: "user:1") { $0.database = .inMemory }
        try client.start()
        await refused(.timedOut, "user:1", "cannot reach") { try await client.sync(timeout: .seconds(1)) }
        client.setNetwork(isUp: false)
        await refused(.timedOut, "no network") { try await client.sync(timeout: .milliseconds(50)) }
        client.close()
    }

    @Test
    func whatNoTimeMendsEndsTheWaitAtOnce() async throws {
        try await withHanging { server, client in
            async let waiting: Void = refused(.forbidden, "user:1", "may not use") {
                try await client.sync(timeout: soon)
            }
            try server.forbid("user:1")
            try server.release()
            await waiting
        }
    }

    @Test
    func theFirstSyncIsRememberedAndNeedsNoStart() async throws {
        let (server, folder) = (try TestServer(), try Folder())
        let file = folder.file("a.db")
        try await server.client("user:1") { $0.database = .file(file) }.close()
        let client = try SyncClient(server.url, scope: "user:1") { $0.database = .file(file) }
        try await client.waitForFirstSync(timeout: .zero)
        client.close()
    }

    @Test
    func syncBringsWhatOthersHaveWritten() async throws {
        let server = try TestServer()
        try server.live(false)
        let client = try await server.client("user:1")
        try server.put("user:1", "todo", "a", Todo(title: "Milk"))
        try await client.sync(timeout: soon)
        #expect(try client.todos["a"].get() == Todo(title: "Milk"))
        client.close()
    }

    @Test
    func deliveredWaitsForTheCallbacksOfWhatWasBeforeIt() async throws {
        let server = try TestServer()
        let (isCalled, goOn) = (Gate(), Gate())
        let client = try await server.client("user:1") {
            $0.onRejected = { _ in
                isCalled.open()
                try goOn.pass()
            }
        }
        try server.reject("todo.create", code: "conflict", message: "no")
        try await client.todos.add(Todo(title: "Milk"))
        try await isCalled.passed()
        await refused(.timedOut, "not delivered after", "callback") {
            try await client.delivered(timeout: .milliseconds(50))
        }
        let cancelled = Task { try await client.delivered(timeout: soon) }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        async let waiting: Void = client.delivered(timeout: soon)
        goOn.open()
        try await waiting
        client.close()
    }

    @Test
    func deliveredEndsWhenTheClientIsClosed() async throws {
        let server = try TestServer()
        let (isCalled, goOn) = (Gate(), Gate())
        let client = try await server.client("user:1") {
            $0.onOffline = {
                isCalled.open()
                try goOn.pass()
            }
        }
        client.setNetwork(isUp: false)
        try await isCalled.passed()
        async let waiting: Void = refused(.closed) { try await client.delivered(timeout: soon) }
        client.close()
        await waiting
        goOn.open()
    }

    @Test
    func deliveredNeedsNoStartAndIsRefusedToAPausedClient() async throws {
        let client = try SyncClient.inMemory()
        try await client.delivered(timeout: soon)
        try await client.pause()
        await refused(.paused, "paused", "resume") { try await client.delivered(timeout: soon) }
        client.close()
    }

    @Test
    func aWriteOfATaskThatIsCancelledIsStillWhole() async throws {
        let client = try SyncClient.inMemory()
        let writes = Task {
            for number in 0..<200 {
                let todo = try await client.todos.create("t\(number)", Todo(title: "\(number)"))
                if number == 20 { withUnsafeCurrentTask { $0?.cancel() } }
                try await todo.update { $0.done = true }
            }
        }
        try await writes.value
        #expect(try client.todos.all().filter { $0.value.done }.count == 200)
        client.close()
    }

    @Test
    func anUpdateThatIsOvertakenAgainAndAgainEndsWhenItsTaskIsCancelled() async throws {
        let client = try SyncClient.inMemory()
        let milk = try await client.todos.create("a", Todo(title: "Milk"))
        let others = Box(0)
        let isOvertaken = Gate()
        let update = Task {
            try await milk.update { before in
                before.done = true
                // Not for ever, so that a test that fails ends.
                guard others.value < 20_000 else { return }
                others.with { $0 += 1 }
                try blocking { try await milk.set(Todo(title: "Milk \(others.value)")) }
                if others.value == 3 { isOvertaken.open() }
            }
        }
        try await isOvertaken.passed()
        update.cancel()
        await #expect(throws: CancellationError.self) { try await update.value }
        #expect(try milk.get() == Todo(title: "Milk \(others.value)"))
        client.close()
    }

    @Test(arguments: Loop.allCases)
    func aLoopOfATaskThatIsCancelledEnds(_ loop: Loop) async throws {
        let client = try SyncClient.inMemory()
        let hasBegun = Gate()
        let task = Task {
            try await loop.run(client) {
                hasBegun.open()
                return false
            }
        }
        try await hasBegun.passed()
        task.cancel()
        try await task.value
        client.close()
    }
}
