internal import MizuSyncNative

/// A handle on one entity, whether it is there or not. Made by ``SyncCollection/subscript(_:)``; making one reads nothing.
public struct Entity<Value: Codable & Sendable>: Identifiable, Sendable {
    let client: SyncClient
    let codec: Codec<Value>

    /// Its id.
    public let id: String

    private let copy = EntityCopy()

    init(client: SyncClient, codec: Codec<Value>, id: String) {
        self.client = client
        self.codec = codec
        self.id = id
    }

    /// Its value; `nil` when it is not visible. A handle that was read before, or a copy of it, reads again without a call into
    /// the core, until the entity is changed: keep the handle of what is read often.
    ///
    /// - Throws: ``SyncError/Code/doesNotFit`` when its JSON is not of the type, and ``SyncError/Code/paused`` or
    ///   ``SyncError/Code/closed`` when the client is: so do all reads.
    public func get() throws -> Value? {
        try copy.json(client, collection: codec.collection, id: id).map { try codec.decode(client.native, id: id, $0) }
    }

    /// It with all that is known of it; `nil` when it is not visible.
    public func row() throws -> Row<Value>? {
        let native = try client.native
        return try crossing { try native.row(collection: codec.collection, id: id) }
            .map { try codec.row(native, id: id, $0) }
    }

    /// Whether it is visible.
    public func exists() throws -> Bool {
        let native = try client.native
        return try crossing { try native.has(collection: codec.collection, id: id) }
    }

    /// It now, and whenever it is another one or its marks are; `nil` when it is not visible.
    public var rows: Values<Row<Value>?> {
        client.watch { native, wakes in
            native.watchEntity(collection: codec.collection, id: id, listener: wakes)
        } read: { native, news in
            guard case .entity(let row) = news else { return nil }
            return .some(try row.map { try codec.row(native, id: id, $0) })
        }
    }

    /// Replaces it as a whole. Fields that this version of the app does not know stay as they are. On disk when this
    /// returns.
    ///
    /// - Throws: ``SyncError/Code/notFound`` when it is not visible.
    public func set(_ value: Value) async throws {
        try await client.writing { native in
            try codec.set(native, id: id, value).passed {
                try native.change(collection: codec.collection, id: id, whole: true, change: $0)
            }
        }
    }

    /// Changes it: only the properties that are different afterwards are written and sent, so that changes of others by
    /// others survive. Nothing happens when none is. On disk when this returns.
    ///
    /// `change` runs on a thread for writes, and again if the entity was changed meanwhile, so that none of two changes at
    /// the same time is lost; not again once the task is cancelled.
    ///
    /// - Throws: ``SyncError/Code/notFound`` when it is not visible, what `change` throws, and a `CancellationError`: nothing
    ///   was written then.
    public func update(_ change: @escaping @Sendable (inout Value) throws -> Void) async throws {
        let isCancelled = Locked(false)
        try await withTaskCancellationHandler {
            try await client.writing { native in
                var isOvertaken = false
                return try codec.update(native, id: id) { value in
                    if isOvertaken && isCancelled.with({ $0 }) { throw CancellationError() }
                    isOvertaken = true
                    try change(&value)
                }.passed {
                    try native.change(collection: codec.collection, id: id, whole: false, change: $0)
                }
            }
        } onCancel: {
            isCancelled.with { $0 = true }
        }
    }

    /// Deletes it, here at once and at the server when it gets there. That it is not visible here is no error: it may exist
    /// at the server.
    public func delete() async throws {
        try await client.writing { native in
            _ = try native.write(write: .delete(collection: codec.collection, id: id))
        }
    }
}

extension Entity: Hashable {
    /// Handles on the same entity of the same client are equal.
    public static func == (one: Entity, other: Entity) -> Bool {
        one.client === other.client && one.id == other.id && one.codec.collection == other.codec.collection
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(codec.collection)
        hasher.combine(id)
    }
}

extension Entity where Value: Equatable {
    /// Its value now, and whenever it is another one; `nil` when it is not visible.
    public var values: Values<Value?> {
        client.watching { native, wakes in
            let feed = native.watchEntity(collection: codec.collection, id: id, listener: wakes)
            let last = Locked<Value??>(nil)
            return Feed {
                guard case .entity(let row) = try crossing({ try feed.next() }) else { return nil }
                let value = try row.map { try codec.decode(native, id: id, $0.data) }
                return last.with { last in
                    // Only the marks are others.
                    if last == .some(value) { return nil }
                    last = .some(value)
                    return .some(value)
                }
            } stop: {
                feed.stop()
            }
        }
    }
}
