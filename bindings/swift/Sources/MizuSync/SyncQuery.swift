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
    @available(macOS 14, iOS 17, tvOS 17, watchOS 10, *)
    @MainActor
    @propertyWrapper
    public struct SyncQuery<Value: Codable & Sendable>: DynamicProperty {
        @State private var live: LiveQuery<Value>

        /// Watches the rows of `query` for as long as the view is there.
        public init(_ query: Query<Value>) {
            _live = State(wrappedValue: LiveQuery(query))
        }

        /// The rows now; none until they have been read.
        public var wrappedValue: [Row<Value>] { live.rows }
    }
#endif
