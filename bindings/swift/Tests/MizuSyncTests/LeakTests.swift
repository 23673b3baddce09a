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

        @Test
        func signalsComputedsAndEffects() async throws {
            let queue = DispatchQueue(label: "leaks")
            weak var last: Screen?
            let before = Held()
            for round in 0..<10_000 {
                let screen = Screen(queue)
                if round % 4 == 0 {
                    screen.number.value = 2
                    #expect(try screen.double.value?.value == 4)
                }
                last = screen
            }
            queue.sync {}
            #expect(last == nil)
            #expect(await Held.noMore(than: before) == nil, "before: \(before)")
        }

        @Test
        func loopsOverValues() async throws {
            let client = try SyncClient.inMemory()
            try await client.todos.create("a", Todo(title: "Milk"))
            for await _ in client.todos.values { break }
            let before = Held()
            for _ in 0..<1_250 {
                for await _ in client.todos.values { break }
                for await _ in client.todos.query().changes { break }
                for await _ in client.todos.query().counts { break }
                for await _ in client.todos["a"].values { break }
                for await _ in client.todos["a"].rows { break }
                for await _ in client.status.values { break }
                for await _ in client.pending.values { break }
                for await _ in client.rejected.values { break }
            }
            #expect(await Held.noMore(than: before) == nil, "before: \(before)")
            client.close()
        }

        @Test(arguments: [true, false])
        func clientsThatWereClosedOrDropped(_ areClosed: Bool) async throws {
            let folder = try Folder()
            let server = try TestServer()
            try await use(server, folder, 1, areClosed: areClosed)
            _ = await Held.noMore(than: Held())
            let before = Held()
            weak var token: AnyObject?
            for _ in 0..<4 {
                token = try await use(server, folder, 50, areClosed: areClosed)
            }
            #expect(await Held.noMore(than: before) == nil, "before: \(before)")
            // A client that was dropped ends on a thread of its own.
            for _ in 0..<6_000 where token != nil { try await Task.sleep(for: .milliseconds(10)) }
            #expect(token == nil)
        }

        /// Makes clients and uses them; gives what the callbacks of the last hold.
        @discardableResult
        private func use(
            _ server: TestServer, _ folder: Folder, _ count: Int, areClosed: Bool
        ) async throws -> AnyObject? {
            weak var held: Box<Int>?
            for index in 0..<count {
                let told = Box(0)
                held = told
                let client = try SyncClient(server.url, scope: "user:1") { options in
                    options.database = index % 2 == 0 ? .file(folder.file("\(newID()).db")) : .inMemory
                    options.onSync = { _ in told.with { $0 += 1 } }
                    options.onError = { _ in told.with { $0 += 1 } }
                    options.onOnline = { told.with { $0 += 1 } }
                    options.onLog = { _ in told.with { $0 += 1 } }
                    options.upcast("todo", to: 2) { _ in told.with { $0 += 1 } }
                }
                try await client.todos.add(Todo(title: "Milk"))
                if index % 3 == 0 {
                    try client.start()
                    try await client.waitForFirstSync(timeout: soon)
                }
                for await rows in client.todos.values {
                    #expect(!rows.isEmpty)
                    break
                }
                if areClosed { client.close() }
            }
            return held
        }

        @Test
        func clientsThatCouldNotBeOpened() async throws {
            _ = try? SyncClient("no URL", scope: "user:1") { $0.database = .inMemory }.clientID
            let before = Held()
            for _ in 0..<100 {
                _ = try? SyncClient("no URL", scope: "user:1") { $0.database = .inMemory }.clientID
                _ = try SyncClient.inMemory()
            }
            #expect(await Held.noMore(than: before) == nil, "before: \(before)")
        }
    }
}
