// What follows is the program of README. It meets the `SyncClient` beside it, which leads it to the server of the test.
import Foundation
import MizuSync

struct Todo: Codable, Equatable, Sendable {
    var title: String
    var done = false
}

let client = try SyncClient("http://127.0.0.1:8080/_sync", scope: "user:demo") {
    $0.database = .file(URL(fileURLWithPath: "todos.db"))
    $0.onRejected = { print("not accepted: \($0)") }
}
try client.start()  // returns at once; the sync goes on in the background

let todos = client.collection("todo", of: Todo.self)
let open = todos.query().where("done", equals: false).order(by: "title")
let printer = Effect { print("\(try open.count()) to do") }  // now, and whenever it is another number

let milk = try await todos.add(Todo(title: "Milk"))  // on disk when it returns; offline too
try await milk.update { $0.done = true }  // sends `done` alone

try await client.flush()  // waits until everything is sent and confirmed
printer.stop()
client.close()
