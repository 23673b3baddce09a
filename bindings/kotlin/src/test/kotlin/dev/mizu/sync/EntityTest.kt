package dev.mizu.sync

import app.cash.turbine.test
import dev.mizu.sync.support.SOON
import dev.mizu.sync.support.blocking
import dev.mizu.sync.support.refused
import dev.mizu.sync.testing.TestServer
import dev.mizu.sync.testing.testClient
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import java.util.concurrent.atomic.AtomicInteger

class EntityTest {
    private val client = testClient()
    private val todos = client.todos

    @AfterEach
    fun close() = client.close()

    @Test
    fun `handles on the same entity are equal`() {
        assertEquals(todos["a"], client.todos["a"])
        assertEquals(todos["a"].hashCode(), client.todos["a"].hashCode())
        assertNotEquals(todos["a"], todos["b"])
        testClient().use { other -> assertNotEquals(todos["a"], other.todos["a"]) }
    }

    @Test
    fun `set replaces the value`() =
        blocking {
            val milk = todos.create("a", Todo("Milk", done = true))
            milk.set(Todo("Bread"))
            assertEquals(Todo("Bread"), milk.get())
            assertEquals(listOf("todo.create", "todo.update"), client.pending.value.map { it.name })
        }

    @Test
    fun `what is not visible is not set and not updated`() =
        blocking {
            refused<SyncException.NotFound>("todo", "a", "does not exist here") { todos["a"].set(Todo("Milk")) }
            refused<SyncException.NotFound>("todo", "a") { todos["a"].update { it } }
            assertEquals(0, client.pending.value.size)
        }

    @Test
    fun `an update sends what is different and nothing else`() =
        blocking {
            val milk = todos.create("a", Todo("Milk"))
            milk.update { it.copy(done = true) }
            val args =
                Json.parseToJsonElement(
                    client.pending.value
                        .last()
                        .args,
                )
            assertEquals(Json.parseToJsonElement("""{"id":"a","set":{"done":true},"unset":[]}"""), args)
        }

    @Test
    fun `an update that changes nothing writes nothing`() =
        blocking {
            val milk = todos.create("a", Todo("Milk"))
            milk.update { it.copy() }
            assertEquals(1, client.pending.value.size)
        }

    @Test
    fun `an update runs again when the entity was changed meanwhile`() =
        blocking {
            val milk = todos.create("a", Todo("Milk"))
            val seen = mutableListOf<Todo>()
            milk.update {
                if (seen.isEmpty()) runBlocking { milk.update { todo -> todo.copy(title = "Oat milk") } }
                seen += it
                it.copy(done = true)
            }
            assertEquals(listOf(Todo("Milk"), Todo("Oat milk")), seen)
            assertEquals(Todo("Oat milk", done = true), milk.get())
        }

    @Test
    fun `an update that is overtaken again and again ends when its coroutine is cancelled`() =
        blocking {
            val milk = todos.create("a", Todo("Milk"))
            val others = AtomicInteger()
            val isOvertaken = CompletableDeferred<Unit>()
            val update =
                launch(Dispatchers.Default) {
                    milk.update { before ->
                        // Not for ever, so that a test that fails ends.
                        if (others.get() < 20_000) runBlocking { milk.set(Todo("Milk ${others.incrementAndGet()}")) }
                        if (others.get() == 3) isOvertaken.complete(Unit)
                        before.copy(done = true)
                    }
                }
            isOvertaken.await()
            update.cancelAndJoin()
            assertEquals(Todo("Milk ${others.get()}"), milk.get())
        }

    @Test
    fun `updates at the same time lose nothing`() =
        blocking {
            val tasks = client.collection<Task>("task")
            val task = tasks.create("a", Task("count"))
            List(20) { async { task.update { it.copy(priority = it.priority + 1) } } }.awaitAll()
            assertEquals(20, task.get()?.priority)
        }

