package dev.mizu.sync

import app.cash.turbine.test
import dev.mizu.sync.support.SOON
import dev.mizu.sync.support.blocking
import dev.mizu.sync.support.refused
import dev.mizu.sync.testing.testClient
import kotlinx.serialization.Serializable
import kotlinx.serialization.builtins.ListSerializer
import kotlinx.serialization.builtins.MapSerializer
import kotlinx.serialization.builtins.serializer
import kotlinx.serialization.json.JsonObject
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class CollectionTest {
    private val client = testClient()
    private val todos = client.todos

    @AfterEach
    fun close() = client.close()

    @Test
    fun `what is created is found by its id`() =
        blocking {
            val milk = todos.create("t1", Todo("Milk"))
            assertEquals("t1", milk.id)
            assertEquals(Todo("Milk"), milk.get())
            assertEquals(Todo("Milk"), todos["t1"].get())
            assertTrue(todos.has("t1"))
            assertEquals(Row("t1", Todo("Milk"), pending = true), todos.row("t1"))
            assertEquals(1, todos.count())
        }

    @Test
    fun `what is not there is null and no error`() {
        assertNull(todos["t1"].get())
        assertNull(todos.row("t1"))
        assertFalse(todos.has("t1"))
        assertEquals(0, todos.count())
        assertEquals(emptyList<Row<Todo>>(), todos.all())
    }

    @Test
    fun `an id that is visible is not created again`() =
        blocking {
            todos.create("t1", Todo("Milk"))
            refused<SyncException.AlreadyExists>("todo", "t1", "another id") { todos.create("t1", Todo("Bread")) }
            assertEquals(Todo("Milk"), todos["t1"].get())
            assertEquals(1, client.pending.value.size)
        }

    @Test
    fun `an id that was deleted is created again`() =
        blocking {
            todos.create("t1", Todo("Milk")).delete()
            todos.create("t1", Todo("Bread"))
            assertEquals(Todo("Bread"), todos["t1"].get())
        }

    @Test
    fun `what is added has a new id and comes after what was added before`() =
        blocking {
            val titles = List(20) { "todo $it" }
            val ids = titles.map { todos.add(Todo(it)).id }
            assertEquals(ids.size, ids.toSet().size)
            assertEquals(titles, todos.all().map { it.value.title })
            assertNotEquals(ids.first(), ids.last())
        }

    @Test
    fun `all are in the order of their ids`() =
        blocking {
            for (id in listOf("b", "c", "a")) todos.create(id, Todo(id))
            assertEquals(listOf("a", "b", "c"), todos.all().map { it.id })
        }

    @Test
    fun `find gives those for which the lambda says yes`() =
        blocking {
            todos.create("a", Todo("Milk", done = true))
            todos.create("b", Todo("Bread"))
            assertEquals(listOf("a"), todos.find { it.done }.map { it.id })
        }

    @Test
    fun `a flow of a collection has all of it whenever it changes`() =
        blocking {
            todos.flow().test(SOON) {
                assertEquals(emptyList<Row<Todo>>(), awaitItem())
                val milk = todos.create("a", Todo("Milk"))
                assertEquals(listOf(Row("a", Todo("Milk"), pending = true)), awaitItem())
                milk.delete()
                assertEquals(emptyList<Row<Todo>>(), awaitItem())
                cancel()
            }
        }

    @Test
    fun `collections of different names have nothing in common`() =
        blocking {
            val notes = client.collection<Todo>("note")
            todos.create("a", Todo("Milk"))
            notes.create("a", Todo("Note"))
            assertEquals(Todo("Milk"), todos["a"].get())
            assertEquals(1, notes.count())
        }

    @Test
    fun `two classes can be of one collection`() =
        blocking {
            @Serializable
            data class Title(
                val title: String,
            )
            todos.create("a", Todo("Milk", done = true))
            client.collection<Title>("todo")["a"].update { Title("Oat milk") }
            assertEquals(Todo("Oat milk", done = true), todos["a"].get())
            assertEquals(setOf("title", "done"), client.collection<JsonObject>("todo")["a"].get()?.keys)
        }

    @Test
    fun `a serializer can be given`() =
        blocking {
            val serializer = MapSerializer(String.serializer(), ListSerializer(Int.serializer()))
            val lists = client.collection("lists", serializer)
            lists.create("a", mapOf("primes" to listOf(2, 3, 5)))
            assertEquals(mapOf("primes" to listOf(2, 3, 5)), lists["a"].get())
        }

    @Test
    fun `a collection and an entity are shown by their names`() {
        assertEquals("todo", todos.toString())
        assertEquals("todo", todos.name)
        assertEquals("todo/t1", todos["t1"].toString())
    }
}
