#if canImport(Observation)
    import Observation

    /// The rows of a query for a view: read ``rows`` where it is drawn, and it is drawn again when they are others.
    ///
    /// ```swift
    /// struct TodoList: View {
    ///     @State private var open = LiveQuery(todos.query().where("done", equals: false))
    ///
    ///     var body: some View {
    ///         List(open.rows) { Text($0.value.title) }
    ///     }
    /// }
    /// ```
    ///
    /// It watches for as long as it is there. In SwiftUI `@SyncQuery` is shorter.
    @available(macOS 14, iOS 17, tvOS 17, watchOS 10, *)
    @MainActor
    @Observable
    public final class LiveQuery<Value: Codable & Sendable> {
        /// The rows now; none until they have been read.
        public private(set) var rows: [Row<Value>] = []

        /// Whether they have been read.
        public private(set) var isLoaded = false

        @ObservationIgnored private var query: Query<Value>?
        @ObservationIgnored private var task: Task<Void, Never>?

        /// Watches nothing yet.
        init() {}

        /// Watches the rows of `query`.
        public init(_ query: Query<Value>) {
            show(query)
        }

        /// Watches the rows of `query` from now on, for a search or another list. The rows stay what they are until those of
        /// `query` have been read. Nothing happens when it is watched already.
        public func show(_ query: Query<Value>) {
            if query == self.query { return }
            self.query = query
            task?.cancel()
            task = Task { [weak self, values = query.values] in
                for await rows in values {
                    // What was read for a query before this one comes too late.
                    guard let self, !Task.isCancelled else { return }
                    self.rows = rows
                    self.isLoaded = true
                }
            }
        }

        deinit {
            task?.cancel()
        }
    }

    /// A value that changes, for a view: what a client is doing, for instance.
    @available(macOS 14, iOS 17, tvOS 17, watchOS 10, *)
    @MainActor
    @Observable
    public final class LiveValue<Value: Sendable> {
        /// It now; `nil` until it has been read.
        public private(set) var value: Value?

        @ObservationIgnored private var task: Task<Void, Never>?

        /// Watches these values: `LiveValue(client.status.values)`.
        public init(_ values: Values<Value>) {
            task = Task { [weak self] in
                for await value in values {
                    guard let self else { return }
                    self.value = value
                }
            }
        }

        deinit {
            task?.cancel()
        }
    }
#endif