    @Test
    fun `what an update throws comes out of it and nothing is written`() =
        blocking {
            val milk = todos.create("a", Todo("Milk"))
            val mine = IllegalStateException("mine")
            assertEquals(mine.message, assertThrows<IllegalStateException> { milk.update { throw mine } }.message)
            val error = AssertionError("mine too")
            assertEquals(error.message, assertThrows<AssertionError> { milk.update { throw error } }.message)
            assertEquals(Todo("Milk"), milk.get())
            assertEquals(1, client.pending.value.size)
        }

    @Test
    fun `delete makes it invisible and deleting nothing is no error`() =
        blocking {
            val milk = todos.create("a", Todo("Milk"))
            milk.delete()
            assertNull(milk.get())
            assertFalse(milk.exists())
            milk.delete()
        }

    @Test
    fun `fields that the class does not know survive a set and an update`() =
        blocking {
            val raw = client.collection<JsonObject>("todo")
            raw.create("a", Json.parseToJsonElement("""{"title":"Milk","done":false,"colour":"red"}""") as JsonObject)
            todos["a"].update { it.copy(done = true) }
            todos["a"].set(Todo("Bread"))
            assertEquals(
                Json.parseToJsonElement("""{"title":"Bread","done":false,"colour":"red"}"""),
                raw["a"].get(),
            )
        }

    @Test
    fun `a property that has its default is stored`() =
        blocking {
            todos.create("a", Todo("Milk"))
            assertEquals(JsonPrimitive(false), client.collection<JsonObject>("todo")["a"].get()?.get("done"))
        }

    @Test
    fun `a Json of the app's own decides what is stored`() =
        blocking {
            testClient { json = Json { ignoreUnknownKeys = true } }.use { sparse ->
                sparse.todos.create("a", Todo("Milk"))
                assertEquals(setOf("title"), sparse.collection<JsonObject>("todo")["a"].get()?.keys)
                assertEquals(Todo("Milk"), sparse.todos["a"].get())
            }
        }

    @Test
    fun `a flow has the value now and whenever it is another one`() =
        blocking {
            val milk = todos["a"]
            milk.flow().test(SOON) {
                assertNull(awaitItem())
                todos.create("a", Todo("Milk"))
                assertEquals(Todo("Milk"), awaitItem())
                milk.update { it.copy() }
                milk.update { it.copy(done = true) }
                assertEquals(Todo("Milk", done = true), awaitItem())
                milk.delete()
                assertNull(awaitItem())
                cancel()
            }
        }

    @Test
    fun `marks say what is on its way and a flow of rows has them`() =
        blocking {
            TestServer().use { server ->
                server.client("user:1").use { phone ->
                    phone.todos["a"].rowFlow().test(SOON) {
                        assertNull(awaitItem())
                        server.hang()
                        phone.todos.create("a", Todo("Milk"))
                        assertEquals(Row("a", Todo("Milk"), pending = true), awaitItem())
                        server.release()
                        assertEquals(Row("a", Todo("Milk")), awaitItem())
                        server.reject("todo.patch", "conflict", "no")
                        phone.todos["a"].update { it.copy(done = true) }
                        var row = awaitItem()
                        while (row?.rejected != true) row = awaitItem()
                        assertEquals(Row("a", Todo("Milk"), rejected = true), row)
                        cancel()
                    }
                }
            }
        }

    @Test
    fun `a value that others change survives where this device changes another`() =
        blocking {
            TestServer().use { server ->
                server.put("user:1", "todo", "a", Todo("Milk"))
                server.client("user:1").use { phone ->
                    server.goOffline()
                    phone.todos["a"].update { it.copy(done = true) }
                    server.put("user:1", "todo", "a", Todo("Oat milk"))
                    server.goOnline()
                    phone.setNetwork(isUp = true)
                    phone.flush()
                    assertEquals(Todo("Oat milk", done = true), phone.todos["a"].get())
                    assertEquals(Todo("Oat milk", done = true), server.get<Todo>("user:1", "todo", "a"))
                    assertTrue(phone.rejected.value.isEmpty())
                }
            }
        }
}
