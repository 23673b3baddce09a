import MizuSync
import MizuSyncPlatform

@MainActor
func signOut(_ client: SyncClient) async throws {
    SyncPlatform.shared.detach(client)
    try await client.wipe()
}
