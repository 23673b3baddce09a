import MizuSync

/// The arguments of a query.
struct QueryStep: Sendable {
    private let `where`: [JSON]
    private let order: [String]
    private let limit: Int?
    private let offset: Int?

    init(_ step: inout Step) throws {
        `where` = try step.list("where")
        order = try step.texts("order")
        limit = try step.optionalNumber("limit")
        offset = try step.optionalNumber("offset")
    }

    /// Whether it asks for everything.
    var isAll: Bool { `where`.isEmpty && order.isEmpty && limit == nil && offset == nil }

    func applied<Value>(to query: Query<Value>) throws -> Query<Value> {
        var query = query
        for condition in `where` { query = query.where(try filter(condition)) }
        for name in order {
            query =
                name.hasPrefix("-")
                ? query.order(by: path(String(name.dropFirst())), .reverse) : query.order(by: path(name))
        }
        if let limit { query = query.limit(limit) }
        if let offset { query = query.offset(offset) }
        return query
    }

    /// The field at the end of a path such as `address.city`.
    private func path(_ text: String) -> Field {
        let names = text.split(separator: ".").map(String.init)
        return names.dropFirst().reduce(field(names[0])) { $0.field($1) }
    }

    private func filter(_ json: JSON) throws -> Filter {
        if case .object(let fields) = json {
            guard let (operation, parts) = fields.first, fields.count == 1 else {
                throw Wrong("\(json) is no condition")
            }
            switch operation {
            case "not": return try !filter(parts)
            case "all": return try combined(parts) { $0 && $1 }
            case "any": return try combined(parts) { $0 || $1 }
            default: throw Wrong("\(json) is no condition")
            }
        }
        let parts = try json.list
        let field = path(try parts[0].text)
        switch try parts[1].text {
        case "eq": return field == parts[2]
        case "ne": return field != parts[2]
        case "lt": return field < parts[2]
        case "le": return field <= parts[2]
        case "gt": return field > parts[2]
        case "ge": return field >= parts[2]
        case "in": return field.isIn(try parts[2].list)
        case "prefix": return field.starts(with: try parts[2].text)
        case "is_null": return field == nil
        default: throw Wrong("\(json) is no condition")
        }
    }

    private func combined(_ parts: JSON, _ combine: (Filter, Filter) -> Filter) throws -> Filter {
        let filters = try parts.list.map(filter)
        return filters.dropFirst().reduce(filters[0], combine)
    }
}
