import MizuSync
import MizuSyncPlatform
import SwiftUI

/// A list of todos that is there without a network, and the same on all devices of a user.
@main
@available(iOS 17, *)
struct TodoApp: App {
    private let client: SyncClient

    init() {
        do {
            // `cargo run -p mizu-sync-server` on the same machine, for the simulator.
            client = try SyncClient("http://127.0.0.1:8080/_sync", scope: "user:demo") { $0.logToSystem() }
            try client.start()
        } catch {
            fatalError("the client cannot be made: \(error)")
        }
        SyncPlatform.shared.attach(client)
        BackgroundRefresh.register()
    }

    var body: some Scene {
        WindowGroup { TodoList(client) }
    }
}
