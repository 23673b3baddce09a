import Foundation
import MizuSync
import Testing

@Suite
struct FirstProgramTests {
    @Test
    func theSwiftProgramOfReadmeIsThisOne() throws {
        let readme = try String(contentsOfFile: "README.md", encoding: .utf8)
        let printed = try #require(readme.components(separatedBy: "```swift\n").dropFirst().first)
            .components(separatedBy: "```")[0]
        let here = try String(contentsOfFile: "bindings/swift/Tests/FirstProgram/main.swift", encoding: .utf8)
        #expect(here == "\(here.prefix(while: { $0 != "\n" }))\n\(printed)")
    }

    @Test
    func itRunsAgainstTheServerAndAnotherDeviceSeesWhatItDid() async throws {
        let folder = try Folder()
        let server = try ServerProcess(database: folder.file("server.db"))
        let output = try await onThread { try Self.run(in: folder.url, url: server.url) }
        let lines = output.split(separator: "\n")
        #expect(!lines.isEmpty && lines.allSatisfy { $0 == "0 to do" || $0 == "1 to do" }, "\(output)")

        let other = try SyncClient(server.url, scope: "user:demo") { $0.database = .inMemory }
        try other.start()
        try await other.sync(timeout: soon)
        #expect(try other.collection("todo", of: Todo.self).all().map(\.value) == [Todo(title: "Milk", done: true)])
        other.close()
    }

    /// Runs it in a process of its own, for it keeps its file where it is run.
    private static func run(in folder: URL, url: String) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
            .deletingLastPathComponent().appendingPathComponent("FirstProgram")
        process.currentDirectoryURL = folder
        process.environment = ProcessInfo.processInfo.environment.merging(["MIZU_URL": url]) { _, new in new }
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        // It ends when the program does.
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Wrong("it failed: \(text)") }
        return text
    }
}
