import MizuSync
import MizuSyncPlatform
import MizuSyncTesting
import Testing

/// What the layer for iOS does with clients when it is told of the app, but for UIKit.
@MainActor
@Suite
struct PresenceTests {
    /// Time that ends when a test says so.
    @MainActor
    private final class Time: BackgroundTime {
        let expired: @MainActor @Sendable () -> Void
        private(set) var isOver = false
        private(set) var isEnded = false

        init(_ expired: @escaping @MainActor @Sendable () -> Void) {
            self.expired = expired
        }

        func end() {
            isEnded = true
        }

        func expire() {
            isOver = true
            expired()
        }
    }

    @MainActor
    private final class Times {
        var all: [Time] = []
        /// Nothing of it is left.
        var areEnded: Bool { all.allSatisfy { $0.isEnded } }
    }

    private let times = Times()
    private let presence: Presence
    private let folder: Folder

    init() throws {
        folder = try Folder()
        presence = Presence(
            onError: { Issue.record("\($0) fails with \($1)") },
            begin: { [times] expired in
                let time = Time(expired)
                times.all.append(time)
                return time
            })
    }

    /// A client that has synced, and that is seen.
    private func attached(_ server: TestServer) async throws -> SyncClient {
        let client = try await server.client("user:1") { [folder] in $0.database = .file(folder.file("a.db")) }
        presence.attach(client)
        return client
    }

    private func isPaused(_ client: SyncClient) throws -> Bool {
        do {
            _ = try client.todos.count()
            return false
        } catch let error as SyncError where error.code == .paused {
            return true
        }
    }

    @Test
    func anAppThatLeavesSendsWhatWaitsAndIsPausedBeforeItsTimeEnds() async throws {
        let server = try TestServer()
        let client = try await attached(server)
        try await client.todos.create("a", Todo(title: "Milk"))
        presence.leave()
        await presence.settled()
        #expect(try server.count("user:1", "todo") == 1)
        #expect(try isPaused(client))
        #expect(times.all.count == 1 && times.areEnded)
        presence.comeBack()
        await presence.settled()
        #expect(try client.todos.count() == 1)
        try await client.sync(timeout: soon)
        client.close()
    }

    @Test(arguments: [true, false])
    func anAppWhoseTimeIsOverIsPausedWithoutHavingSent(_ isOverBeforeItBegins: Bool) async throws {
        let server = try TestServer()
        let client = try await attached(server)
        try server.hang()
        try await client.todos.create("a", Todo(title: "Milk"))
        presence.leave()
        if !isOverBeforeItBegins { for _ in 0..<20 { await Task.yield() } }
        let time = try #require(times.all.first)
        #expect(!time.isEnded)
        time.expire()
        await presence.settled()
        #expect(try isPaused(client) && time.isEnded)
        try server.release()
        presence.comeBack()
        await presence.settled()
        try await client.flush(timeout: soon)
        client.close()
    }

    @Test
    func anAppThatComesBackWhileItSendsIsNotPaused() async throws {
        let server = try TestServer()
        let client = try await attached(server)
        try server.hang()
        try await client.todos.create("a", Todo(title: "Milk"))
        for _ in 0..<5 {
            presence.leave()
            for _ in 0..<20 { await Task.yield() }
            presence.comeBack()
            for _ in 0..<20 {
                #expect(try !isPaused(client))
                await Task.yield()
            }
        }
        await presence.settled()
        #expect(try !isPaused(client))
        #expect(times.areEnded)
        try server.release()
        try await client.flush(timeout: soon)
        client.close()
    }

    @Test
    func whatIsDoneInTheBackgroundHasOpenClientsWhichArePausedAfterwards() async throws {
        let server = try TestServer()
        let client = try await attached(server)
        presence.leave()
        try server.put("user:1", "todo", "a", Todo(title: "Milk"))
        await presence.withOpenClients { clients in
            #expect(clients.count == 1)
            do {
                try await clients[0].sync(timeout: soon)
                #expect(try client.todos.count() == 1)
            } catch {
                Issue.record("\(error)")
            }
        }
        #expect(try isPaused(client))
        client.close()
    }

    @Test
    func anAppThatIsSeenMeanwhileKeepsItsClientsOpen() async throws {
        let server = try TestServer()
        let client = try await attached(server)
        presence.leave()
        await presence.withOpenClients { [presence] _ in presence.comeBack() }
        await presence.settled()
        #expect(try client.todos.count() == 0)
        client.close()
    }

    @Test
    func whatIsDoneInTheBackgroundIsCancelledWhenTheTimeIsOver() async throws {
        let server = try TestServer()
        let client = try await attached(server)
        try server.hang()
        presence.leave()
        await presence.settled()
        presence.comeBack()
        let isBegun = Gate()
        async let working: Void = presence.withOpenClients { clients in
            isBegun.open()
            await #expect(throws: CancellationError.self) { try await clients[0].sync(timeout: soon) }
        }
        try await isBegun.passed()
        presence.leave()
        try #require(times.all.last).expire()
        await working
        await presence.settled()
        #expect(try isPaused(client) && times.areEnded)
        client.close()
    }

    @Test
    func aClientThatIsClosedOrForgottenOrDetachedIsLeftAlone() async throws {
        let server = try TestServer()
        let (closed, detached) = (try await attached(server), try await server.client("user:2"))
        presence.attach(detached)
        presence.attach(try SyncClient.inMemory())
        presence.detach(detached)
        closed.close()
        #expect(presence.clients.isEmpty)
        presence.leave()
        await presence.settled()
        #expect(try detached.todos.count() == 0)
        detached.close()
    }
}
