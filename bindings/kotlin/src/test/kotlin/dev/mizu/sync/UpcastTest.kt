package dev.mizu.sync

import dev.mizu.sync.support.blocking
import dev.mizu.sync.support.refused
import dev.mizu.sync.testing.TestServer
import dev.mizu.sync.testing.testClient
import kotlinx.coroutines.channels.Channel
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.jsonPrimitive
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import java.io.File

class UpcastTest {
    /** Version 2 has `title` where version 1 had `text`; in version 3 `done` is no text any more. */
    private val renames: SyncOptions.() -> Unit = {
        upcast("todo", to = 2) { old -> JsonObject(old - "text" + ("title" to (old["text"] ?: JsonPrimitive("")))) }
        upcast("todo", to = 3) { old ->
            JsonObject(old + ("done" to JsonPrimitive(old["done"]?.jsonPrimitive?.content == "yes")))
        }
    }

    private fun json(text: String) = Json.parseToJsonElement(text) as JsonObject

    @Test
    fun `an older entity is brought to the newest version wherever it is read`() =
        blocking {
            TestServer().use { server ->
                server.putJson("user:1", "todo", "a", """{"text":"Milk","done":"yes"}""")
                server.putJson("user:1", "todo", "b", """{"title":"Bread","done":"no","${'$'}version":2}""")
                server.putJson("user:1", "todo", "c", """{"title":"Rye","done":true,"${'$'}version":3}""")
                server.client("user:1", renames).use { client ->
                    val expected = listOf(Todo("Milk", done = true), Todo("Bread"), Todo("Rye", done = true))
                    assertEquals(expected, client.todos.all().map { it.value })
                    assertEquals(Todo("Milk", done = true), client.todos["a"].get())
                    assertEquals(Todo("Milk", done = true), client.todos.row("a")?.value)
                    assertEquals(Todo("Milk", done = true), client.batch { get(client.todos, "a") })
                }
            }
        }

    @Test
    fun `what is written says of which version it is and older versions are written anew`() =
        blocking {
            TestServer().use { server ->
                server.putJson("user:1", "todo", "a", """{"text":"Milk","done":"no","colour":"red"}""")
                server.client("user:1", renames).use { client ->
                    client.todos["a"].update { it.copy(done = true) }
                    client.todos.create("b", Todo("Bread"))
                    client.flush()
                }
                assertEquals(
                    json("""{"title":"Milk","done":true,"colour":"red","${'$'}version":3}"""),
                    server.get<JsonObject>("user:1", "todo", "a"),
                )
                assertEquals(
                    json("""{"title":"Bread","done":false,"${'$'}version":3}"""),
                    server.get<JsonObject>("user:1", "todo", "b"),
                )
            }
        }

    @Test
    fun `queries compare what is stored`() =
        blocking {
            testClient(configure = renames).use { client ->
                client.collection<JsonObject>("todo").create("a", json("""{"title":"Milk","done":true}"""))
                assertEquals(1, client.todos.query { where("\$version" eq 3) }.count())
                assertEquals(0, client.todos.query { where("text" ne null) }.count())
            }
        }

    @Test
    fun `an upcast that throws changes nothing and the entity does not fit`() =
        blocking {
            TestServer().use { server ->
                server.putJson("user:1", "todo", "a", """{"text":"a secret"}""")
                server.putJson("user:1", "todo", "b", """{"title":"Bread"}""")
                val told = Channel<SyncException>(Channel.UNLIMITED)
                for (thrown in listOf(IllegalStateException("mine"), StackOverflowError("mine"))) {
                    server
                        .client("user:1") {
                            upcast("todo", to = 2) { old -> if ("text" in old) throw thrown else old }
                            onError { told.trySend(it) }
                        }.use { client ->
                            val failure =
                                refused<SyncException.DoesNotFit>("todo \"a\"", "title") { client.todos["a"].get() }
                            assertTrue("secret" !in failure.stackTraceToString())
                            assertEquals(listOf("b"), client.todos.all().map { it.id })
                            assertTrue(told.receive() is SyncException.DoesNotFit)
                        }
                }
            }
        }

    @Test
    fun `a file of the app's former version is read by the new one`(
        @TempDir folder: File,
    ) = blocking {
        val file = File(folder, "a.db")
        testClient { database = file }.use { old ->
            old.collection<JsonObject>("todo").create("a", json("""{"text":"Milk","done":"yes"}"""))
        }
        testClient {
            database = file
            renames()
        }.use { new -> assertEquals(Todo("Milk", done = true), new.todos["a"].get()) }
    }

    @Test
    fun `an upcast of one collection is none of another`() =
        blocking {
            testClient(configure = renames).use { client ->
                val notes = client.collection<JsonObject>("note")
                notes.create("a", json("""{"text":"Milk"}"""))
                assertEquals(json("""{"text":"Milk"}"""), notes["a"].get())
                assertNull(notes["a"].get()?.get("\$version"))
            }
        }
}
