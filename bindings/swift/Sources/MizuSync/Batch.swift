internal import MizuSyncNative

/// Writes to entities that are committed together: what ``SyncClient/mutate(_:args:expecting:)`` gives to its closure, and a
/// ``Batch`` has beside custom mutations. Nothing of it is on disk, and nobody else sees it, before the closure has returned.
public class Edits {
    let native: NativeClient
    private let gathered: NativeBatch
    private var isOver = false

    init(native: NativeClient, gathered: NativeBatch) {
        self.native = native
        self.gathered = gathered
    }

    var batch: NativeBatch {
        get throws {
            if isOver { throw SyncError(.misuse, "the batch is over: write in its closure, or begin another one") }
            return gathered
        }
    }

    /// What is done with it later has no effect, and throws.
    func end() {
        isOver = true
    }

    /// An entity as it is with the writes of this batch; `nil` when there is none.
    public func get<Value>(_ collection: SyncCollection<Value>, _ id: String) throws -> Value? {
        try crossing { try batch.get(collection: collection.name, id: id) }
            .map { try collection.codec.decode(native, id: id, $0) }
    }

    /// Adds a new entity under an id of the app's own.
    public func create<Value>(_ collection: SyncCollection<Value>, _ id: String, _ value: Value) throws {
        let data = try collection.codec.encode(native, id: id, value)
        try crossing { try batch.write(write: .create(collection: collection.name, id: id, data: data)) }
    }

    /// Adds a new entity under a new id, which it gives.
    @discardableResult
    public func add<Value>(_ collection: SyncCollection<Value>, _ value: Value) throws -> String {
        let id = newID()
        try create(collection, id, value)
        return id
    }

    /// Replaces an entity; fields that the app does not know stay.
    public func set<Value>(_ collection: SyncCollection<Value>, _ id: String, _ value: Value) throws {
        try collection.codec.set(native, id: id, value).passed {
            try batch.change(collection: collection.name, id: id, whole: true, change: $0)
        }
    }

    /// Changes some properties of an entity; only those are sent. If somebody else changes the entity before all of it is
    /// committed, nothing is, and the call that was to commit it throws ``SyncError/Code/changedMeanwhile``.
    public func update<Value>(
        _ collection: SyncCollection<Value>, _ id: String, _ change: (inout Value) throws -> Void
    ) throws {
        try withoutActuallyEscaping(change) { change in
            try collection.codec.update(native, id: id, change).passed {
                try batch.change(collection: collection.name, id: id, whole: false, change: $0)
            }
        }
    }

    /// Deletes an entity.
    public func delete<Value>(_ collection: SyncCollection<Value>, _ id: String) throws {
        try crossing { try batch.write(write: .delete(collection: collection.name, id: id)) }
    }
}

/// Writes that are committed together: what ``SyncClient/batch(_:)`` gives to its closure. At the server each is atomic on its
/// own; the batch as a whole is not.
public final class Batch: Edits {
    private let coders: Coders

    init(native: NativeClient, gathered: NativeBatch, coders: Coders) {
        self.coders = coders
        super.init(native: native, gathered: gathered)
    }

    /// Queues a mutation of the app's own, with no local effect.
    public func mutate(_ name: String, args: some Encodable) throws {
        let args = try coders.args(args, of: name)
        try crossing { try batch.write(write: .mutate(name: name, args: args)) }
    }
}

extension Coders {
    /// The arguments of a mutation as JSON.
    func args(_ args: some Encodable, of name: String) throws -> String {
        do {
            return try encode(args)
        } catch {
            throw SyncError(.invalidValue, "the arguments of \"\(name)\" cannot be stored: \(error.reason)")
        }
    }
}
