import MizuSync

/// Every kind of loop over what a client has.
enum Loop: String, CaseIterable, Sendable {
    case rows, changes, counts, entity, entityRows, status, pending, rejected

    /// Loops until `body` says that it is enough, or there are no more values.
    func run(_ client: SyncClient, until body: @Sendable () async throws -> Bool) async throws {
        func over<Element>(_ values: Values<Element>) async throws {
            for await _ in values where try await body() { return }
        }
        switch self {
        case .rows: try await over(client.todos.values)
        case .changes: try await over(client.todos.query().where("done", equals: false).changes)
        case .counts: try await over(client.todos.query().counts)
        case .entity: try await over(client.todos["a"].values)
        case .entityRows: try await over(client.todos["a"].rows)
        case .status: try await over(client.status.values)
        case .pending: try await over(client.pending.values)
        case .rejected: try await over(client.rejected.values)
        }
    }
}
