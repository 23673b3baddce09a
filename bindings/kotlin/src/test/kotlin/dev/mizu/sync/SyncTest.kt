package dev.mizu.sync

import app.cash.turbine.test
import dev.mizu.sync.testing.TestServer
import dev.mizu.sync.testing.testClient
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import kotlin.time.Duration.Companion.seconds

class SyncTest {
    @Test
    fun `a write is read back at once`() =
        runBlocking {
            testClient().use { client ->
                val todos = client.collection<Todo>("todo")
                val milk = todos.add(Todo("Milk"))
                milk.update { it.copy(done = true) }
                assertEquals(Todo("Milk", done = true), milk.get())
                assertEquals(listOf("todo.create", "todo.patch"), client.pending.value.map { it.name })
                assertEquals(0, todos.query { where("done" eq false) }.count())
            }
        }

    @Test
    fun `a write reaches the server and another device`() =
        runBlocking {
            TestServer().use { server ->
                server.client("user:1").use { phone ->
                    server.client("user:1").use { laptop ->
                        val todos = laptop.collection<Todo>("todo").query { orderBy("title") }
                        todos.flow().test(timeout = 60.seconds) {
                            assertEquals(emptyList<Row<Todo>>(), awaitItem())
                            phone.collection<Todo>("todo").create("t1", Todo("Milk"))
                            assertEquals(listOf(Row("t1", Todo("Milk"))), awaitItem())
                            cancel()
                        }
                        phone.flush()
                        assertEquals(Todo("Milk"), server.get<Todo>("user:1", "todo", "t1"))
                        assertEquals(0, phone.status.value.pending)
                    }
                }
            }
        }

    @Test
    fun `an effect runs again when what it has read is different`() =
        runBlocking {
            testClient().use { client ->
                val todos = client.collection<Todo>("todo")
                val limit = Signal(1)
                val isFull = Computed { todos.count() >= limit.value }
                isFull.flow().test(timeout = 60.seconds) {
                    assertEquals(false, awaitItem())
                    todos.add(Todo("Milk"))
                    assertEquals(true, awaitItem())
                    limit.value = 2
                    assertEquals(false, awaitItem())
                    cancel()
                }
            }
        }
}
