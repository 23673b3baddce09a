import Foundation
import MizuSync
import MizuSyncTesting
import Testing

/// A callback that throws, blocks, calls back, or ends its client breaks nothing.
@Suite
struct CallbackFaultsTests {
    enum Kind: String, CaseIterable, Sendable {
        case sync, error, online, offline, rejected, tokenNeeded, log

        func install(_ options: inout SyncOptions, _ act: @escaping @Sendable () throws -> Void) {
            switch self {
            case .sync: options.onSync = { _ in try act() }
            case .error: options.onError = { _ in try act() }
            case .online: options.onOnline = act
            case .offline: options.onOffline = act
            case .rejected: options.onRejected = { _ in try act() }
            case .tokenNeeded: options.onTokenNeeded = act
            case .log: options.onLog = { if $0.target == "data" { try act() } }
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
                // It may have been called before this, and have closed the client.
                _ = try? await client.todos.create("a", Todo(title: "Milk"))
            case .log:
                try server.putJSON("user:1", "todo", "unreadable", "{}")
                try await client.sync(timeout: soon)
                _ = try client.todos.all()
            }
        }
    }

    /// What an app may do in a callback, without an end of the client.
    enum Act: String, CaseIterable, Sendable {
        case throwAnError, callBack, stopAndStart, pauseAndResume

        func run(_ client: SyncClient) throws {
            switch self {
            case .throwAnError: throw Wrong("mine")
            case .callBack:
                _ = try client.todos.all()
                _ = try (client.status.value, client.pending.value, client.rejected.value, client.cursor)
                try blocking {
                    let added = try await client.collection("called", of: Todo.self).add(Todo(title: "from a callback"))
                    try await added.update { $0.done = true }
                    try await client.batch { try $0.delete(client.collection("called", of: Todo.self), added.id) }
                    for loop in Loop.allCases { try await loop.run(client) { true } }
                }
                try client.setToken("first")
                client.setNetwork(isUp: true)
                client.setForeground(true)
                client.notifyLive(cursor: 1)
            case .stopAndStart:
                try blocking { try await client.stop() }
                try client.start()
            case .pauseAndResume:
                try blocking {
                    try await client.pause()
                    try await client.resume()
                }
            }
        }
    }

    enum End: String, CaseIterable, Sendable {
        case closeTwice, wipe

        func run(_ client: SyncClient) throws {
            switch self {
            case .closeTwice:
                client.close()
                client.close()
            case .wipe: try blocking { try await client.wipe(loseUnsent: true) }
            }
        }
    }

    /// A server, and a client in a file, of which a callback does something when it is provoked.
    private final class Scene: Sendable {
        let server: TestServer
        /// Nobody else holds on to the client.
        let client = Box<SyncClient?>(nil)
        private let folder: Folder
        private let called = Gate()
        private let outcome = Box<Result<Void, any Error>?>(nil)
        private let isOver = Gate()

        var file: URL { folder.file("a.db") }

        init(
            _ kind: Kind, isRepeated: Bool = false, _ act: @escaping @Sendable (Box<SyncClient?>) throws -> Void
        ) async throws {
            (server, folder) = (try TestServer(), try Folder())
            let isArmed = Box(false)
            try server.requireToken("first")
            client.value = try await server.client("user:1") { [client, called, outcome, isOver, file] options in
                options.database = .file(file)
                options.principal = "ann"
                options.token = "first"
                options.onLog = { _ in }
                kind.install(&options) {
                    let acts = isArmed.with { isArmed in
                        defer { isArmed = isArmed && isRepeated }
                        return isArmed
                    }
                    guard acts else { return }
                    called.open()
                    let result = Result { try act(client) }
                    outcome.value = result
                    isOver.open()
                    try result.get()
                }
            }
            try await server.waitForSubscription("user:1")
            isArmed.value = true
            try await kind.provoke(server, client.get())
            try await called.passed()
        }

        /// Waits until the callback has done what it does, and throws what that has thrown.
        func hasActed() async throws {
            try await isOver.passed()
            try outcome.get().get()
        }

