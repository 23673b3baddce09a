import MizuSync
import MizuSyncTesting
import Testing

@Suite
struct PausedTests {
    /// What the client is doing is not in the file: it is there while the client is paused, too.
    static let ofTheFile = Loop.allCases.filter { $0 != .status }

    @Test(.timeLimit(.minutes(1)), arguments: ofTheFile)
    func aLoopThatBeginsWhileTheClientIsPausedGoesOnWhenItIsResumed(_ loop: Loop) async throws {
        let folder = try Folder()
        let client = try SyncClient("http://127.0.0.1:9/_sync", scope: "user:1") {
            $0.database = .file(folder.file("a.db"))
        }
        try await client.todos.create("a", Todo(title: "Milk"))
        try await client.pause()
        let (seen, values) = (Box(0), Box(false))
        let looping = Task {
            try await loop.run(client) {
                values.value = true
                return seen.value == 1
            }
            return values.value
        }
        for _ in 0..<1_000 { await Task.yield() }
        seen.value = 1
        try await client.resume()
        #expect(try await looping.value)
        client.close()
    }
}
