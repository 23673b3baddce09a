import Foundation
internal import MizuSyncNative

/// Entities of a collection: those that satisfy conditions, in an order, from one place to another. Made by
/// ``SyncCollection/query()``; making one reads nothing.
///
/// ```swift
/// let open = todos.query().where("done", equals: false).order(by: "title").limit(50)
/// for await rows in open.values { show(rows) }
/// ```
///
/// What reads the file blocks for as long as SQLite needs: microseconds for a few rows. A loop over ``values`` reads on a
/// thread for that.
public struct Query<Value: Codable & Sendable>: Sendable {
    let client: SyncClient
    let codec: Codec<Value>
    var asked = Asked()

    /// Only the entities of which this property is equal, and what was asked for before.
    public func `where`(_ property: String, equals value: (any QueryValue)?) -> Query {
        `where`(field(property) == value)
    }

    /// Only the entities for which `filter` holds, and what was asked for before: `where(field("due") < "2027")`.
    public func `where`(_ filter: Filter) -> Query {
        var query = self
        query.asked.filters.append(filter)
        return query
    }

    /// In the order of this property. A second order decides where the first is equal; ids end every order.
    public func order(by property: String, _ order: SortOrder = .forward) -> Query {
        self.order(by: field(property), order)
    }

    /// In the order of this field.
    public func order(by field: Field, _ order: SortOrder = .forward) -> Query {
        var query = self
        query.asked.order.append((field, order))
        return query
    }

    /// At most so many.
    public func limit(_ limit: Int) -> Query {
        var query = self
        query.asked.limit = limit
        return query
    }

    /// Without the first so many.
    public func offset(_ offset: Int) -> Query {
        var query = self
        query.asked.offset = offset
        return query
    }

    /// All rows. One that does not fit the type is passed over, and told once to ``SyncOptions/onError``.
    public func all() throws -> [Row<Value>] {
        try rows(asked).compactMap { $0 }
    }

    /// The first row, if there is any.
    public func first() throws -> Row<Value>? {
        var one = asked
        one.limit = min(asked.limit ?? 1, 1)
        let rows = try rows(one)
        // It may not fit the type, and one behind it may.
        return rows.isEmpty ? nil : try rows[0] ?? all().first
    }

    /// How many there are, those that do not fit the type included.
    public func count() throws -> Int {
        Int(try crossing { try native(client.native, asked).count() })
    }

    /// The rows now, and whenever they are others. A slow loop gets the newest.
    public var values: Values<[Row<Value>]> { watched { shown, _ in shown.list } }

    /// All rows now, and what is different whenever they are others: for lists that animate.
    public var changes: Values<RowsUpdate<Value>> { watched { _, update in update } }

    /// Their number now, and whenever it is another one.
    public var counts: Values<Int> {
        client.watch { native, wakes in
            try self.native(native, asked).watchCount(listener: wakes)
        } read: { _, news in
            guard case .count(let count) = news else { return nil }
            return Int(count)
        }
    }

    private func native(_ client: NativeClient, _ asked: Asked) throws -> NativeQuery {
        try client.query(collection: codec.collection, asked: asked.options())
    }

    private func rows(_ asked: Asked) throws -> [Row<Value>?] {
        let native = try client.native
        let data = try crossing { try self.native(native, asked).rows() }
        return RowsReader(codec: codec, client: native).update(data).all ?? []
    }

    private func watched<R: Sendable>(
        _ news: @escaping @Sendable (Shown<Value>, RowsUpdate<Value>) -> R
    ) -> Values<R> {
        client.watching { native, wakes in
            let rows = try self.native(native, asked).watchRows(listener: wakes)
            let shown = Locked(Shown<Value>())
            return Feed {
                guard let data = try crossing({ try rows.next() }) else { return nil }
                let update = RowsReader(codec: codec, client: native).update(data)
                // One loop asks for its news one after the other.
                return shown.with { shown in shown.take(update).map { news(shown, $0) } }
            } stop: {
                rows.stop()
            }
        }
    }
}

extension Query: Equatable {
    /// Queries are equal that ask the same client for the same: for `.task(id: query)`.
    public static func == (one: Query, other: Query) -> Bool {
        one.client === other.client && one.codec.collection == other.codec.collection && one.asked == other.asked
    }
}
