import Foundation
import MizuSync

/// One step, whose arguments are taken one by one, so that what nobody takes is noticed.
struct Step: Sendable {
    let name: String
    private var arguments: [String: JSON]

    private static let runLater: Set<String> = ["steps", "when", "writes", "expect"]

    /// Reads a step. `variable` gives what a variable holds; what runs later has its own filled in then.
    init(_ json: [String: JSON], variable: (String) -> JSON? = { _ in nil }) throws {
        guard case .string(let name) = json["do"] else { throw Wrong("\(json) does nothing") }
        self.name = name
        arguments = try json.reduce(into: [:]) { arguments, argument in
            let (key, value) = argument
            arguments[key] = Self.runLater.contains(key) ? value : try Self.filled(value, variable)
        }
        arguments["do"] = nil
    }

    mutating func optional(_ key: String) -> JSON? {
        arguments.removeValue(forKey: key)
    }

    mutating func value(_ key: String) throws -> JSON {
        guard let value = optional(key) else { throw Wrong("\(name) needs \"\(key)\"") }
        return value
    }

    mutating func text(_ key: String) throws -> String {
        guard let text = try optionalText(key) else { throw Wrong("\(name) needs the text \"\(key)\"") }
        return text
    }

    mutating func optionalText(_ key: String) throws -> String? {
        switch optional(key) {
        case nil: return nil
        case .string(let text): return text
        case let other?: throw wants(key, "a text", other)
        }
    }

    mutating func number(_ key: String) throws -> Int {
        guard let number = try optionalNumber(key) else { throw Wrong("\(name) needs the number \"\(key)\"") }
        return number
    }

    mutating func optionalNumber(_ key: String) throws -> Int? {
        switch optional(key) {
        case nil: return nil
        case .int(let number): return Int(number)
        case let other?: throw wants(key, "a whole number", other)
        }
    }

    /// `false` where it is left out.
    mutating func flag(_ key: String) throws -> Bool {
        try optionalFlag(key) ?? false
    }

    mutating func optionalFlag(_ key: String) throws -> Bool? {
        switch optional(key) {
        case nil: return nil
        case .bool(let flag): return flag
        case let other?: throw wants(key, "true or false", other)
        }
    }

    /// Empty where it is left out.
    mutating func list(_ key: String) throws -> [JSON] {
        switch optional(key) {
        case nil: return []
        case .array(let list): return list
        case let other?: throw wants(key, "a list", other)
        }
    }

    mutating func texts(_ key: String) throws -> [String] {
        try list(key).map { try $0.text }
    }

    mutating func steps(_ key: String) throws -> [[String: JSON]] {
        try list(key).map { try $0.fields }
    }

    /// Empty where it is left out.
    mutating func fields(_ key: String) throws -> [String: JSON] {
        try optional(key)?.fields ?? [:]
    }

    func has(_ key: String) -> Bool {
        arguments[key] != nil
    }

    /// The whole of it, of which nothing is left here.
    mutating func take() -> Step {
        defer { arguments = [:] }
        return self
    }

    /// That every argument was taken.
    func end() throws {
        if let key = arguments.keys.first { throw Wrong("\(name) does not know \"\(key)\"") }
    }

    private func wants(_ key: String, _ what: String, _ found: JSON) -> Wrong {
        Wrong("\"\(key)\" of \(name) is to be \(what), not \(found)")
    }

    private static func filled(_ value: JSON, _ variable: (String) -> JSON?) throws -> JSON {
        switch value {
        case .object(let fields): .object(try fields.mapValues { try filled($0, variable) })
        case .array(let list): .array(try list.map { try filled($0, variable) })
        case .string(let text): try filled(text, variable)
        default: value
        }
    }

    private static func filled(_ text: String, _ variable: (String) -> JSON?) throws -> JSON {
        func held(_ name: Substring) throws -> JSON {
            guard let value = variable(String(name)) else { throw Wrong("nothing is kept as \"\(name)\"") }
            return value
        }
        var parts = text.components(separatedBy: "${")
        guard parts.count > 1 else { return .string(text) }
        var result = parts.removeFirst()
        for part in parts {
            let pieces = part.split(separator: "}", maxSplits: 1, omittingEmptySubsequences: false)
            guard pieces.count == 2 else { throw Wrong("\(text) has no end of a variable") }
            let value = try held(pieces[0])
            // A text that is nothing else becomes the value itself.
            if parts.count == 1, result.isEmpty, pieces[1].isEmpty { return value }
            if case .string(let text) = value { result += text } else { result += value.asText }
            result += pieces[1]
        }
        return .string(result)
    }
}

extension JSON {
    var text: String {
        get throws {
            guard case .string(let text) = self else { throw Wrong("\(self) is no text") }
            return text
        }
    }

    var fields: [String: JSON] {
        get throws {
            guard case .object(let fields) = self else { throw Wrong("\(self) is no object") }
            return fields
        }
    }

    var list: [JSON] {
        get throws {
            guard case .array(let list) = self else { throw Wrong("\(self) is no list") }
            return list
        }
    }

    /// It as text.
    var asText: String {
        (try? JSONEncoder().encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// What a text of JSON says.
    static func parsed(_ text: String) throws -> JSON {
        try JSONDecoder().decode(JSON.self, from: Data(text.utf8))
    }

    static func optional(_ text: String?) -> JSON {
        text.map { .string($0) } ?? .null
    }

    static func number(_ number: some BinaryInteger) -> JSON {
        .int(Int64(number))
    }
}

/// Whether they are equal: fields in any order, numbers by value.
@Sendable
func same(_ one: JSON, _ other: JSON) -> Bool {
    switch (one, other) {
    case (.object(let one), .object(let other)):
        one.count == other.count && one.allSatisfy { key, value in other[key].map { same(value, $0) } ?? false }
    case (.array(let one), .array(let other)):
        one.count == other.count && zip(one, other).allSatisfy { same($0, $1) }
    case (.int(let whole), .double(let number)), (.double(let number), .int(let whole)): Double(whole) == number
    default: one == other
    }
}
