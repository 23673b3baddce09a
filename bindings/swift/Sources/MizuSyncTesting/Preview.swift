import Foundation
public import MizuSync
internal import MizuSyncNative

extension SyncClient {
    /// A client in memory that has no server: for tests of an app's own logic. It is not to be started.
    public static func inMemory(
        scope: String = "test", _ configure: (inout SyncOptions) throws -> Void = { _ in }
    ) throws -> SyncClient {
        try SyncClient("http://127.0.0.1:9/_sync", scope: scope) {
            $0.database = .inMemory
            try configure(&$0)
        }
    }

    /// A client in memory for previews of screens: with rows that look confirmed, on their way, or refused. It has no server,
    /// and is not to be started.
    ///
    /// ```swift
    /// let client = try SyncClient.preview {
    ///     try $0.row("todo", "t1", Todo(title: "Milk"))
    ///     try $0.row("todo", "t2", Todo(title: "Bread"))
    ///     $0.pending("todo", "t2")
    /// }
    /// ```
    public static func preview(
        scope: String = "preview", _ show: (inout Preview) throws -> Void
    ) throws -> SyncClient {
        var preview = Preview()
        try show(&preview)
        let rows = try JSONText.of(preview.rows)
        let marks = preview.marks
        return SyncClient(scope: scope) {
            try openPreview(
                scope: scope, rows: rows,
                marks: marks.map { PreviewMark(collection: $0.collection, id: $0.id, rejected: $0.rejected) })
        }
    }
}

/// What a preview shows.
public struct Preview {
    var rows: [String: [String: JSON]] = [:]
    var marks: [(collection: String, id: String, rejected: [String]?)] = []

    /// A row, which looks confirmed.
    public mutating func row(_ collection: String, _ id: String, _ value: some Encodable) throws {
        rows[collection, default: [:]][id] = try JSONText.value(JSONText.of(value))
    }

    /// A row that was given looks as if it were on its way to the server.
    public mutating func pending(_ collection: String, _ id: String) {
        marks.append((collection, id, nil))
    }

    /// A row that was given looks as if the server had refused a change of it; ``/MizuSync/SyncClient/rejected`` says why.
    public mutating func rejected(_ collection: String, _ id: String, code: String, error: String) {
        marks.append((collection, id, [code, error]))
    }
}
