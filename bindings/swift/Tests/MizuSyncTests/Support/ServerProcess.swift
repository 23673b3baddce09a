import Foundation

/// A `mizu-sync-server` on a free port of this machine. It is killed with this object.
final class ServerProcess: @unchecked Sendable {
    private let process = Process()

    /// Its base URL.
    let url: String

    init(database: URL) throws {
        let program = ProcessInfo.processInfo.environment["MIZU_SERVER"] ?? "target/debug/mizu-sync-server"
        guard FileManager.default.isExecutableFile(atPath: program) else {
            throw Wrong("there is no \(program): run cargo build -p mizu-sync-server first")
        }
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = ["--listen", "127.0.0.1:0", "--db", database.path]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        var first = Data()
        while let byte = try output.fileHandleForReading.read(upToCount: 1), !byte.isEmpty, byte != Data("\n".utf8) {
            first.append(byte)
        }
        let line = String(decoding: first, as: UTF8.self)
        guard line.hasPrefix("listening on ") else { throw Wrong("the server did not start: \(line)") }
        url = String(line.dropFirst("listening on ".count))
    }

    deinit {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }
}
