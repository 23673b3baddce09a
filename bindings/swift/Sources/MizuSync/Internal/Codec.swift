import Foundation
internal import MizuSyncNative

/// Between the app's type and JSON, for the entities of one collection.
struct Codec<Value: Codable & Sendable>: Sendable {
    let collection: String
    let coders: Coders

    func encode(_ client: NativeClient, id: String, _ value: Value) throws -> String {
        do {
            return try coders.encode(value)
        } catch {
            throw SyncError(client.unencodable(collection: collection, id: id, reason: error.reason))
        }
    }

    func decode(_ client: NativeClient, id: String, _ data: String) throws -> Value {
        do {
            return try coders.decode(Value.self, from: Data(data.utf8))
        } catch {
            throw doesNotFit(client, id: id, error, report: false)
        }
    }

    /// What changes the properties that `change` makes different.
    func update(_ client: NativeClient, id: String, _ change: @escaping (inout Value) throws -> Void) -> ChangeOf {
        ChangeOf { data in
            var value = try decode(client, id: id, data)
            let before = try encode(client, id: id, value)
            try change(&value)
            return Changed(before: before, after: try encode(client, id: id, value))
        }
    }

    /// What makes an entity `value`, and leaves the fields that the type does not know.
    func set(_ client: NativeClient, id: String, _ value: Value) throws -> ChangeOf {
        let after = try encode(client, id: id, value)
        return ChangeOf { data in
            let before = try? decode(client, id: id, data)
            return Changed(before: try before.map { try encode(client, id: id, $0) }, after: after)
        }
    }

    /// A row of one entity.
    func row(_ client: NativeClient, id: String, _ row: NativeRow) throws -> Row<Value> {
        let value = try decode(client, id: id, row.data)
        return Row(id: id, value: value, isPending: row.pending, isRejected: row.rejected)
    }

    /// The value of a row of a list; `nil` when it does not fit the type, which the app is told once.
    func listed(_ client: NativeClient, id: String, _ data: Data) -> Value? {
        do {
            return try coders.decode(Value.self, from: data)
        } catch {
            _ = doesNotFit(client, id: id, error, report: true)
            return nil
        }
    }

    private func doesNotFit(_ client: NativeClient, id: String, _ error: NotCoded, report: Bool) -> SyncError {
        SyncError(client.undecodable(collection: collection, id: id, reason: error.reason, report: report))
    }
}

/// Why a value has no JSON, or JSON is no value, without any of the data.
struct NotCoded: Error {
    let reason: String
}

/// How values become JSON.
struct Coders: Sendable {
    let encoder: JSONEncoder
    let decoder: JSONDecoder

    func encode(_ value: some Encodable) throws(NotCoded) -> String {
        do {
            return String(decoding: try encoder.encode(value), as: UTF8.self)
        } catch EncodingError.invalidValue(let value, let context) {
            let path = path(context.codingPath)
            throw NotCoded(
                reason: value is any BinaryFloatingPoint
                    ? "the number at \(path) is NaN or infinite, which JSON has not"
                    : "what is at \(path) cannot be encoded")
        } catch {
            throw NotCoded(reason: "its encode(to:) has thrown \(type(of: error))")
        }
    }

    func decode<Value: Decodable>(_ type: Value.Type, from data: Data) throws(NotCoded) -> Value {
        do {
            return try decoder.decode(type, from: data)
        } catch let error as DecodingError {
            throw NotCoded(reason: whyNotDecoded(error))
        } catch {
            throw NotCoded(reason: "its init(from:) has thrown \(Swift.type(of: error))")
        }
    }

    /// What the decoder says, without what it may quote of the data.
    private func whyNotDecoded(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, let context):
            "it has no \"\(key.stringValue)\"\(context.codingPath.isEmpty ? "" : " at \(path(context.codingPath))"), and "
                + "Codable takes no default of a property"
        case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
            "its JSON has no \(type) at \(path(context.codingPath))"
        case .dataCorrupted(let context):
            "its JSON is not what the type has at \(path(context.codingPath))"
        @unknown default:
            "its JSON is not what the type has"
        }
    }

    private func path(_ keys: [any CodingKey]) -> String {
        keys.reduce(into: "$") { path, key in
            path += key.intValue.map { "[\($0)]" } ?? ".\(key.stringValue)"
        }
    }
}
