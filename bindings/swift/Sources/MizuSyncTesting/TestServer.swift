import Foundation
public import MizuSync
internal import MizuSyncNative

/// A small server of the sync protocol, in memory, that does what a test tells it: for tests of what an app does when it is
/// offline, refused, signed out, or not alone. Real HTTP on a free port of this machine, so that the whole client is tested.
///
/// ```swift
/// let server = try TestServer()
/// let phone = try await server.client("user:1")
/// try server.goOffline()
/// try await phone.collection("todo", of: Todo.self).add(Todo(title: "Milk"))
/// try server.goOnline()
/// try await phone.flush()
/// #expect(try server.count("user:1", "todo") == 1)
/// ```
///
/// All of its functions can be called at any time from any thread; none of them waits for a client but those whose names say
/// so, for a minute at most. It is for tests: it keeps everything that it was ever asked. It stops with this object.
public final class TestServer: Sendable {
    private let native: NativeServer

    /// What a server is asked for.
    public enum Endpoint: String, CaseIterable, Sendable {
        /// To take mutations.
        case push
        /// For changes.
        case pull
        /// For everything.
        case snapshot

        var native: NativeEndpoint {
            switch self {
            case .push: .push
            case .pull: .pull
            case .snapshot: .snapshot
            }
        }
    }

    /// A mutation that the server has applied.
    public struct AppliedMutation: Hashable, Sendable {
        /// Its id, which its client made.
        public let id: String
        /// `todo.create`, for instance.
        public let name: String
        /// The scope that it belongs to.
        public let scope: String
        /// Its arguments, as JSON.
        public let args: String
    }

    /// Starts one on a free port of this machine.
    public init() throws {
        native = try crossing { try NativeServer.start() }
    }

    /// Its base URL, for ``/MizuSync/SyncClient``.
    public var url: String {
        get throws { try crossing { try native.url() } }
    }

    /// A client of this server, in memory unless told otherwise, that has synced once and goes on syncing: a device.
    public func client(
        _ scope: String, _ configure: @Sendable (inout SyncOptions) throws -> Void = { _ in }
    ) async throws -> SyncClient {
        let client = try SyncClient(url, scope: scope) {
            $0.database = .inMemory
            try configure(&$0)
        }
        do {
            try client.start()
            try await client.waitForFirstSync()
        } catch {
            client.close()
            throw error
        }
        return client
    }

    /// Makes an entity `value`, as if another device had.
    public func put(_ scope: String, _ collection: String, _ id: String, _ value: some Encodable) throws {
        try putJSON(scope, collection, id, JSONText.of(value))
    }

    /// Makes an entity what `json` says, as if another device had.
    public func putJSON(_ scope: String, _ collection: String, _ id: String, _ json: String) throws {
        try crossing { try native.put(scope: scope, collection: collection, id: id, data: json) }
    }

    /// Deletes an entity, as if another device had. Whether there was one.
    @discardableResult
    public func delete(_ scope: String, _ collection: String, _ id: String) throws -> Bool {
        try crossing { try native.delete(scope: scope, collection: collection, id: id) }
    }

    /// An entity as it is at the server; `nil` when there is none.
    public func get<Value: Decodable>(
        _ scope: String, _ collection: String, _ id: String, as type: Value.Type = Value.self
    ) throws -> Value? {
        try getJSON(scope, collection, id).map { try JSONText.value($0) }
    }

    /// The JSON of an entity as it is at the server; `nil` when there is none.
    public func getJSON(_ scope: String, _ collection: String, _ id: String) throws -> String? {
        try crossing { try native.get(scope: scope, collection: collection, id: id) }
    }

    /// How many entities a collection has.
    public func count(_ scope: String, _ collection: String) throws -> Int {
        Int(try crossing { try native.count(scope: scope, collection: collection) })
    }

    /// The mutations that it has applied, in order.
    public var mutations: [AppliedMutation] {
        get throws {
            try crossing { try native.mutations() }.map {
                AppliedMutation(id: $0.id, name: $0.name, scope: $0.scope, args: $0.args)
            }
        }
    }

    /// How often an endpoint was asked.
    public func requests(_ endpoint: Endpoint) throws -> Int {
        Int(try crossing { try native.requests(endpoint: endpoint.native) })
    }

    /// Waits until an endpoint was asked so often.
    public func waitForRequests(_ endpoint: Endpoint, times: Int) async throws {
        try await onThread { try $0.waitForRequests(endpoint: endpoint.native, times: UInt64(times)) }
    }

    /// Waits until a client listens to a scope, and is told of changes within a blink.
    public func waitForSubscription(_ scope: String) async throws {
        try await onThread { try $0.waitForSubscription(scope: scope) }
    }

    /// Stops it, and frees its port.
    public func stop() {
        native.stop()
    }