        /// Writes, reads and syncs work.
        func expectWell() async throws {
            let client = try client.get()
            try server.accept("todo.create")
            try server.answerNormally()
            try server.requireToken("second")
            try client.setToken("second")
            client.setNetwork(isUp: true)
            try await client.todos.create("well", Todo(title: "Well"))
            try await client.batch { try $0.update(client.todos, "well") { $0.done = true } }
            #expect(try client.todos["well"].get() == Todo(title: "Well", done: true))
            try await client.sync(timeout: soon)
            #expect(try server.get("user:1", "todo", "well", as: Todo.self) == Todo(title: "Well", done: true))
        }

        /// Loops and waits hear of what happens.
        func expectHeard() async throws {
            let client = try client.get()
            let begun = Gate()
            let loop = Task {
                for await todo in client.todos["later"].values {
                    begun.open()
                    if todo != nil { return }
                }
            }
            try await begun.passed()
            try await client.todos.create("later", Todo(title: "Later"))
            await loop.value
            try await client.delivered(timeout: soon)
        }

        /// Waits until another client can have the file.
        func expectFileIsFree() async throws {
            while true {
                let next = try SyncClient(server.url, scope: "user:1") {
                    $0.database = .file(file)
                    $0.principal = "ann"
                }
                defer { next.close() }
                do {
                    _ = try next.todos.count()
                    return
                } catch let error as SyncError where error.code == .fileInUse {}
            }
        }

        func end() {
            client.value?.close()
            client.value = nil
        }
    }

    @Test(arguments: Kind.allCases, Act.allCases)
    func theClientGoesOnWhateverOneDoes(_ kind: Kind, _ act: Act) async throws {
        let scene = try await Scene(kind, isRepeated: act == .throwAnError) { try act.run($0.get()) }
        if act != .throwAnError { try await scene.hasActed() }
        try await scene.expectWell()
        try await scene.expectHeard()
        scene.end()
    }

    @Test(arguments: Kind.allCases)
    func oneThatBlocksHoldsUpNeitherWritesNorReadsNorTheSync(_ kind: Kind) async throws {
        let goOn = Gate()
        let scene = try await Scene(kind) { _ in try goOn.pass() }
        let client = try scene.client.get()
        try await scene.expectWell()
        try await client.stop()
        try client.start()
        try await client.pause()
        try await client.resume()
        try await client.sync(timeout: soon)
        goOn.open()
        try await scene.hasActed()
        try await scene.expectHeard()
        scene.end()
    }

    @Test(arguments: Kind.allCases, End.allCases)
    func aClientIsEndedWhileOneBlocks(_ kind: Kind, _ end: End) async throws {
        let goOn = Gate()
        let scene = try await Scene(kind) { _ in try goOn.pass() }
        let client = try scene.client.get()
        try await onThread { try end.run(client) }
        await refused(.closed) { _ = try client.todos.count() }
        #expect(FileManager.default.fileExists(atPath: scene.file.path) == (end != .wipe))
        try await scene.expectFileIsFree()
        goOn.open()
        try await scene.hasActed()
    }

    @Test(arguments: Kind.allCases, End.allCases)
    func oneMayEndTheClient(_ kind: Kind, _ end: End) async throws {
        let scene = try await Scene(kind) { try end.run($0.get()) }
        try await scene.hasActed()
        let client = try scene.client.get()
        await refused(.closed) { _ = try client.todos.count() }
        #expect(FileManager.default.fileExists(atPath: scene.file.path) == (end != .wipe))
        try await scene.expectFileIsFree()
    }

