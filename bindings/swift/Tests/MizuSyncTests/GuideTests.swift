import Foundation
import MizuSync
import MizuSyncTesting
import Testing

/// The programs of docs/ios.md are parts of sources that are compiled: of this file, and of the sample.
@Suite
struct GuideTests {
    @Test
    func everySnippetOfTheGuideIsCompiled() throws {
        let guide = try String(contentsOfFile: "docs/ios.md", encoding: .utf8)
        let snippets = guide.components(separatedBy: "```swift\n").dropFirst().map {
            $0.components(separatedBy: "```")[0]
        }
        let sources = try ["ios/Sample", "bindings/swift/Tests/MizuSyncTests"].flatMap { folder in
            try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".swift") }
                .map { try String(contentsOfFile: "\(folder)/\($0)", encoding: .utf8) }
        }
        // The line of a manifest is none of a program.
        let programs = snippets.filter { !$0.hasPrefix(".package(") }
        #expect(programs.count > 5)
        for program in programs {
            #expect(sources.contains { $0.contains(program) }, "nowhere compiled: \(program)")
        }
    }

    @Test
    func whatIsWrittenInATunnelArrives() async throws {
        let server = try TestServer()
        let phone = try await server.client("user:1")
        try server.goOffline()
        try await phone.collection("todo", of: Todo.self).create("t1", Todo(title: "Milk"))
        try server.goOnline()
        phone.setNetwork(isUp: true)
        try await phone.flush()
        #expect(try server.get("user:1", "todo", "t1") == Todo(title: "Milk"))
        phone.close()
    }

    @Test
    func aPreviewShowsWhatItIsTold() throws {
        let client = try SyncClient.preview {
            try $0.row("todo", "t1", Todo(title: "Milk"))
            try $0.row("todo", "t2", Todo(title: "Bread"))
            $0.pending("todo", "t2")
        }
        let rows = try client.collection("todo", of: Todo.self).all()
        #expect(rows.map(\.isPending) == [false, true])
        client.close()
    }
}
