import Foundation
internal import MizuSync
internal import MizuSyncNative

/// Why a mutation is not applied: what a rule of a ``TestServer`` throws.
public enum Refusal: Error, Hashable, Sendable {
    /// For ever; `code`: `conflict`, `invalid_mutation`, `not_found`, `forbidden`.
    case forever(code: String, String)
    /// For now: the client tries it again.
    case forNow(String)
}

/// A mutation of the app's own at work in a ``TestServer``: what it was sent with, and the entities of its scope. What it does
/// is kept if the rule returns, and undone if that throws.
public struct ServerTransaction {
    let native: NativeTransaction

    /// The scope that the mutation belongs to.
    public var scope: String {
        get throws { try crossing { try native.scope() } }
    }

    /// The mutation's arguments, as JSON.
    public var argsJSON: String {
        get throws { try crossing { try native.args() } }
    }

    /// The mutation's arguments. Where they do not fit, the mutation is refused.
    public func args<Args: Decodable>(as type: Args.Type = Args.self) throws -> Args {
        try JSONText.value(argsJSON)
    }

    /// An entity; `nil` when there is none.
    public func get<Value: Decodable>(
        _ collection: String, _ id: String, as type: Value.Type = Value.self
    ) throws -> Value? {
        try getJSON(collection, id).map { try JSONText.value($0) }
    }

    /// The JSON of an entity; `nil` when there is none.
    public func getJSON(_ collection: String, _ id: String) throws -> String? {
        try crossing { try native.get(collection: collection, id: id) }
    }

    /// Stores an entity, whether it exists or not.
    public func put(_ collection: String, _ id: String, _ value: some Encodable) throws {
        try putJSON(collection, id, JSONText.of(value))
    }

    /// Stores an entity as JSON, whether it exists or not.
    public func putJSON(_ collection: String, _ id: String, _ json: String) throws {
        try crossing { try native.put(collection: collection, id: id, data: json) }
    }

    /// Deletes an entity. Whether there was one.
    @discardableResult
    public func delete(_ collection: String, _ id: String) throws -> Bool {
        try crossing { try native.delete(collection: collection, id: id) }
    }
}

/// What a test says that a mutation does.
final class Rule: Mutate, Sendable {
    private let apply: @Sendable (ServerTransaction) throws -> Void

    init(_ apply: @escaping @Sendable (ServerTransaction) throws -> Void) {
        self.apply = apply
    }

    func mutate(transaction: NativeTransaction) -> NativeRefusal? {
        do {
            try apply(ServerTransaction(native: transaction))
            return nil
        } catch Refusal.forever(let code, let message) {
            return NativeRefusal(code: code, message: message)
        } catch Refusal.forNow(let message) {
            return NativeRefusal(code: nil, message: message)
        } catch let error as SyncError where error.code == .invalidValue {
            return NativeRefusal(code: "invalid_mutation", message: error.message)
        } catch let error as DecodingError {
            return NativeRefusal(code: "invalid_mutation", message: "the arguments do not fit this mutation: \(error)")
        } catch {
            return NativeRefusal(code: nil, message: "the rule of the test has thrown: \(error)")
        }
    }
}

/// Values as JSON, in the form of the SDK's own options.
enum JSONText {
    static func of(_ value: some Encodable) throws -> String {
        String(decoding: try SyncOptions.standard.encoder.encode(value), as: UTF8.self)
    }

    static func value<Value: Decodable>(_ text: String) throws -> Value {
        try SyncOptions.standard.decoder.decode(Value.self, from: Data(text.utf8))
    }
}