    @Test(arguments: Kind.allCases, [true, false])
    func theLastReferenceToAClientMayGoInACallback(_ kind: Kind, _ isInside: Bool) async throws {
        let goOn = Gate()
        let held = Box<Box<Int>?>(Box(0))
        weak var owned = held.value
        let scene = try await Scene(kind) { [owned = held.value] client in
            try goOn.pass()
            if isInside { client.value = nil }
            owned?.value += 1
        }
        held.value = nil
        await scene.client.isAlone()
        if !isInside {
            scene.client.value = nil
            try await scene.expectFileIsFree()
        }
        goOn.open()
        try await scene.hasActed()
        try await scene.expectFileIsFree()
        // What the callbacks have is the app's again.
        while owned != nil { await Task.yield() }
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

    @Test
    func loopsThatBlockOrEndEarlyHoldUpNoOthers() async throws {
        let server = try TestServer()
        let client = try await server.client("user:1")
        let goOn = Gate()
        try await withThrowingTaskGroup(of: Void.self) { group in
            let areStuck = Loop.allCases.map { loop in
                let isStuck = Gate()
                group.addTask {
                    try await loop.run(client) {
                        isStuck.open()
                        try await goOn.passed()
                        return false
                    }
                }
                return isStuck
            }
            for isStuck in areStuck { try await isStuck.passed() }
            for loop in Loop.allCases {
                try await loop.run(client) { true }
                await #expect(throws: Wrong.self) { try await loop.run(client) { throw Wrong("mine") } }
            }
            let begun = Gate()
            let rows = Task {
                for await rows in client.todos.values {
                    begun.open()
                    if rows.count == 3 { return }
                }
            }
            try await begun.passed()
            for number in 0..<3 { try await client.todos.add(Todo(title: "\(number)")) }
            await rows.value
            try await client.flush(timeout: soon)
            try await client.delivered(timeout: soon)
            client.close()
            goOn.open()
            try await group.waitForAll()
        }
    }

    @Test
    func whatLoopsCannotReadIsToldOneAfterTheOther() async throws {
        let server = try TestServer()
        let ids = (0..<8).map { "unreadable\($0)" }
        for id in ids { try server.putJSON("user:1", "todo", id, "{}") }
        let (running, isCalled, goOn, log) = (Box(0), Gate(), Gate(), Log())
        let client = try await server.client("user:1") {
            $0.onError = { _ in
                running.with { $0 += 1 }
                log.add(.int(Int64(running.value)))
                isCalled.open()
                try goOn.pass()
                running.with { $0 -= 1 }
            }
        }
        let loops = ids.map { id in Task { for await _ in client.todos[id].values {} } }
        try await isCalled.passed()
        // So that the others have met theirs, most likely.
        for _ in 0..<1_000 { await Task.yield() }
        goOn.open()
        for _ in ids { #expect(try await log.next() == 1) }
        client.close()
        for loop in loops { await loop.value }
    }

    @Test
    func loopsOverAClientThatCannotBeOpenedLeaveTheAppItsThreads() async throws {
        let (isCalled, goOn) = (Gate(), Gate())
        let client = try SyncClient("no URL", scope: "user:1") {
            $0.database = .inMemory
            $0.onError = { _ in
                isCalled.open()
                try goOn.pass()
            }
        }
        try await isCalled.passed()
        // More than Swift has threads.
        let loops = (0..<32).map { _ in Task { for await _ in client.todos.values {} } }
        for _ in 0..<1_000 { await Task.yield() }
        goOn.open()
        for loop in loops { await loop.value }
        client.close()
    }

    @Test(arguments: Loop.allCases)
    func aLoopMayCloseTheClientWhichEndsTheOthers(_ loop: Loop) async throws {
        let server = try TestServer()
        let (closed, other) = (try await server.client("user:1"), try await server.client("user:1"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            let haveBegun = Loop.allCases.map { loop in
                let hasBegun = Gate()
                group.addTask {
                    try await loop.run(closed) {
                        hasBegun.open()
                        return false
                    }
                }
                return hasBegun
            }
            for hasBegun in haveBegun { try await hasBegun.passed() }
            let begun = Gate()
            group.addTask {
                for await rows in other.todos.values {
                    begun.open()
                    if !rows.isEmpty { return }
                }
            }
            try await begun.passed()
            try await loop.run(closed) {
                closed.close()
                return false
            }
            await refused(.closed) { _ = try closed.todos.count() }
            try await other.todos.add(Todo(title: "Milk"))
            try await group.waitForAll()
        }
        other.close()
    }
}