    deinit {
        native.stop()
    }

    private func onThread(_ wait: @escaping @Sendable (NativeServer) throws -> Void) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            Thread.detachNewThread { [native] in
                continuation.resume(with: Result { try crossing { try wait(native) } })
            }
        }
    }
}

extension TestServer {
    /// Refuses mutations of this name for ever; `code`: `conflict`, `invalid_mutation`, `not_found`, `forbidden`.
    public func reject(_ mutation: String, code: String, message: String) throws {
        try crossing { try native.reject(mutation: mutation, code: code, message: message) }
    }

    /// Refuses mutations of this name for now.
    public func fail(_ mutation: String, message: String) throws {
        try crossing { try native.fail(mutation: mutation, message: message) }
    }

    /// Accepts mutations of this name again.
    public func accept(_ mutation: String) throws {
        try crossing { try native.accept(mutation: mutation) }
    }

    /// Says what a mutation of the app's own does, or what a generic one does instead. Without this the server knows
    /// `<collection>.create`, `.update`, `.patch` and `.delete`, and refuses any other as `unknown_mutation`.
    ///
    /// ```swift
    /// try server.onMutation("account.withdraw") { transaction in
    ///     guard var bank: Account = try transaction.get("account", "bank") else {
    ///         throw Refusal.forever(code: "not_found", "there is no bank")
    ///     }
    ///     bank.cents -= try transaction.args()
    ///     if bank.cents < 0 { throw Refusal.forever(code: "conflict", "there is less in the bank") }
    ///     try transaction.put("account", "bank", bank)
    /// }
    /// ```
    ///
    /// `apply` runs again if something else has changed meanwhile.
    public func onMutation(_ name: String, _ apply: @escaping @Sendable (ServerTransaction) throws -> Void) throws {
        try crossing { try native.onMutation(mutation: name, mutate: Rule(apply)) }
    }

    /// Whether it acts as a server that knows none of this project's additions to the protocol.
    public func plain(_ isOn: Bool) throws {
        try crossing { try native.plain(on: isOn) }
    }

    /// Answers the next so many requests with this status, and does nothing else. Several calls follow each other.
    public func answer(_ endpoint: Endpoint, status: Int, times: Int = 1, retryAfter: Int? = nil) throws {
        try crossing {
            try native.answerStatus(
                endpoint: endpoint.native, status: UInt16(clamping: status), retryAfter: retryAfter.map(UInt64.init),
                times: UInt64(times))
        }
    }

    /// Answers as it should again.
    public func answerNormally() throws {
        try crossing { try native.answerNormally() }
    }

    /// Lets in only whoever has this token. Sockets are closed.
    public func requireToken(_ token: String) throws {
        try crossing { try native.requireToken(token: token) }
    }

    /// Lets nobody in before ``requireToken(_:)`` says which token is the new one.
    public func expireTokens() throws {
        try crossing { try native.expireTokens() }
    }

    /// Refuses a scope to everybody.
    public func forbid(_ scope: String) throws {
        try crossing { try native.forbid(scope: scope) }
    }

    /// Ends ``forbid(_:)``.
    public func allow(_ scope: String) throws {
        try crossing { try native.allow(scope: scope) }
    }

    /// Loses everything, as if its database had been deleted.
    public func reset() throws {
        try crossing { try native.reset() }
    }

    /// Remembers what it has, for ``restore()``.
    public func backUp() throws {
        try crossing { try native.backUp() }
    }

    /// Goes back to what it remembered.
    public func restore() throws {
        try crossing { try native.restore() }
    }

    /// Forgets its log but for the newest mutation of each scope: who was away for longer takes a snapshot.
    public func trim() throws {
        try crossing { try native.trim() }
    }

    /// Nobody reaches it.
    public func goOffline() throws {
        try crossing { try native.goOffline() }
    }

    /// It is reached again. A client finds out at its next attempt, or when it is told by `setNetwork`.
    public func goOnline() throws {
        try crossing { try native.goOnline() }
    }

    /// Takes requests, and answers none before ``release()``.
    public func hang() throws {
        try crossing { try native.hang() }
    }

    /// Ends ``hang()``: what was taken is applied and answered now.
    public func release() throws {
        try crossing { try native.release() }
    }

    /// Applies the next so many requests, and loses the replies.
    public func loseReplies(_ endpoint: Endpoint, times: Int = 1) throws {
        try crossing { try native.loseReplies(endpoint: endpoint.native, times: UInt64(times)) }
    }

    /// Whether everything is answered by a page that wants a sign-in, as in a hotel.
    public func captivePortal(_ isOn: Bool) throws {
        try crossing { try native.captivePortal(on: isOn) }
    }

    /// Whether it takes live sockets.
    public func live(_ isOn: Bool) throws {
        try crossing { try native.live(on: isOn) }
    }
}
