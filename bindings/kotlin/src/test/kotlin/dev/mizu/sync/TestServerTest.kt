package dev.mizu.sync

import dev.mizu.sync.support.blocking
import dev.mizu.sync.support.online
import dev.mizu.sync.support.refused
import dev.mizu.sync.support.until
import dev.mizu.sync.testing.TestServer
import dev.mizu.sync.testing.TestServer.Endpoint
import kotlinx.coroutines.flow.first
import kotlinx.serialization.json.Json
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import kotlin.time.Duration.Companion.seconds

class TestServerTest {
    private fun withDevice(test: suspend (TestServer, SyncClient) -> Unit) =
        blocking { TestServer().use { server -> server.client("user:1").use { test(server, it) } } }

    @Test
    fun `what is put, read, counted and deleted is as another device has it`() =
        withDevice { server, phone ->
            server.put("user:1", "todo", "a", Todo("Milk"))
            server.putJson("user:1", "todo", "b", """{"title":"Bread"}""")
            assertEquals(Todo("Milk"), server.get<Todo>("user:1", "todo", "a"))
            assertEquals("""{"title":"Bread"}""", server.getJson("user:1", "todo", "b"))
            assertEquals(2, server.count("user:1", "todo"))
            assertEquals(0, server.count("user:2", "todo"))
            phone.sync()
            assertEquals(2, phone.todos.count())
            assertTrue(server.delete("user:1", "todo", "a"))
            assertFalse(server.delete("user:1", "todo", "a"))
            assertNull(server.get<Todo>("user:1", "todo", "a"))
            phone.sync()
            assertEquals(listOf("b"), phone.todos.all().map { it.id })
        }

    @Test
    fun `mutations and requests are remembered`() =
        withDevice { server, phone ->
            assertEquals(0, server.requests(Endpoint.PUSH))
            phone.todos.create("a", Todo("Milk"))
            server.waitForRequests(Endpoint.PUSH, 1)
            phone.flush()
            val applied = server.mutations.single()
            assertEquals("todo.create", applied.name)
            assertEquals("user:1", applied.scope)
            assertEquals(Json.parseToJsonElement("""{"id":"a","data":{"title":"Milk","done":false}}"""), applied.args)
            assertEquals(1, server.requests(Endpoint.SNAPSHOT))
        }

    @Test
    fun `nobody reaches a server that is offline`() =
        withDevice { server, phone ->
            server.goOffline()
            phone.todos.create("a", Todo("Milk"))
            phone.status.until { it.connection == Status.Connection.OFFLINE }
            server.goOnline()
            phone.setNetwork(isUp = true)
            phone.flush()
            assertEquals(1, server.count("user:1", "todo"))
        }

    @Test
    fun `a lost reply is no second mutation`() =
        withDevice { server, phone ->
            server.loseReplies(Endpoint.PUSH, times = 2)
            phone.todos.create("a", Todo("Milk"))
            phone.setNetwork(isUp = true)
            phone.flush()
            assertEquals(1, server.mutations.size)
            assertTrue(phone.rejected.value.isEmpty())
        }

    @Test
    fun `a sign-in page is no server`() =
        withDevice { server, phone ->
            server.captivePortal(isOn = true)
            phone.todos.create("a", Todo("Milk"))
            phone.status.until { it.error is SyncException.BadServer }
            server.captivePortal(isOn = false)
            phone.setNetwork(isUp = true)
            phone.flush()
        }

    @Test
    fun `an overloaded server is asked again when it wants`() =
        withDevice { server, phone ->
            server.answerStatus(Endpoint.PUSH, 429, times = 1, retryAfter = 1.seconds)
            server.answerStatus(Endpoint.PUSH, 500, times = 1_000)
            phone.todos.create("a", Todo("Milk"))
            phone.status.until { it.error is SyncException.Unreachable }
            server.answerNormally()
            phone.flush()
        }

    @Test
    fun `a server that knows no additions is a server too`() =
        blocking {
            TestServer().use { server ->
                server.plain(isOn = true)
                server.put("user:1", "todo", "a", Todo("Milk"))
                server.client("user:1").use { phone ->
                    phone.todos.create("b", Todo("Bread"))
                    phone.sync()
                    assertEquals(2, server.count("user:1", "todo"))
                    assertEquals(2, phone.todos.count())
                }
            }
        }

    @Test
    fun `a live server tells of changes by itself`() =
        withDevice { server, phone ->
            server.waitForSubscription("user:1")
            server.put("user:1", "todo", "a", Todo("Milk"))
            assertEquals(Todo("Milk"), phone.todos["a"].flow().first { it != null })
            server.live(isOn = false)
            phone.status.until { !it.isLive }
            server.live(isOn = true)
            phone.setNetwork(isUp = false)
            phone.setNetwork(isUp = true)
            phone.status.until { it.isLive }
        }

    @Test
    fun `a server that has lost everything is fetched anew`() =
        withDevice { server, phone ->
            server.put("user:1", "todo", "a", Todo("Milk"))
            phone.sync()
            server.reset()
            server.put("user:1", "todo", "b", Todo("Bread"))
            phone.sync()
            assertEquals(listOf("b"), phone.todos.all().map { it.id })
        }

    @Test
    fun `a server that was restored has what it had`() =
        withDevice { server, phone ->
            server.put("user:1", "todo", "a", Todo("Milk"))
            phone.sync()
            server.backUp()
            server.put("user:1", "todo", "b", Todo("Bread"))
            phone.sync()
            server.restore()
            server.put("user:1", "todo", "c", Todo("Rye"))
            phone.sync()
            assertEquals(listOf("a", "c"), phone.todos.all().map { it.id })
            refused<SyncException.Misuse>("there is no backup") { server.restore() }
        }

    @Test
    fun `who was away for longer than the log reaches takes a snapshot`() =
        withDevice { server, phone ->
            phone.stop()
            repeat(3) { server.put("user:1", "todo", "t$it", Todo("todo $it")) }
            server.trim()
            phone.start()
            phone.sync()
            assertEquals(3, phone.todos.count())
            assertEquals(2, server.requests(Endpoint.SNAPSHOT))
        }

    @Test
    fun `a device that cannot sync is no device`() =
        blocking {
            TestServer().use { server ->
                server.requireToken("good")
                assertThrows<SyncException> { server.client("user:1") { } }
                server
                    .client("user:1") {
                        principal = "ann"
                        token = "good"
                    }.use { it.online() }
            }
        }

    @Test
    fun `a server is stopped once and for all`() {
        val server = TestServer()
        server.close()
        server.close()
        refused<SyncException.Misuse>("the server is stopped", "a new one") { server.url }
        refused<SyncException.Misuse>("the server is stopped") { server.put("user:1", "todo", "a", Todo("Milk")) }
    }

    @Test
    fun `what is no JSON is refused`() {
        TestServer().use { server ->
            refused<SyncException.Misuse>("JSON") { server.putJson("user:1", "todo", "a", "{") }
            refused<SyncException.Misuse> { server.putJson("user:1", "todo", "a", "[]") }
            assertEquals(0, server.count("user:1", "todo"))
        }
    }
}
