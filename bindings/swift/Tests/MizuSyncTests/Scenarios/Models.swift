import Foundation
import MizuSync

struct Todo: Codable, Hashable, Sendable {
    var title: String
    var done = false

    init(title: String, done: Bool = false) {
        self.title = title
        self.done = done
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        title = try container.decode(String.self, forKey: .title)
        done = try container.decodeIfPresent(Bool.self, forKey: .done) ?? false
    }
}

/// What a newer version of the app has: a property more.
struct DatedTodo: Codable, Hashable, Sendable {
    var title: String
    var done: Bool
    var due: String?

    private enum CodingKeys: CodingKey {
        case title, done, due
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        title = try container.decode(String.self, forKey: .title)
        done = try container.decodeIfPresent(Bool.self, forKey: .done) ?? false
        due = try container.decodeIfPresent(String.self, forKey: .due)
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(title, forKey: .title)
        try container.encode(done, forKey: .done)
        try container.encode(due, forKey: .due)
    }
}

/// What an older version of the app had: another name for the title.
struct OldTodo: Codable, Hashable, Sendable {
    var text: String
    var done: Bool

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        text = try container.decode(String.self, forKey: .text)
        done = try container.decodeIfPresent(Bool.self, forKey: .done) ?? false
    }
}

struct Account: Codable, Hashable, Sendable {
    var cents: Int64
}

struct Place: Codable, Hashable, Sendable {
    struct Address: Codable, Hashable, Sendable {
        var city: String
    }

    var name: String
    var address: Address
}

/// A value of each kind that JSON has.
struct Sample: Codable, Hashable, Sendable {
    var whole: Int64
    var ratio: Double
    var text: String
    var tags: [String]
    var note: String?

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(whole, forKey: .whole)
        try container.encode(ratio, forKey: .ratio)
        try container.encode(text, forKey: .text)
        try container.encode(tags, forKey: .tags)
        try container.encode(note, forKey: .note)
    }
}

extension Device {
    /// A collection; its type is the usual one, or what the device was opened with.
    func rows(_ name: String) throws -> any AnyRows {
        switch try models[name] ?? usualType(name) {
        case "Todo": Rows<Todo>(client.collection(name))
        case "DatedTodo": Rows<DatedTodo>(client.collection(name))
        case "OldTodo": Rows<OldTodo>(client.collection(name))
        case "Account": Rows<Account>(client.collection(name))
        case "Place": Rows<Place>(client.collection(name))
        case "Sample": Rows<Sample>(client.collection(name))
        case let model: throw Wrong("there is no type \"\(model)\"")
        }
    }

    private func usualType(_ collection: String) throws -> String {
        let usual = ["todo": "Todo", "account": "Account", "place": "Place", "sample": "Sample"]
        guard let type = usual[collection] else { throw Wrong("no type belongs to \"\(collection)\"") }
        return type
    }
}

/// A collection of some type, whose values are JSON outside.
protocol AnyRows: Sendable {
    func get(_ id: String) throws -> JSON
    func row(_ id: String) throws -> JSON
    func has(_ id: String) throws -> JSON
    func all() throws -> JSON
    func find(_ equal: [String: JSON]) throws -> JSON
    func count(_ asked: QueryStep) throws -> JSON
    func query(_ asked: QueryStep) throws -> JSON
    func first(_ asked: QueryStep) throws -> JSON
    func ids(_ asked: QueryStep) throws -> JSON
    func create(_ id: String, _ value: JSON) async throws -> JSON
    func add(_ value: JSON) async throws -> JSON
    func set(_ id: String, _ value: JSON) async throws
    func update(_ id: String, _ change: [String: JSON]) async throws
    func delete(_ id: String) async throws
    func edit(_ edits: Edits, _ step: inout Step) throws -> JSON
    func watch(_ what: inout Step, _ seen: @escaping @Sendable (JSON) -> Void) throws -> Task<Void, Never>?
}

struct Rows<Value: Codable & Hashable & Sendable>: AnyRows {
    let collection: SyncCollection<Value>

    init(_ collection: SyncCollection<Value>) {
        self.collection = collection
    }

    func get(_ id: String) throws -> JSON { try json(collection[id].get()) }

    func row(_ id: String) throws -> JSON { try json(collection.row(id)) }

    func has(_ id: String) throws -> JSON { .bool(try collection.has(id)) }

    func all() throws -> JSON { try json(collection.all()) }

    func find(_ equal: [String: JSON]) throws -> JSON {
        try json(
            collection.find { value in
                let fields = try json(value).fields
                return equal.allSatisfy { name, wanted in fields[name].map { same($0, wanted) } ?? false }
            })
    }

