import Foundation
import MizuSync
import MizuSyncTesting
import Testing

/// A callback that throws, blocks, calls back or closes breaks nothing.
@Suite
struct CallbackFaultsTests {
    enum Kind: String, CaseIterable, Sendable {
        case sync, error, online, offline, rejected, tokenNeeded

        func install(_ options: inout SyncOptions, _ act: @escaping @Sendable () throws -> Void) {
            switch self {
            case .sync: options.onSync = { _ in try act() }
            case .error: options.onError = { _ in try act() }
            case .online: options.onOnline = act
            case .offline: options.onOffline = act
            case .rejected: options.onRejected = { _ in try act() }
            case .tokenNeeded: options.onTokenNeeded = act
            }
        }

        /// Makes the SDK call it.
        func provoke(_ server: TestServer, _ client: SyncClient) async throws {
            switch self {
            case .sync: try server.put("user:1", "note", "n", Todo(title: "Note"))
            case .error:
                try server.answer(.push, status: 503)
                try await client.todos.create("a", Todo(title: "Milk"))
            case .online, .offline:
                client.setNetwork(isUp: false)
                client.setNetwork(isUp: true)
            case .rejected:
                try server.reject("todo.create", code: "conflict", message: "no")
                try await client.todos.create("a", Todo(title: "Milk"))
            case .tokenNeeded:
                try server.expireTokens()
                _ = try? await client.todos.create("a", Todo(title: "Milk"))
            }
        }
    }

    /// A server, a client whose callback does something once it is armed, and whether it was called.
    private final class Scene: Sendable {
        let server: TestServer
        let client = Box<SyncClient?>(nil)
        let isArmed = Box(false)
        let called = DispatchSemaphore(value: 0)

        init(_ kind: Kind, _ act: @escaping @Sendable (SyncClient) throws -> Void) async throws {
            server = try TestServer()
            try server.requireToken("first")
            client.value = try await server.client("user:1") { options in
                options.principal = "ann"
                options.token = "first"
                options.onLog = { _ in }
                kind.install(&options) { [weak self] in
                    guard let self, isArmed.value, let client = client.value else { return }
                    called.signal()
                    try act(client)
                }
            }
            try await server.waitForSubscription("user:1")
            isArmed.value = true
            guard let client = client.value else { return }
            try await kind.provoke(server, client)
            try await onThread { self.called.wait() }
        }

        /// Everything works: writes, reads and syncs.
        func expectWell() async throws {
            guard let client = client.value else { return }
            try server.accept("todo.create")
            try server.answerNormally()
            try server.requireToken("second")
            try client.setToken("second")
            client.setNetwork(isUp: true)
            try await client.todos.create("well", Todo(title: "Well"))
            #expect(try client.todos["well"].get() == Todo(title: "Well"))
            try await client.sync(timeout: soon)
            #expect(try server.get("user:1", "todo", "well", as: Todo.self) == Todo(title: "Well"))
        }

        func end() {
            client.value?.close()
            client.value = nil
        }
    }

    @Test(arguments: Kind.allCases)
    func oneThatThrowsBreaksNothing(_ kind: Kind) async throws {
        let scene = try await Scene(kind) { _ in throw Wrong("mine") }
        try await scene.expectWell()
        scene.end()
    }

    @Test(arguments: Kind.allCases)
    func oneThatBlocksHoldsUpNoWriteNoReadAndNoSync(_ kind: Kind) async throws {
        let goOn = DispatchSemaphore(value: 0)
        let scene = try await Scene(kind) { _ in goOn.wait() }
        try await scene.expectWell()
        for _ in 0..<100 { goOn.signal() }
        scene.end()
    }

    @Test(arguments: Kind.allCases)
    func oneMayCallTheClient(_ kind: Kind) async throws {
        let log = Log()
        let scene = try await Scene(kind) { client in
            _ = try client.todos.all()
            _ = try client.status.value
            try blocking {
                let added = try await client.collection("called", of: Todo.self).add(Todo(title: "from the callback"))
                try await added.update { $0.done = true }
                try await added.delete()
            }
            client.setNetwork(isUp: true)
            log.add("done")
        }
        #expect(try await log.next() == "done")
        try await scene.expectWell()
        scene.end()
    }

    @Test(arguments: Kind.allCases)
    func oneMayCloseTheClient(_ kind: Kind) async throws {
        let log = Log()
        let scene = try await Scene(kind) { client in
            client.close()
            client.close()
            log.add("done")
        }
        #expect(try await log.next() == "done")
        let client = try #require(scene.client.value)
        await refused(.closed) { _ = try client.todos.count() }
        scene.end()
    }

    @Test
    func whatACallbackThrowsIsLoggedWithoutWhatItSays() async throws {
        let log = Log()
        let server = try TestServer()
        let client = try await server.client("user:1") { options in
            options.onSync = { _ in throw Wrong("secret of the user") }
            options.onLog = { if $0.target == "callbacks" { log.add(.string("\($0)")) } }
        }
        let line = try await log.next().text
        #expect(line.contains("onSync threw Wrong") && !line.contains("secret"), "\(line)")
        client.close()
    }
}
