#if canImport(SwiftUI)
    import SwiftUI

    /// The rows of a query in a view of SwiftUI, which is drawn again when they are others.
    ///
    /// ```swift
    /// struct TodoList: View {
    ///     @SyncQuery private var rows: [Row<Todo>]
    ///
    ///     init(_ todos: SyncCollection<Todo>) {
    ///         _rows = SyncQuery(todos.query().order(by: "title"))
    ///     }
    ///
    ///     var body: some View {
    ///         List(rows) { Text($0.value.title) }
    ///     }
    /// }
    /// ```
    ///
    /// When the view is made anew with another query, for a search or another list, that is watched instead. `$rows` says
    /// whether the rows have been read.
    @available(macOS 14, iOS 17, tvOS 17, watchOS 10, *)
    @MainActor
    @propertyWrapper
    public struct SyncQuery<Value: Codable & Sendable>: DynamicProperty {
        /// That of the first time that the view was made, for as long as the view is there.
        @State private var live = LiveQuery<Value>()
        private let query: Query<Value>

        /// Watches the rows of `query` from when they are first read, for as long as the view is there.
        public init(_ query: Query<Value>) {
            self.query = query
        }

        /// The rows now; none until they have been read.
        public var wrappedValue: [Row<Value>] { projectedValue.rows }

        /// The rows, and whether they have been read.
        public var projectedValue: LiveQuery<Value> {
            live.show(query)
            return live
        }
    }
#endif
