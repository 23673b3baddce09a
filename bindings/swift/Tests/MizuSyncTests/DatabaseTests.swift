import MizuSync
import Testing

@Suite
struct DatabaseTests {
    @Test
    func everyScopeHasAFileNameOfItsOwnThatAFileSystemTakes() {
        let long = String(repeating: "x:", count: 512)
        let scopes = [
            "user:1", "User:1", "user_3a1", "user/1", "../1", "é", "e\u{301}", String(repeating: "x", count: 160),
            String(repeating: "x", count: 161), long, String(long.dropLast()) + ";", String(repeating: "é", count: 512),
        ]
        let names = scopes.map { Database.fileName(scope: $0) }
        #expect(Set(names.map { $0.lowercased() }).count == scopes.count)
        // 255 bytes, with what comes behind the names of the files beside it.
        #expect(names.allSatisfy { $0.utf8.count < 200 && !$0.contains("/") })
        #expect(names[0] == "user_3a1.db")
    }
}
