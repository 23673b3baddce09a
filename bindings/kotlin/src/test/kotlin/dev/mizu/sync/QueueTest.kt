package dev.mizu.sync

import app.cash.turbine.test
import dev.mizu.sync.support.SOON
import dev.mizu.sync.support.assertSentence
import dev.mizu.sync.support.blocking
import dev.mizu.sync.support.refused
import dev.mizu.sync.support.until
import dev.mizu.sync.testing.TestServer
import dev.mizu.sync.testing.testClient
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import java.io.File

class QueueTest {
    @Test
    fun `what is not confirmed is listed in order`() =
        blocking {
            testClient().use { client ->
                client.pending.flow().test(SOON) {
                    assertEquals(0, awaitItem().size)
                    client.todos.create("a", Todo("Milk"))
                    val create = awaitItem().single()
                    assertEquals("todo.create", create.name)
                    assertTrue("Milk" in create.args)
                    assertFalse(create.isAcked)
                    assertEquals(0, create.failures)
                    assertNull(create.error)
                    assertNull(create.retries)
                    assertEquals("todo.create is on its way", create.toString())
                    client.todos["a"].delete()
                    val both = awaitItem()
                    assertEquals(listOf("todo.create", "todo.delete"), both.map { it.name })
                    assertEquals(create.id, both.first().id)
                    assertTrue(both.first().createdAt <= both.last().createdAt)
                    cancel()
                }
            }
        }

    @Test
    fun `a pending write that is discarded is undone`() =
        blocking {
            testClient().use { client ->
                client.todos.create("a", Todo("Milk"))
                client.todos["a"].update { it.copy(done = true) }
                client.discard(
                    client.pending.value
                        .last()
                        .id,
                )
                assertEquals(Todo("Milk"), client.todos["a"].get())
                client.discard(
                    client.pending.value
                        .single()
                        .id,
                )
                assertNull(client.todos["a"].get())
            }
        }

    @Test
    fun `a rejected write is undone and waits for a decision`() =
        blocking {
            withRejected { server, phone, rejected ->
                assertEquals("conflict", rejected.code)
                assertEquals("somebody was faster", rejected.error)
                assertEquals("todo.create", rejected.name)
                assertTrue("Milk" in rejected.args)
                assertNull(rejected.retries)
                assertTrue(rejected.createdAt <= rejected.rejectedAt)
                assertEquals("todo.create was not accepted: somebody was faster (conflict)", rejected.toString())
                assertNull(phone.todos["a"].get())
                assertEquals(1, phone.status.value.rejected)
                assertEquals(0, server.count("user:1", "todo"))
            }
        }

    @Test
    fun `a rejected write can be retried`() =
        blocking {
            withRejected { server, phone, rejected ->
                server.hang()
                server.accept("todo.create")
                val id = phone.retry(rejected.id)
                val pending = phone.pending.value.single()
                assertEquals(id, pending.id)
                assertEquals(rejected.id, pending.retries)
                assertEquals(emptyList<RejectedMutation>(), phone.rejected.value)
                server.release()
                phone.flush()
                assertEquals(Todo("Milk"), server.get<Todo>("user:1", "todo", "a"))
                assertEquals(Todo("Milk"), phone.todos["a"].get())
            }
        }

    @Test
    fun `a rejected write can be retried with other arguments`() =
        blocking {
            withRejected { server, phone, rejected ->
                server.accept("todo.create")
                phone.retryWith(rejected.id, rejected.args.replace("Milk", "Oat milk"))
                phone.flush()
                assertEquals(Todo("Oat milk"), server.get<Todo>("user:1", "todo", "a"))
            }
        }

    @Test
    fun `a rejected write can be discarded`() =
        blocking {
            withRejected { _, phone, rejected ->
                phone.rejected.flow().test(SOON) {
                    assertEquals(1, awaitItem().size)
                    phone.discard(rejected.id)
                    assertEquals(0, awaitItem().size)
                    cancel()
                }
                assertEquals(0, phone.status.until { it.rejected == 0L }.rejected)
            }
        }

    @Test
    fun `a retry that is refused again says what it retried`() =
        blocking {
            withRejected { _, phone, rejected ->
                phone.retry(rejected.id)
                val again = phone.rejected.until { it.singleOrNull()?.retries == rejected.id }.single()
                assertEquals("conflict", again.code)
            }
        }

    @Test
    fun `a decision about a write that is not there is refused`() =
        blocking {
            testClient().use { client ->
                client.todos.create("a", Todo("Milk"))
                val pending =
                    client.pending.value
                        .single()
                        .id
                refused<SyncException.NotFound>("rejected", "nobody") { client.retry("nobody") }
                refused<SyncException.NotFound>("rejected", pending) { client.retry(pending) }
                refused<SyncException.NotFound>("nobody") { client.discard("nobody") }
                assertEquals(1, client.pending.value.size)
            }
        }

    @Test
    fun `arguments that are no JSON or do not fit are refused`() =
        blocking {
            withRejected { _, phone, rejected ->
                refused<SyncException.InvalidValue>("cannot be stored") { phone.retryWith(rejected.id, "{not json") }
                refused<SyncException.InvalidValue> { phone.retryWith(rejected.id, "[1]") }
                assertEquals(
                    rejected.id,
                    phone.rejected.value
                        .single()
                        .id,
                )
            }
        }

    @Test
    fun `a write that keeps failing is told and holds up nobody else`() =
        blocking {
            TestServer().use { server ->
                server.client("user:1").use { phone ->
                    server.fail("todo.create", "the list is locked")
                    phone.todos.create("a", Todo("Milk"))
                    val failing = phone.pending.until { it.singleOrNull()?.failures?.let { it > 0 } == true }.single()
                    assertEquals("the list is locked", failing.error)
                    phone.collection<Todo>("note").create("n", Todo("Note"))
                    phone.pending.until { pending -> pending.map { it.name } == listOf("todo.create") }
                    assertSentence(phone.status.until { it.blocked != null }.blocked, "the list is locked")
                    server.accept("todo.create")
                    phone.sync()
                    assertEquals(2, server.mutations.size)
                    assertNull(phone.status.value.blocked)
                }
            }
        }

    @Test
    fun `the queue is kept in the file and goes on`(
        @TempDir folder: File,
    ) = blocking {
        TestServer().use { server ->
            val open = { SyncClient(server.url, "user:1") { database = File(folder, "a.db") } }
            val id = open().use { it.todos.add(Todo("Milk")).id }
            open().use { client ->
                assertEquals(listOf("todo.create"), client.pending.value.map { it.name })
                client.start()
                client.flush()
                assertEquals(Todo("Milk"), server.get<Todo>("user:1", "todo", id))
            }
        }
    }

    /** A device whose creation of `a` was refused. */
    private suspend fun withRejected(test: suspend (TestServer, SyncClient, RejectedMutation) -> Unit) {
        TestServer().use { server ->
            server.client("user:1").use { phone ->
                server.reject("todo.create", "conflict", "somebody was faster")
                phone.todos.create("a", Todo("Milk"))
                test(server, phone, phone.rejected.until { it.isNotEmpty() }.single())
            }
        }
    }
}
