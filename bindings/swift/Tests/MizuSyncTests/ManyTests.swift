import MizuSync
import Testing

@Suite
struct ManyTests {
    /// Swift's concurrency has a thread for each core, and none of them may wait.
    @Test(.timeLimit(.minutes(1)))
    func hundredsOfLoopsAndWritesDoNotKeepEachOtherFromThreads() async throws {
        let folder = try Folder()
        let client = try SyncClient("http://127.0.0.1:9/_sync", scope: "user:1") {
            $0.database = .file(folder.file("a.db"))
        }
        try await withThrowingTaskGroup(of: Int?.self) { group in
            for number in 0..<200 {
                group.addTask { await client.todos.values.first { $0.count == 200 }?.count }
                group.addTask { await client.todos.query().counts.first { $0 == 200 } }
                group.addTask {
                    try await client.todos.create("\(number)", Todo(title: "\(number)"))
                    return 200
                }
            }
            for try await count in group { #expect(count == 200) }
        }
        client.close()
    }
}
