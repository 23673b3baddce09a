import Foundation
import MizuSync
import MizuSyncTesting
import Testing

@Suite
struct WaitTests {
    @Test
    func aWaitThatIsCancelledEndsAtOnceAndTheSyncGoesOn() async throws {
        let server = try TestServer()
        let client = try await server.client("user:1")
        try server.hang()
        try await client.todos.create("a", Todo(title: "Milk"))
        let wait = Task { try await client.flush(timeout: soon) }
        wait.cancel()
        await #expect(throws: CancellationError.self) { try await wait.value }
        try server.release()
        try await client.flush(timeout: soon)
        #expect(try server.get("user:1", "todo", "a", as: Todo.self) == Todo(title: "Milk"))
        client.close()
    }

    @Test
    func aWaitThatTimesOutSaysWhy() async throws {
        let server = try TestServer()
        let client = try await server.client("user:1")
        try server.goOffline()
        try await client.todos.add(Todo(title: "Milk"))
        await refused(.timedOut) { try await client.flush(timeout: .milliseconds(50)) }
        client.close()
    }

    @Test
    func aWaitEndsWhenTheClientIsClosed() async throws {
        let server = try TestServer()
        let client = try await server.client("user:1")
        try server.hang()
        try await client.todos.add(Todo(title: "Milk"))
        let requests = try server.requests(.push)
        let wait = Task { try await client.flush(timeout: soon) }
        try await server.waitForRequests(.push, times: requests + 1)
        client.close()
        await refused(.closed) { try await wait.value }
        try server.release()
    }

    @Test
    func waitsNeedAClientThatIsStarted() async throws {
        let client = try SyncClient.inMemory()
        await refused(.notStarted) { try await client.sync() }
        client.close()
    }

    @Test
    func aWriteOfATaskThatIsCancelledIsStillWhole() async throws {
        let client = try SyncClient.inMemory()
        let writes = Task {
            for number in 0..<200 {
                try await client.todos.create("t\(number)", Todo(title: "\(number)"))
                if number == 20 { withUnsafeCurrentTask { $0?.cancel() } }
            }
        }
        try await writes.value
        #expect(try client.todos.count() == 200)
        client.close()
    }

    @Test
    func aLoopOfATaskThatIsCancelledEnds() async throws {
        let client = try SyncClient.inMemory()
        let (stream, begun) = AsyncStream<Void>.makeStream()
        let loop = Task { for await _ in client.todos.values { begun.yield() } }
        var iterator = stream.makeAsyncIterator()
        await iterator.next()
        loop.cancel()
        await loop.value
        client.close()
    }
}
