import Foundation
import MizuSyncNative

/// What this process holds that a client could leave behind. Other tests must not run meanwhile.
struct Held: Equatable, CustomStringConvertible {
    /// Nodes of the graph.
    var nodes = graphCounts()
    /// Threads of clients in the core.
    var threads = names("/proc/self/task") { folder in
        (try? String(contentsOfFile: "\(folder)/comm", encoding: .utf8)) ?? ""
    }.filter { $0.hasPrefix("mizu-") }.count
    /// Open files of databases, and sockets.
    var files = names("/proc/self/fd") { file in
        (try? FileManager.default.destinationOfSymbolicLink(atPath: file)) ?? ""
    }.filter { $0.contains(".db") || $0.hasPrefix("socket:") }.count

    var description: String { "\(nodes) nodes, \(threads) threads, \(files) files and sockets" }

    private static func names(_ folder: String, _ name: (String) -> String) -> [String] {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return entries.map { name("\(folder)/\($0)") }
    }

    /// Waits until nothing more is held than `before`; gives what is held after a minute otherwise.
    static func noMore(than before: Held) async -> Held? {
        for _ in 0..<6_000 {
            let now = Held()
            if now.nodes <= before.nodes && now.threads <= before.threads && now.files <= before.files { return nil }
            // What ends does so on threads of its own, which nobody tells of.
            try? await Task.sleep(for: .milliseconds(10))
        }
        return Held()
    }

    /// Memory of this process, in MiB; 0 where that is not known.
    static var memory: Int {
        let pages = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ")[1]
        return (pages.flatMap { Int($0) } ?? 0) * 4_096 / 1_048_576
    }
}
