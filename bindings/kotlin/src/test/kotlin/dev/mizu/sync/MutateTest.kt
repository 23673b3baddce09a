package dev.mizu.sync

import app.cash.turbine.test
import dev.mizu.sync.support.SOON
import dev.mizu.sync.support.blocking
import dev.mizu.sync.support.refused
import dev.mizu.sync.support.until
import dev.mizu.sync.testing.TestServer
import dev.mizu.sync.testing.testClient
import kotlinx.serialization.Serializable
import kotlinx.serialization.builtins.serializer
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonPrimitive
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows

class MutateTest {
    @Serializable
    data class Move(
        val id: String,
        val to: String,
    )

    @Test
    fun `a mutation of the app's own is queued and has no effect here`() =
        blocking {
            testClient().use { client ->
                val id = client.mutate("move", Move("a", "list:2"))
                val queued = client.pending.value.single()
                assertEquals(id, queued.id)
                assertEquals("move", queued.name)
                assertEquals(Json.parseToJsonElement("""{"id":"a","to":"list:2"}"""), queued.json())
                assertEquals(0, client.todos.count())
            }
        }

    @Test
    fun `arguments may be anything that JSON has`() =
        blocking {
            testClient().use { client ->
                client.mutate("one", 1)
                client.mutate("text", "a \"text\"")
                client.mutate("list", listOf(1, null))
                client.mutate("none", null as String?)
                client.mutate("custom", Int.serializer(), 7, null)
                val args = client.pending.value.map { it.args }
                assertEquals(listOf("1", "\"a \\\"text\\\"\"", "[1,null]", "null", "7"), args)
            }
        }

    @Test
    fun `what a mutation is expected to do is shown at once and the server has the last word`() =
        blocking {
            TestServer().use { server ->
                server.put("user:1", "todo", "a", Todo("Milk"))
                server.client("user:1").use { phone ->
                    phone.todos["a"].flow().test(SOON) {
                        assertEquals(Todo("Milk"), awaitItem())
                        server.reject("tick", "conflict", "somebody has bought it")
                        phone.mutate("tick", Move("a", "done")) {
                            update(phone.todos, "a") { it.copy(done = true) }
                            assertEquals(Todo("Milk", done = true), get(phone.todos, "a"))
                        }
                        assertEquals(Todo("Milk", done = true), awaitItem())
                        assertEquals(Todo("Milk"), awaitItem())
                        cancel()
                    }
                    val refused = phone.rejected.until { it.isNotEmpty() }.single()
                    assertEquals("tick was not accepted: somebody has bought it (conflict)", refused.toString())
                }
            }
        }

    @Test
    fun `what is expected may create and delete`() =
        blocking {
            testClient().use { client ->
                client.todos.create("a", Todo("Milk"))
                client.mutate("replace", Move("a", "b")) {
                    delete(client.todos, "a")
                    create(client.todos, "b", Todo("Bread"))
                    set(client.todos, "b", Todo("Rye"))
                    add(client.todos, Todo("Eggs"))
                }
                assertNull(client.todos["a"].get())
                assertEquals(
                    listOf("Rye", "Eggs"),
                    client.todos
                        .all()
                        .map { it.value.title }
                        .sortedDescending(),
                )
                assertEquals(listOf("todo.create", "replace"), client.pending.value.map { it.name })
            }
        }

    @Test
    fun `nothing is queued when the block throws`() =
        blocking {
            testClient().use { client ->
                val mine =
                    assertThrows<IllegalStateException> {
                        client.mutate("tick", 1) {
                            create(client.todos, "a", Todo("Milk"))
                            error("mine")
                        }
                    }
                assertEquals("mine", mine.message)
                assertEquals(0, client.todos.count())
                assertEquals(emptyList<PendingMutation>(), client.pending.value)
            }
        }

    @Test
    fun `a name that the protocol cannot carry is refused`() =
        blocking {
            testClient().use { client ->
                refused<SyncException.InvalidValue>("not valid") { client.mutate("", 1) }
                refused<SyncException.InvalidValue>("not valid") { client.mutate("x".repeat(2_000), 1) }
            }
        }

    @Test
    fun `a mutation reaches the server as it was made`() =
        blocking {
            TestServer().use { server ->
                server.client("user:1").use { phone ->
                    phone.mutate("todo.create", Created("z", Todo("By hand")))
                    phone.sync()
                    val applied = server.mutations.single()
                    assertEquals("todo.create", applied.name)
                    assertEquals("user:1", applied.scope)
                    assertEquals(JsonPrimitive("z"), (applied.args as Map<*, *>)["id"])
                    assertEquals(Todo("By hand"), phone.todos["z"].get())
                }
            }
        }

    @Serializable
    private data class Created(
        val id: String,
        val data: Todo,
    )

    private fun PendingMutation.json() = Json.parseToJsonElement(args)
}
