import MizuSync
import SwiftUI

struct Todo: Codable, Hashable, Sendable {
    var title: String
    var done = false
}

@available(iOS 17, *)
struct TodoList: View {
    private let client: SyncClient
    private let todos: SyncCollection<Todo>
    @SyncQuery private var rows: [Row<Todo>]
    @State private var status: LiveValue<Status>
    @State private var rejected: LiveValue<[RejectedMutation]>
    @State private var title = ""
    @State private var problem: String?

    init(_ client: SyncClient) {
        self.client = client
        todos = client.collection("todo")
        _rows = SyncQuery(todos.query().order(by: "done").order(by: "title"))
        _status = State(initialValue: LiveValue(client.status.values))
        _rejected = State(initialValue: LiveValue(client.rejected.values))
    }

    var body: some View {
        NavigationStack {
            List {
                Section {
                    TextField("What is to be done?", text: $title).onSubmit(add)
                }
                Section {
                    ForEach(rows) { row in
                        TodoRow(row: row) { change(row) }
                    }
                    .onDelete { places in for place in places { delete(rows[place]) } }
                }
                Section {
                    ForEach(rejected.value ?? []) { mutation in
                        RejectedRow(mutation: mutation) {
                            decide { try await client.discard(mutation.id) }
                        } retry: {
                            decide { try await client.retry(mutation.id) }
                        }
                    }
                }
                Section {
                    Text(problem ?? status.value.map { "\($0)" } ?? "").font(.footnote).foregroundStyle(.secondary)
                }
            }
            .navigationTitle("Todos")
        }
    }

    private func add() {
        let todo = Todo(title: title)
        title = ""
        decide { try await todos.add(todo) }
    }

    private func change(_ row: Row<Todo>) {
        decide { try await todos[row.id].update { $0.done.toggle() } }
    }

    private func delete(_ row: Row<Todo>) {
        decide { try await todos[row.id].delete() }
    }

    /// Does what the user wants; shows why it cannot be done.
    private func decide(_ work: @escaping @MainActor () async throws -> Void) {
        Task {
            do {
                try await work()
                problem = nil
            } catch {
                problem = error.localizedDescription
            }
        }
    }
}

@available(iOS 17, *)
private struct TodoRow: View {
    let row: Row<Todo>
    let toggle: @MainActor () -> Void

    var body: some View {
        Button(action: toggle) {
            HStack {
                Image(systemName: row.value.done ? "checkmark.circle" : "circle")
                Text(row.value.title).strikethrough(row.value.done)
                Spacer()
                if row.isPending { Text("unsent").font(.footnote).foregroundStyle(.secondary) }
            }
        }
        .buttonStyle(.plain)
    }
}

@available(iOS 17, *)
private struct RejectedRow: View {
    let mutation: RejectedMutation
    let discard: @MainActor () -> Void
    let retry: @MainActor () -> Void

    var body: some View {
        HStack {
            Text("\(mutation)").foregroundStyle(.red)
            Spacer()
            Button("Retry", action: retry)
            Button("Discard", action: discard)
        }
    }
}
