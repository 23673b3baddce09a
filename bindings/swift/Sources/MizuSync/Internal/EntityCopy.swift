internal import MizuSyncNative

/// The JSON of an entity. From the second time that it is read on, a copy is kept here until the core recalls it: a handle that
/// is made, read once and dropped costs one call.
final class EntityCopy: Sendable {
    private struct State {
        var wasRead = false
        var entity: NativeEntity?
    }

    private let state = Locked(State())
    private let lease = Lease<String?>()

    /// `nil` when the entity is not visible. Whoever is tracked has to tell the core that it reads it. What runs in an effect
    /// may have read of a commit already of which the core is yet to tell.
    func json(_ client: SyncClient, collection: String, id: String) throws -> String? {
        let native = try client.native
        if Tracking.isInside || client.isPaused { return try read(native, collection, id) }
        guard state.with({ $0.wasRead }) else {
            state.with { $0.wasRead = true }
            return try read(native, collection, id)
        }
        return try lease.value { try crossing { try leased(native, collection, id).lease() } }
    }

    private func read(_ native: NativeClient, _ collection: String, _ id: String) throws -> String? {
        try crossing { try native.get(collection: collection, id: id) }
    }

    private func leased(_ native: NativeClient, _ collection: String, _ id: String) -> NativeEntity {
        if let entity = state.with({ $0.entity }) { return entity }
        let made = native.entity(collection: collection, id: id, recall: lease)
        return state.with { state in
            let entity = state.entity ?? made
            state.entity = entity
            return entity
        }
    }
}
