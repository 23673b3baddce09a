import Foundation
internal import MizuSyncNative

/// What a field can be compared with, as it stands in the JSON: truth values, numbers, texts, and enums, dates, UUIDs and URLs
/// that become one of these.
public protocol QueryValue: Sendable {
    /// It as JSON, no list and no object.
    var json: JSON { get }
}

extension Bool: QueryValue { public var json: JSON { .bool(self) } }
extension String: QueryValue { public var json: JSON { .string(self) } }
extension Double: QueryValue { public var json: JSON { .double(self) } }
extension Float: QueryValue {
    /// As an encoder writes it: 0.1, and not the 0.10000000149 that is nearest to it among the floats.
    public var json: JSON { .double(Double("\(self)") ?? Double(self)) }
}
extension Int: QueryValue { public var json: JSON { .int(Int64(self)) } }
extension Int8: QueryValue { public var json: JSON { .int(Int64(self)) } }
extension Int16: QueryValue { public var json: JSON { .int(Int64(self)) } }
extension Int32: QueryValue { public var json: JSON { .int(Int64(self)) } }
extension Int64: QueryValue { public var json: JSON { .int(self) } }
extension UInt8: QueryValue { public var json: JSON { .int(Int64(self)) } }
extension UInt16: QueryValue { public var json: JSON { .int(Int64(self)) } }
extension UInt32: QueryValue { public var json: JSON { .int(Int64(self)) } }
extension JSON: QueryValue { public var json: JSON { self } }

extension QueryValue where Self: RawRepresentable, RawValue: QueryValue {
    /// Its raw value.
    public var json: JSON { rawValue.json }
}

extension Date: QueryValue {
    /// It as the SDK's own encoder writes it: `2027-01-01T10:00:00.000Z`.
    public var json: JSON { .string(Timestamp.text(of: self)) }
}

extension UUID: QueryValue { public var json: JSON { .string(uuidString) } }
extension URL: QueryValue { public var json: JSON { .string(absoluteString) } }

/// A field of the stored JSON: a property of the app's type, or a property of one. Made by ``field(_:)``.
public struct Field: Sendable {
    let path: [String]

    /// The field of this name in the object that this field holds.
    public func field(_ name: String) -> Field {
        Field(path: path + [name])
    }

    /// It is equal.
    public static func == (field: Field, value: (any QueryValue)?) -> Filter {
        Filter(.eq, field, [value?.json ?? .null])
    }

    /// It is not equal.
    public static func != (field: Field, value: (any QueryValue)?) -> Filter {
        Filter(.ne, field, [value?.json ?? .null])
    }

    /// It is less.
    public static func < (field: Field, value: any QueryValue) -> Filter { Filter(.lt, field, [value.json]) }

    /// It is less or equal.
    public static func <= (field: Field, value: any QueryValue) -> Filter { Filter(.le, field, [value.json]) }

    /// It is greater.
    public static func > (field: Field, value: any QueryValue) -> Filter { Filter(.gt, field, [value.json]) }

    /// It is greater or equal.
    public static func >= (field: Field, value: any QueryValue) -> Filter { Filter(.ge, field, [value.json]) }

    /// It is one of them.
    public func isIn(_ values: some Sequence<any QueryValue>) -> Filter {
        Filter(.in, self, values.map(\.json))
    }

    /// It is one of them.
    public func isIn(_ values: some Sequence<some QueryValue>) -> Filter {
        Filter(.in, self, values.map(\.json))
    }

    /// It is a text that begins so.
    public func starts(with beginning: String) -> Filter {
        Filter(.prefix, self, [.string(beginning)])
    }
}

/// A property of the app's type, to compare it or to reach one of its own: `field("address").field("city") == "Kyoto"`.
public func field(_ name: String) -> Field {
    Field(path: [name])
}

/// A condition of a query.
public struct Filter: Sendable {
    /// One operator, before what it combines.
    struct Step: Hashable, Sendable {
        var `operator`: Operator
        var path: [String] = []
        var values: [JSON] = []
        var parts = 0
    }

    let steps: [Step]

    init(_ operator: Operator, _ field: Field, _ values: [JSON]) {
        steps = [Step(operator: `operator`, path: field.path, values: values)]
    }

    private init(combining parts: [Filter], by operator: Operator) {
        steps = [Step(operator: `operator`, parts: parts.count)] + parts.flatMap(\.steps)
    }

    /// Both hold.
    public static func && (one: Filter, other: Filter) -> Filter { Filter(combining: [one, other], by: .all) }

    /// One of them holds.
    public static func || (one: Filter, other: Filter) -> Filter { Filter(combining: [one, other], by: .any) }

    /// It does not hold.
    public static prefix func ! (filter: Filter) -> Filter { Filter(combining: [filter], by: .not) }
}

/// What a query asks for.
struct Asked: Equatable, Sendable {
    var filters: [Filter] = []
    var order: [(field: Field, order: SortOrder)] = []
    var limit: Int?
    var offset = 0

    /// Whether both ask for the same.
    static func == (one: Asked, other: Asked) -> Bool {
        one.filters.elementsEqual(other.filters) { $0.steps == $1.steps }
            && one.order.elementsEqual(other.order) { $0.field.path == $1.field.path && $0.order == $1.order }
            && one.limit == other.limit && one.offset == other.offset
    }

    /// As the core takes it.
    func options() throws -> QueryOptions {
        QueryOptions(
            conditions: try filters.flatMap(\.steps).map(condition),
            order: order.map { OrderOption(field: $0.field.path, descending: $0.order == .reverse) },
            limit: try limit.map { try size("limit", $0) },
            offset: try size("offset", offset))
    }

    private func condition(_ step: Filter.Step) throws -> Condition {
        Condition(
            operator: step.operator,
            field: step.path,
            values: try step.values.map { try value($0, of: step.path) },
            parts: UInt32(step.parts))
    }

    private func value(_ json: JSON, of path: [String]) throws -> Value {
        switch json {
        case .null: .null
        case .bool(let value): .bool(value: value)
        case .int(let value): .int(value: value)
        case .double(let value): .float(value: value)
        case .string(let value): .text(value: value)
        case .array, .object:
            throw SyncError(
                .invalidValue,
                "the field \(path.joined(separator: ".")) cannot be compared with a list or an object: "
                    + "give a truth value, a number, a text or nil")
        }
    }

    private func size(_ what: String, _ number: Int) throws -> UInt64 {
        guard number >= 0 else {
            throw SyncError(.invalidValue, "the \(what) of a query is \(number): give 0 or more")
        }
        return UInt64(number)
    }
}
