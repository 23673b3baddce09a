import Foundation

/// Times as texts of RFC 3339 in UTC. They are written with three digits behind the second, so that texts are ordered as the times
/// are; others write more of them, or none.
enum Timestamp {
    /// From the first year to the year 9999, in seconds: others have no such text.
    private static let all = Date.distantPast.timeIntervalSince1970...253_402_300_799.999_4

    static func encode(_ date: Date, to encoder: any Encoder) throws {
        guard all.contains(date.timeIntervalSince1970) else {
            let context = EncodingError.Context(codingPath: encoder.codingPath, debugDescription: "It is out of range.")
            throw EncodingError.invalidValue(date, context)
        }
        try text(of: date).encode(to: encoder)
    }

    /// Of one that is too early or too late, the first or the last there is.
    static func text(of date: Date) -> String {
        let time = min(max(all.lowerBound, date.timeIntervalSince1970), all.upperBound)
        // Rounded: what was read is written as it was.
        let milliseconds = (time * 1_000).rounded()
        let seconds = (milliseconds / 1_000).rounded(.down)
        let digits = String(Int(milliseconds - seconds * 1_000) + 1_000).dropFirst()
        return Date(timeIntervalSince1970: seconds).formatted(.iso8601).dropLast() + ".\(digits)Z"
    }

    static func date(from decoder: any Decoder) throws -> Date {
        let container = try decoder.singleValueContainer()
        guard let date = date(of: try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "It is no time of RFC 3339.")
        }
        return date
    }

    private static func date(of text: String) -> Date? {
        guard let dot = text.firstIndex(of: ".") else { return try? Date(text, strategy: .iso8601) }
        let fraction = text[dot...].dropFirst().prefix { ("0"..."9").contains($0) }
        guard text[..<dot].utf8.count == "2027-01-01T10:00:00".utf8.count, !fraction.isEmpty,
            let part = Double("0.\(fraction)")
        else { return nil }
        let whole = try? Date(text[..<dot] + text[fraction.endIndex...], strategy: .iso8601)
        return whole?.addingTimeInterval(part)
    }
}
