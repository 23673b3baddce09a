@file:Suppress("ktlint:standard:no-wildcard-imports")

package dev.mizu.sync.readme

// What follows is the program of README. It meets the `SyncClient` below, which leads it to the server of the test.
import dev.mizu.sync.*
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.Serializable
import java.io.File

@Serializable
data class Todo(
    val title: String,
    val done: Boolean = false,
)

fun main() =
    runBlocking {
        val client =
            SyncClient("http://127.0.0.1:8080/_sync", scope = "user:demo") {
                database = File("todos.db")
                onRejected { System.err.println("not accepted: $it") }
            }
        client.start() // returns at once; the sync goes on in the background

        val todos = client.collection<Todo>("todo")
        val open =
            todos.query {
                where("done" eq false)
                orderBy("title")
            }
        val printer = effect { println("${open.count()} to do") } // now, and whenever it is another number

        val milk = todos.add(Todo("Milk")) // suspends until it is on disk; offline too
        milk.update { it.copy(done = true) } // sends `done` alone

        client.flush() // waits until everything is sent and confirmed
        printer.cancel()
        client.close()
    }
