package dev.mizu.sync

import app.cash.turbine.test
import dev.mizu.sync.support.SOON
import dev.mizu.sync.support.blocking
import dev.mizu.sync.support.refused
import dev.mizu.sync.support.soon
import dev.mizu.sync.testing.TestServer
import dev.mizu.sync.testing.testClient
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import java.util.concurrent.CountDownLatch

class BatchTest {
    private val client = testClient()
    private val todos = client.todos

    @AfterEach
    fun close() = client.close()

    private fun names() = client.pending.value.map { it.name }

    @Test
    fun `a batch writes all of it and gives what its block gives`() =
        blocking {
            todos.create("b", Todo("Bread"))
            todos.create("c", Todo("Cheese"))
            todos.create("d", Todo("Dates"))
            val id =
                client.batch {
                    create(todos, "a", Todo("Milk"))
                    update(todos, "b") { it.copy(done = true) }
                    set(todos, "c", Todo("Brie"))
                    delete(todos, "d")
                    mutate("audit", mapOf("by" to "ann"))
                    add(todos, Todo("Eggs"))
                }
            assertEquals(Todo("Milk"), todos["a"].get())
            assertEquals(Todo("Bread", done = true), todos["b"].get())
            assertEquals(Todo("Brie"), todos["c"].get())
            assertNull(todos["d"].get())
            assertEquals(Todo("Eggs"), todos[id].get())
            assertEquals(
                listOf("todo.create", "todo.patch", "todo.update", "todo.delete", "audit", "todo.create"),
                names().drop(3),
            )
        }

    @Test
    fun `reads through a batch see its writes and others do not before it is over`() =
        blocking {
            client.batch {
                create(todos, "a", Todo("Milk"))
                assertEquals(Todo("Milk"), get(todos, "a"))
                update(todos, "a") { it.copy(done = true) }
                assertEquals(Todo("Milk", done = true), get(todos, "a"))
                assertNull(todos["a"].get())
                delete(todos, "a")
                assertNull(get(todos, "a"))
                create(todos, "a", Todo("Bread"))
            }
            assertEquals(Todo("Bread"), todos["a"].get())
        }

    @Test
    fun `whoever watches sees a batch as one change`() =
        blocking {
            todos.query().countFlow().test(SOON) {
                assertEquals(0, awaitItem())
                client.batch { repeat(100) { add(todos, Todo("todo $it")) } }
                assertEquals(100, awaitItem())
                cancel()
            }
        }

    @Test
    fun `what the block throws undoes all of it`() =
        blocking {
            val mine =
                assertThrows<IllegalStateException> {
                    client.batch {
                        create(todos, "a", Todo("Milk"))
                        error("mine")
                    }
                }
            assertEquals("mine", mine.message)
            assertThrows<StackOverflowError> {
                client.batch {
                    create(todos, "a", Todo("Milk"))
                    throw StackOverflowError("mine")
                }
            }
            assertEquals(0, todos.count())
            assertEquals(emptyList<String>(), names())
        }

    @Test
    fun `a batch that is cancelled while its block runs writes nothing`() =
        blocking {
            val hasBegun = CompletableDeferred<Unit>()
            val isCancelled = CountDownLatch(1)
            val batch =
                launch(Dispatchers.Default) {
                    client.batch {
                        create(todos, "cancelled", Todo("Milk"))
                        hasBegun.complete(Unit)
                        isCancelled.soon()
                    }
                }
            hasBegun.await()
            batch.cancel()
            isCancelled.countDown()
            batch.join()
            assertNull(todos["cancelled"].get())
        }

    @Test
    fun `a batch that writes nothing is nothing`() =
        blocking {
            assertEquals(7, client.batch { 7 })
            assertEquals(emptyList<String>(), names())
        }

    @Test
    fun `nothing is written when somebody else has changed what the batch updates`() =
        blocking {
            todos.create("a", Todo("Milk"))
            refused<SyncException.ChangedMeanwhile>("todo", "a", "do it again") {
                client.batch {
                    create(todos, "b", Todo("Bread"))
                    update(todos, "a") { it.copy(done = true) }
                    runBlocking { todos["a"].set(Todo("Oat milk")) }
                }
            }
            assertEquals(Todo("Oat milk"), todos["a"].get())
            assertNull(todos["b"].get())
        }

    @Test
    fun `writes that cannot be refuse the whole batch`() =
        blocking {
            todos.create("a", Todo("Milk"))
            refused<SyncException.AlreadyExists>("a") {
                client.batch {
                    create(todos, "b", Todo("Bread"))
                    create(todos, "a", Todo("Bread"))
                }
            }
            refused<SyncException.NotFound>("nobody") {
                client.batch {
                    create(todos, "b", Todo("Bread"))
                    update(todos, "nobody") { it }
                }
            }
            refused<SyncException.NotFound>("nobody") { client.batch { set(todos, "nobody", Todo("Bread")) } }
            assertEquals(listOf("todo.create"), names())
        }

    @Test
    fun `what the update of a batch throws comes out of it`() =
        blocking {
            todos.create("a", Todo("Milk"))
            val mine =
                assertThrows<NoSuchElementException> {
                    client.batch { update(todos, "a") { throw NoSuchElementException("mine") } }
                }
            assertEquals("mine", mine.message)
        }

    @Test
    fun `a batch can go on after a write that was refused`() =
        blocking {
            client.batch {
                runCatching { update(todos, "nobody") { it } }
                create(todos, "a", Todo("Milk"))
            }
            assertEquals(1, todos.count())
        }

    @Test
    fun `what does not fit the class is told and not written`() =
        blocking {
            client.collection<JsonObject>("todo").create("a", JsonObject(mapOf("title" to JsonPrimitive(7))))
            refused<SyncException.DoesNotFit>("todo", "a") { client.batch { get(todos, "a") } }
            refused<SyncException.DoesNotFit>("todo", "a") { client.batch { update(todos, "a") { it } } }
        }

    @Test
    fun `a batch that is over writes nothing more`() =
        blocking {
            var leaked: Batch? = null
            client.batch { leaked = this }
            val batch = checkNotNull(leaked)
            refused<SyncException.Misuse>("the batch is over") { batch.create(todos, "a", Todo("Milk")) }
            refused<SyncException.Misuse>("the batch is over") { batch.mutate("audit", 1) }
            refused<SyncException.Misuse>("the batch is over") { batch.get(todos, "a") }
            assertEquals(emptyList<String>(), names())
        }

    @Test
    fun `a batch reaches the server in its order`() =
        blocking {
            TestServer().use { server ->
                server.client("user:1").use { phone ->
                    val ids =
                        phone.batch {
                            List(30) { add(phone.todos, Todo("todo $it")) }.also { ids ->
                                ids.forEach { update(phone.todos, it) { todo -> todo.copy(done = true) } }
                            }
                        }
                    phone.flush()
                    assertEquals(30, server.count("user:1", "todo"))
                    val applied = server.mutations.map { it.name }
                    assertEquals(List(30) { "todo.create" } + List(30) { "todo.patch" }, applied)
                    assertTrue(ids.all { server.get<Todo>("user:1", "todo", it)?.done == true })
                }
            }
        }
}