    func count(_ asked: QueryStep) throws -> JSON {
        .number(asked.isAll ? try collection.count() : try narrowed(asked).count())
    }

    func query(_ asked: QueryStep) throws -> JSON { try json(narrowed(asked).all()) }

    func first(_ asked: QueryStep) throws -> JSON { try json(narrowed(asked).first()) }

    func ids(_ asked: QueryStep) throws -> JSON { .array(try narrowed(asked).all().map { .string($0.id) }) }

    func create(_ id: String, _ value: JSON) async throws -> JSON {
        .string(try await collection.create(id, typed(value)).id)
    }

    func add(_ value: JSON) async throws -> JSON { .string(try await collection.add(typed(value)).id) }

    func set(_ id: String, _ value: JSON) async throws { try await collection[id].set(typed(value)) }

    func update(_ id: String, _ change: [String: JSON]) async throws {
        try await collection[id].update { $0 = try changed($0, change) }
    }

    func delete(_ id: String) async throws { try await collection[id].delete() }

    /// Reads or edits through a batch.
    func edit(_ edits: Edits, _ step: inout Step) throws -> JSON {
        switch step.name {
        case "get": return try json(edits.get(collection, step.text("id")))
        case "add": return .string(try edits.add(collection, typed(step.value("value"))))
        case "create": try edits.create(collection, step.text("id"), typed(step.value("value")))
        case "set": try edits.set(collection, step.text("id"), typed(step.value("value")))
        case "delete": try edits.delete(collection, step.text("id"))
        case "update":
            let id = try step.text("id")
            let change = try step.fields("change")
            try edits.update(collection, id) { $0 = try changed($0, change) }
        default: throw Wrong("there is no step \"\(step.name)\" in a batch")
        }
        return .null
    }

    func watch(_ what: inout Step, _ seen: @escaping @Sendable (JSON) -> Void) throws -> Task<Void, Never>? {
        switch what.name {
        case "row":
            let rows = try collection[what.text("id")].rows
            return Task { for await row in rows { seen((try? json(row)) ?? .null) } }
        case "get":
            let values = try collection[what.text("id")].values
            return Task { for await value in values { seen((try? json(value)) ?? .null) } }
        case "query":
            let asked = try QueryStep(&what)
            let values = asked.isAll ? collection.values : try narrowed(asked).values
            return Task { for await rows in values { seen((try? json(rows)) ?? .null) } }
        case "changes":
            let changes = try narrowed(QueryStep(&what)).changes
            return Task { for await update in changes { seen((try? json(update)) ?? .null) } }
        case "count":
            let counts = try narrowed(QueryStep(&what)).counts
            return Task { for await count in counts { seen(.number(count)) } }
        default: return nil
        }
    }

    private func narrowed(_ asked: QueryStep) throws -> Query<Value> { try asked.applied(to: collection.query()) }

    private func typed(_ value: JSON) throws -> Value {
        do {
            return try JSONDecoder().decode(Value.self, from: JSONEncoder().encode(value))
        } catch {
            throw Wrong("a value has another type: \(error)")
        }
    }

    private func changed(_ value: Value, _ change: [String: JSON]) throws -> Value {
        try typed(.object(try json(value).fields.merging(change) { _, new in new }))
    }

    private func json(_ value: Value?) throws -> JSON {
        try value.map { try JSONDecoder().decode(JSON.self, from: JSONEncoder().encode($0)) } ?? .null
    }

    private func json(_ rows: [Row<Value>]) throws -> JSON { .array(try rows.map { try json($0) }) }

    /// With the marks that it has.
    private func json(_ row: Row<Value>?) throws -> JSON {
        guard let row else { return .null }
        var fields: [String: JSON] = ["id": .string(row.id), "value": try json(row.value)]
        if row.isPending { fields["pending"] = true }
        if row.isRejected { fields["rejected"] = true }
        return .object(fields)
    }

    private func json(_ update: RowsUpdate<Value>) throws -> JSON {
        switch update.kind {
        case .all(let rows): ["all": try json(rows)]
        case .changes(let changes): ["changes": .array(try changes.map { try json($0) })]
        }
    }

    private func json(_ change: RowChange<Value>) throws -> JSON {
        switch change {
        case .removed(let index): ["removed": .number(index)]
        case .inserted(let row, let index): ["inserted": .number(index), "row": try json(row)]
        case .updated(let row, let index): ["updated": .number(index), "row": try json(row)]
        }
    }
}
