internal import MizuSyncNative

extension SyncClient {
    /// Several writes that are kept together or not at all, consecutive in the queue. What `body` throws undoes all of them.
    ///
    /// ```swift
    /// try await client.batch { batch in
    ///     try batch.create(accounts, "purse", Account(cents: 500))
    ///     try batch.update(accounts, "bank") { $0.cents -= 500 }
    /// }
    /// ```
    ///
    /// `body` runs on a thread for writes. Write by the batch that it is given: a write by a collection or an entity is one of
    /// its own.
    ///
    /// - Throws: ``SyncError/Code/changedMeanwhile`` when somebody else, the sync for instance, has changed an entity that
    ///   `body` updates: nothing was written then, and the call can be made again.
    @discardableResult
    public func batch<R: Sendable>(_ body: @escaping @Sendable (Batch) throws -> R) async throws -> R {
        try await writing { [coders] native in
            let gathered = native.batch()
            let batch = Batch(native: native, gathered: gathered, coders: coders)
            defer { batch.end() }
            let result = try body(batch)
            _ = try gathered.commit()
            return result
        }
    }

    /// Queues a mutation of the app's own, with no local effect. Gives its id.
    @discardableResult
    public func mutate(_ name: String, args: some Encodable & Sendable) async throws -> String {
        try await mutate(name, args: args) { _ in }
    }

    /// Queues a mutation of the app's own. What `expecting` does to entities, the server is expected to do: it is shown at
    /// once, and replaced by the server's own changes when they arrive, or undone when it refuses. Gives its id.
    @discardableResult
    public func mutate(
        _ name: String, args: some Encodable & Sendable, expecting: @escaping @Sendable (Edits) throws -> Void
    ) async throws -> String {
        try await writing { [coders] native in
            let args = try coders.args(args, of: name)
            let gathered = native.batch()
            let edits = Edits(native: native, gathered: gathered)
            defer { edits.end() }
            try expecting(edits)
            return try gathered.commitAs(mutation: Expected(name: name, args: args))
        }
    }

    /// Queues a rejected mutation again, at the end. Gives the id of the new one.
    @discardableResult
    public func retry(_ id: String) async throws -> String {
        try await writing { try $0.retry(id: id, args: nil) }
    }

    /// Queues a rejected mutation again with other arguments: those of ``RejectedMutation/args``, mended. Gives the id of the
    /// new one.
    @discardableResult
    public func retry(_ id: String, args: some Encodable & Sendable) async throws -> String {
        try await writing { [coders] in try $0.retry(id: id, args: coders.args(args, of: id)) }
    }

    /// As the other one, for arguments that are JSON already.
    @discardableResult
    public func retry(_ id: String, argsJSON: String) async throws -> String {
        try await writing { try $0.retry(id: id, args: argsJSON) }
    }

    /// Forgets a mutation that was rejected or is still pending, and undoes what it did here.
    public func discard(_ id: String) async throws {
        try await writing { try $0.discard(id: id) }
    }
}
