/// One visible entity.
public struct Row<Value: Sendable>: Identifiable, Sendable {
    /// Its id.
    public let id: String
    /// Its value, with the writes of this device.
    public let value: Value
    /// Whether writes to it are still on their way to the server: an "unsent" badge.
    public let isPending: Bool
    /// Whether a write to it was refused, and neither retried nor discarded.
    public let isRejected: Bool

    /// A row, for previews and tests.
    public init(id: String, value: Value, isPending: Bool = false, isRejected: Bool = false) {
        self.id = id
        self.value = value
        self.isPending = isPending
        self.isRejected = isRejected
    }
}

extension Row: Equatable where Value: Equatable {}
extension Row: Hashable where Value: Hashable {}

/// What becomes of the rows of a query.
public struct RowsUpdate<Value: Sendable>: Sendable {
    /// Counts the commits of this device since the client was opened: rows of version 7 have everything that had been
    /// committed when it was 7, and may have more.
    public let version: UInt64
    /// What it is.
    public let kind: Kind

    /// What an update is.
    public enum Kind: Sendable {
        /// All rows, in order: the first time, and whenever there would be more changes than rows.
        case all([Row<Value>])
        /// What is different since then, to be made one after the other.
        case changes([RowChange<Value>])
    }

    /// Brings a list up to date that had all updates before this one.
    public func apply(to rows: inout [Row<Value>]) {
        switch kind {
        case .all(let all): rows = all
        case .changes(let changes): for change in changes { change.apply(to: &rows) }
        }
    }
}

/// A change of a list of rows. One that moves is removed, and inserted again where it is now.
///
/// `at` is its place, from 0, in the list as it is at this moment.
public enum RowChange<Value: Sendable>: Sendable {
    /// The row at this place is gone.
    case removed(at: Int)
    /// A row is new at this place; those from there on move up.
    case inserted(Row<Value>, at: Int)
    /// The row at this place is another one of the same id.
    case updated(Row<Value>, at: Int)

    func apply(to rows: inout [Row<Value>]) {
        switch self {
        case .removed(let index): rows.remove(at: index)
        case .inserted(let row, let index): rows.insert(row, at: index)
        case .updated(let row, let index): rows[index] = row
        }
    }
}

extension RowChange: Equatable where Value: Equatable {}
extension RowsUpdate.Kind: Equatable where Value: Equatable {}
extension RowsUpdate: Equatable where Value: Equatable {}
