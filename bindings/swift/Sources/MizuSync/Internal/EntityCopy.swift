internal import MizuSyncNative

/// The JSON of an entity. From the second time that it is read on, a copy is kept here until the core recalls it: a handle that
/// is made, read once and dropped costs one call. So does one that is one too many for the core.
final class EntityCopy: Sendable {
    private enum State {
        case unread
        case read
        case kept(NativeEntity)
        case refused
    }

    private let state = Locked(State.unread)
    private let lease = Lease<String?>()

    /// `nil` when the entity is not visible. Whoever is tracked has to tell the core that it reads it. What runs in an effect
    /// may have read of a commit already of which the core is yet to tell.
    func json(_ client: SyncClient, collection: String, id: String) throws -> String? {
        let native = try client.native
        if !Tracking.isInside, let entity = entity({ native.entity(collection: collection, id: id, recall: lease) }) {
            return try lease.value { try crossing { try entity.lease() } }
        }
        return try crossing { try native.get(collection: collection, id: id) }
    }

    private func entity(_ make: () -> NativeEntity?) -> NativeEntity? {
        state.with { state in
            switch state {
            case .unread: state = .read
            case .read: state = make().map(State.kept) ?? .refused
            case .kept, .refused: break
            }
            if case .kept(let entity) = state { return entity }
            return nil
        }
    }
}
