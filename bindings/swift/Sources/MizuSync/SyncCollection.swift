internal import MizuSyncNative

/// The entities of one name and type. Made by ``SyncClient/collection(_:of:)``; making one reads nothing.
///
/// What reads the file blocks for as long as SQLite needs, see ``Query``. What writes returns when it is on disk, whether its
/// task is cancelled meanwhile or not.
public struct SyncCollection<Value: Codable & Sendable>: Sendable {
    let client: SyncClient
    let codec: Codec<Value>

    /// Its name.
    public var name: String { codec.collection }

    /// A handle on the entity with this id, whether there is one or not.
    public subscript(id: String) -> Entity<Value> {
        Entity(client: client, codec: codec, id: id)
    }

    /// Whether an entity with this id is visible.
    public func has(_ id: String) throws -> Bool {
        try self[id].exists()
    }

    /// One entity with all that is known of it; `nil` when it is not visible.
    public func row(_ id: String) throws -> Row<Value>? {
        try self[id].row()
    }

    /// How many entities are visible.
    public func count() throws -> Int {
        try query().count()
    }

    /// All visible entities, by id. One that does not fit the type is passed over, and told once to ``SyncOptions/onError``.
    public func all() throws -> [Row<Value>] {
        try query().all()
    }

    /// The visible entities that `isWanted` says yes to, by id. A ``query()`` reads only what it asks for.
    public func find(_ isWanted: (Value) throws -> Bool) throws -> [Row<Value>] {
        try all().filter { try isWanted($0.value) }
    }

    /// All entities now, and whenever they are others.
    public var values: Values<[Row<Value>]> { query().values }

    /// All entities, to ask for some of them in an order.
    public func query() -> Query<Value> {
        Query(client: client, codec: codec)
    }

    /// Adds a new entity under an id of the app's own. It is on disk when this returns.
    ///
    /// Choose ids that nobody else chooses, or use ``add(_:)``: where two devices create one id, the server keeps the first,
    /// and the creation of the other is rejected.
    ///
    /// - Throws: ``SyncError/Code/alreadyExists`` when one is visible under this id.
    @discardableResult
    public func create(_ id: String, _ value: Value) async throws -> Entity<Value> {
        try await client.writing { native in
            let data = try codec.encode(native, id: id, value)
            _ = try native.write(write: .create(collection: name, id: id, data: data))
        }
        return self[id]
    }

    /// Adds a new entity under a new id. It is on disk when this returns; for many at once see ``SyncClient/batch(_:)``.
    @discardableResult
    public func add(_ value: Value) async throws -> Entity<Value> {
        try await create(newID(), value)
    }
}

/// A new id for an entity, which nobody else has: UUIDs of version 7, whose order is that of their time.
public func newID() -> String {
    newId()
}
