import MizuSync

extension World {
    /// Runs a step if it is one that reads.
    func runRead(_ step: inout Step) throws -> JSON? {
        switch step.name {
        case "get": return try rows(&step).get(step.text("id"))
        case "row": return try rows(&step).row(step.text("id"))
        case "has": return try rows(&step).has(step.text("id"))
        case "all": return try rows(&step).all()
        case "find": return try rows(&step).find(step.fields("equal"))
        case "count": return try rows(&step).count(QueryStep(&step))
        case "query": return try rows(&step).query(QueryStep(&step))
        case "first": return try rows(&step).first(QueryStep(&step))
        case "ids": return try rows(&step).ids(QueryStep(&step))
        case "status": return try ShownFields(&step).of(json(client(&step).status.value))
        case "pending": return try ShownFields(&step).ofEach(client(&step).pending.value.map(json))
        case "rejected": return try ShownFields(&step).ofEach(client(&step).rejected.value.map(json))
        case "cursor": return .number(try client(&step).cursor)
        case "is_online": return .bool(try client(&step).isOnline)
        case "blocked": return .optional(try client(&step).status.value.blocked)
        case "scope": return .string(try client(&step).scope)
        case "client_id": return .string(try client(&step).clientID)
        case "value": return try cell(step.text("of")).value
        case "untracked":
            let what = try step.value("read")
            return try untrack { try read(what) }
        default: return nil
        }
    }

    /// The collection that a step is about.
    func rows(_ step: inout Step) throws -> any AnyRows {
        let device = try device(step.text("on"))
        return try device.rows(step.text("in"))
    }
}

/// The fields that a step wants to see; of each in a list, or of the one at a place.
struct ShownFields: Sendable {
    private let names: JSON
    private let at: Int?

    init(_ step: inout Step) throws {
        names = try step.value("show")
        at = try step.optionalNumber("at")
    }

    func of(_ all: [String: JSON]) throws -> JSON {
        guard case .array(let names) = names else { return try field(all, try names.text) }
        return .object(try names.reduce(into: [:]) { $0[try $1.text] = try field(all, try $1.text) })
    }

    func ofEach(_ list: [[String: JSON]]) throws -> JSON {
        guard let at else { return .array(try list.map(of)) }
        guard list.indices.contains(at) else { throw Wrong("there is none at \(at)") }
        return try of(list[at])
    }

    private func field(_ all: [String: JSON], _ name: String) throws -> JSON {
        guard let value = all[name] else { throw Wrong("there is no \(name) to show") }
        return value
    }
}

@Sendable
func json(_ status: Status) -> [String: JSON] {
    [
        "connection": .string(status.connection.rawValue),
        "live": .bool(status.isLive),
        "auth": .string(status.auth.rawValue.snakeCase),
        "uploading": .bool(status.isUploading),
        "downloading": .bool(status.isDownloading),
        "progress": status.progress.map { ["rows": .number($0.rows), "total": $0.total.map { .number($0) } ?? .null] }
            ?? .null,
        "pending": .number(status.pending),
        "rejected": .number(status.rejected),
        "has_synced": .bool(status.hasSynced),
        "has_caught_up": .bool(status.lastSync != nil),
        "cursor": .number(status.cursor),
        "error": .optional(status.error?.kind),
        "blocked": .optional(status.blocked),
        "line": .string("\(status)"),
    ]
}

@Sendable
func json(_ mutation: PendingMutation) throws -> [String: JSON] {
    [
        "id": .string(mutation.id),
        "name": .string(mutation.name),
        "args": try .parsed(mutation.args),
        "acked": .bool(mutation.isAcked),
        "failures": .number(mutation.failures),
        "error": .optional(mutation.error),
        "retries": .optional(mutation.retries),
    ]
}

@Sendable
func json(_ mutation: RejectedMutation) throws -> [String: JSON] {
    [
        "id": .string(mutation.id),
        "name": .string(mutation.name),
        "args": try .parsed(mutation.args),
        "code": .string(mutation.code),
        "error": .string(mutation.error),
        "retries": .optional(mutation.retries),
        "text": .string("\(mutation)"),
    ]
}
