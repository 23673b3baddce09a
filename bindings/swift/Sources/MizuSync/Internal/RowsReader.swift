import Foundation
internal import MizuSyncNative

/// Rows as bytes, in the format that `src/ffi/rows.rs` describes.
struct RowsReader<Value: Codable & Sendable> {
    let codec: Codec<Value>
    let client: NativeClient

    /// A row of which nobody knows yet whether it fits the type: `value` is `nil` where it does not.
    struct Read {
        let id: String
        let value: Value?
        let isPending: Bool
        let isRejected: Bool

        var row: Row<Value>? {
            value.map { Row(id: id, value: $0, isPending: isPending, isRejected: isRejected) }
        }
    }

    /// A change, `row` is `nil` where the row is gone, or does not fit.
    struct Change {
        enum Kind { case removed, inserted, updated }
        let kind: Kind
        let index: Int
        let row: Row<Value>?
    }

    /// An update of which rows that do not fit the type are still a part.
    struct Update {
        let version: UInt64
        /// All rows, or else the changes.
        let all: [Row<Value>?]?
        let changes: [Change]
    }

    func update(_ data: Data) -> Update {
        var cursor = Cursor(data)
        let kind = cursor.byte()
        let version = cursor.long()
        let count = cursor.int()
        if kind == 0 {
            return Update(version: version, all: rows(count, &cursor), changes: [])
        }
        let changes = (0..<count).map { _ in change(&cursor) }
        return Update(version: version, all: nil, changes: changes)
    }

    private func change(_ cursor: inout Cursor) -> Change {
        let kind = cursor.byte()
        let index = cursor.int()
        guard kind != 0 else { return Change(kind: .removed, index: index, row: nil) }
        let raw = cursor.row()
        return Change(kind: kind == 1 ? .inserted : .updated, index: index, row: read(raw).row)
    }

    /// As one list of JSON, which is decoded far faster than each row on its own; where one does not fit, row by row.
    private func rows(_ count: Int, _ cursor: inout Cursor) -> [Row<Value>?] {
        let raw = (0..<count).map { _ in cursor.row() }
        var list = Data(capacity: cursor.data.count)
        list.append(UInt8(ascii: "["))
        for (index, row) in raw.enumerated() {
            if index > 0 { list.append(UInt8(ascii: ",")) }
            list.append(row.data)
        }
        list.append(UInt8(ascii: "]"))
        if count > 1, let values = try? codec.coders.decode([Value].self, from: list), values.count == count {
            return zip(raw, values).map { row, value in
                Row(id: row.id, value: value, isPending: row.isPending, isRejected: row.isRejected)
            }
        }
        return raw.map { read($0).row }
    }

    private func read(_ raw: Cursor.Raw) -> Read {
        let value = codec.listed(client, id: raw.id, raw.data)
        return Read(id: raw.id, value: value, isPending: raw.isPending, isRejected: raw.isRejected)
    }
}

/// A place in bytes that moves on as they are read.
struct Cursor {
    struct Raw {
        let id: String
        let marks: UInt8
        let data: Data

        var isPending: Bool { marks & 1 != 0 }
        var isRejected: Bool { marks & 2 != 0 }
    }

    let data: Data
    private var at: Data.Index

    init(_ data: Data) {
        self.data = data
        at = data.startIndex
    }

    mutating func byte() -> UInt8 {
        defer { at += 1 }
        return data[at]
    }

    mutating func int() -> Int {
        Int(number(4))
    }

    mutating func long() -> UInt64 {
        number(8)
    }

    mutating func row() -> Raw {
        let id = String(decoding: bytes(), as: UTF8.self)
        let marks = byte()
        return Raw(id: id, marks: marks, data: bytes())
    }

    private mutating func bytes() -> Data {
        let count = int()
        defer { at += count }
        return data[at..<at + count]
    }

    private mutating func number(_ size: Int) -> UInt64 {
        defer { at += size }
        return data[at..<at + size].reduce(0) { $0 << 8 | UInt64($1) }
    }
}

/// The rows of a query as a watcher was told of them, with those that do not fit the type as `nil`.
struct Shown<Value: Codable & Sendable> {
    private var rows: [Row<Value>?] = []

    /// The rows that fit the type.
    var list: [Row<Value>] { rows.compactMap { $0 } }

    /// Takes an update, and gives it in terms of the rows that fit; `nil` when none of those is different.
    mutating func take(_ update: RowsReader<Value>.Update) -> RowsUpdate<Value>? {
        if let all = update.all {
            rows = all
            return RowsUpdate(version: update.version, kind: .all(list))
        }
        let changes = update.changes.compactMap { take($0) }
        return changes.isEmpty ? nil : RowsUpdate(version: update.version, kind: .changes(changes))
    }

    private mutating func take(_ change: RowsReader<Value>.Change) -> RowChange<Value>? {
        // Of the rows before it, those that fit.
        let place = rows[..<change.index].reduce(0) { $0 + ($1 == nil ? 0 : 1) }
        let before: Row<Value>?
        switch change.kind {
        case .inserted:
            rows.insert(change.row, at: change.index)
            before = nil
        case .removed: before = rows.remove(at: change.index)
        case .updated:
            before = rows[change.index]
            rows[change.index] = change.row
        }
        switch (before, change.row) {
        case (nil, nil): return nil
        case (_?, nil): return .removed(at: place)
        case (nil, let row?): return .inserted(row, at: place)
        case (_?, let row?): return .updated(row, at: place)
        }
    }
}
