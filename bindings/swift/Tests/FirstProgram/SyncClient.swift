import Foundation
import MizuSync

/// Leads the program to the server of the test. A declaration of the same module is nearer than an imported one.
// swift-format-ignore: AlwaysUseLowerCamelCase
func SyncClient(
    _ url: String, scope: String, _ configure: (inout SyncOptions) throws -> Void
) throws -> MizuSync.SyncClient {
    precondition(url == "http://127.0.0.1:8080/_sync", "where the server listens by default")
    return try MizuSync.SyncClient(ProcessInfo.processInfo.environment["MIZU_URL"] ?? url, scope: scope, configure)
}
