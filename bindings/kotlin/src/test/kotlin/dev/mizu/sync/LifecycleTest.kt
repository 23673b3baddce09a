package dev.mizu.sync

import dev.mizu.sync.Status.Connection
import dev.mizu.sync.support.assertSentence
import dev.mizu.sync.support.blocking
import dev.mizu.sync.support.online
import dev.mizu.sync.support.refused
import dev.mizu.sync.support.until
import dev.mizu.sync.testing.TestServer
import dev.mizu.sync.testing.TestServer.Endpoint
import dev.mizu.sync.testing.testClient
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.yield
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import java.io.File

class LifecycleTest {
    @TempDir
    lateinit var folder: File

    private val file
        get() = File(folder, "todos.db")

    private fun open(
        url: String = NOBODY,
        scope: String = "user:1",
        configure: SyncOptions.() -> Unit = {},
    ) = SyncClient(url, scope) {
        database = file
        configure()
    }

    @Test
    fun `what was written is there when the file is opened again`() =
        blocking {
            val id = open().use { it.todos.add(Todo("Milk")).id }
            open().use { client ->
                assertEquals(Todo("Milk"), client.todos[id].get())
                assertTrue(client.todos.row(id)?.pending == true)
            }
        }

    @Test
    fun `a file keeps its name at the server and a client in memory has one of its own`() {
        val names = List(2) { open().use { it.clientId } }
        assertEquals(1, names.toSet().size)
        testClient().use { assertFalse(it.clientId in names) }
    }

    @Test
    fun `start twice is refused and start after a stop is not`() =
        blocking {
            TestServer().use { server ->
                server.client("user:1").use { client ->
                    refused<SyncException.AlreadyStarted>("started already") { client.start() }
                    client.stop()
                    assertEquals(Connection.STOPPED, client.status.value.connection)
                    client.stop()
                    client.start()
                    client.online()
                }
            }
        }

    @Test
    fun `reads and writes go on after a stop and are sent after a start`() =
        blocking {
            TestServer().use { server ->
                server.client("user:1").use { client ->
                    client.stop()
                    client.todos.create("a", Todo("Milk"))
                    assertEquals(Todo("Milk"), client.todos["a"].get())
                    assertEquals(0, server.requests(Endpoint.PUSH))
                    client.start()
                    client.flush()
                    assertEquals(Todo("Milk"), server.get<Todo>("user:1", "todo", "a"))
                }
            }
        }

    @Test
    fun `a paused client reads and writes nothing and has released its file`() =
        blocking {
            open().use { client ->
                client.todos.create("a", Todo("Milk"))
                client.pause()
                client.pause()
                refused<SyncException.Paused>("paused", "resume") { client.todos.count() }
                refused<SyncException.Paused>("paused") { client.todos.add(Todo("Bread")) }
                refused<SyncException.Paused>("paused") { client.start() }
                open().use { other -> assertEquals(1, other.todos.count()) }
                client.resume()
                client.resume()
                assertEquals(Todo("Milk"), client.todos["a"].get())
            }
        }

    @Test
    fun `a sync that ran goes on after a pause and one that did not does not`() =
        blocking {
            TestServer().use { server ->
                server.client("user:1") { database = file }.use { client ->
                    client.pause()
                    assertEquals(Connection.STOPPED, client.status.value.connection)
                    server.put("user:1", "todo", "a", Todo("Milk"))
                    client.resume()
                    client.sync()
                    assertEquals(1, client.todos.count())
                    client.stop()
                    client.pause()
                    client.resume()
                    assertEquals(Connection.STOPPED, client.status.value.connection)
                }
            }
        }

    @Test
    fun `two clients on one file are refused and one after the other is not`() =
        blocking {
            open().use { first ->
                first.todos.create("a", Todo("Milk"))
                val second = open()
                val failure = refused<SyncException.Storage>("todos.db", "already open") { second.todos.count() }
                assertEquals(StorageReason.IN_USE, failure.reason)
                second.close()
                assertEquals(1, first.todos.count())
            }
            open().use { assertEquals(1, it.todos.count()) }
        }

    @Test
    fun `the file is free as soon as close has returned`() {
        repeat(20) { open().close() }
        repeat(20) { open().use { it.todos.count() } }
    }

    @Test
    fun `a wipe deletes the file`() =
        blocking {
            TestServer().use { server ->
                val client = server.client("user:1") { database = file }
                client.todos.create("a", Todo("Milk"))
                client.flush()
                client.wipe()
                assertFalse(file.exists())
                refused<SyncException.Closed>("closed") { client.todos.count() }
                client.close()
                open().use { assertEquals(0, it.todos.count()) }
            }
        }

    @Test
    fun `a wipe that would lose writes is refused and nothing has happened`() =
        blocking {
            TestServer().use { server ->
                server.client("user:1") { database = file }.use { client ->
                    server.reject("todo.create", "conflict", "no")
                    client.todos.create("a", Todo("Milk"))
                    client.rejected.until { it.isNotEmpty() }
                    refused<SyncException.Unsent>("1 mutation is rejected", "retry or discard") { client.wipe() }
                    server.hang()
                    client.todos.create("b", Todo("Bread"))
                    refused<SyncException.Unsent>("1 mutation is not sent", "1 mutation is rejected") { client.wipe() }
                    assertEquals(Todo("Bread"), client.todos["b"].get())
                    assertEquals(1, client.rejected.value.size)
                    server.release()
                    client.online()
                }
            }
        }

    @Test
    fun `a wipe may lose writes when it is told so`() =
        blocking {
            val client = open()
            client.todos.create("a", Todo("Milk"))
            refused<SyncException.Unsent>("1 mutation is not sent", "sync first") { client.wipe() }
            client.wipe(loseUnsent = true)
            assertFalse(file.exists())
        }

    @Test
    fun `a wipe whose coroutine is cancelled before it hears of it has closed the client all the same`() =
        blocking {
            val client = open()
            val hasBegun = CompletableDeferred<Unit>()
            val flow = launch(Dispatchers.Default) { client.status.flow().collect { hasBegun.complete(Unit) } }
            hasBegun.await()
            val wipe = launch { client.wipe() }
            yield()
            // It goes on in the coroutine's thread, which is this one.
            while (file.exists()) Thread.onSpinWait()
            wipe.cancelAndJoin()
            assertTrue(client.isClosed)
            flow.join()
        }

    @Test
    fun `a wipe ends flows and waits`() =
        blocking {
            TestServer().use { server ->
                val client = server.client("user:1")
                server.hang()
                val hasBegun = CompletableDeferred<Unit>()
                val flow = launch { client.status.flow().collect { hasBegun.complete(Unit) } }
                hasBegun.await()
                client.todos.add(Todo("Milk"))
                val wait = async(start = CoroutineStart.UNDISPATCHED) { runCatching { client.flush() } }
                client.wipe(loseUnsent = true)
                flow.join()
                assertTrue(wait.await().exceptionOrNull() is SyncException)
            }
        }

    @Test
    fun `without a network nothing is sent and with one it is sent at once`() =
        blocking {
            TestServer().use { server ->
                server.client("user:1").use { client ->
                    client.setNetwork(isUp = false)
                    client.status.until { it.connection == Connection.OFFLINE }
                    client.todos.create("a", Todo("Milk"))
                    client.delivered()
                    assertEquals(0, server.requests(Endpoint.PUSH))
                    client.setNetwork(isUp = true)
                    client.flush()
                    assertEquals(1, server.count("user:1", "todo"))
                }
            }
        }

    @Test
    fun `in the background the queue is drained and nobody listens`() =
        blocking {
            TestServer().use { server ->
                server.client("user:1").use { client ->
                    client.status.until { it.isLive }
                    client.setForeground(isForeground = false)
                    client.status.until { !it.isLive }
                    client.setForeground(isForeground = true)
                    client.status.until { it.isLive }
                }
            }
        }

    @Test
    fun `an app that hears of changes by itself has them fetched`() =
        blocking {
            TestServer().use { server ->
                server.live(isOn = false)
                server.client("user:1") { live = false }.use { client ->
                    server.put("user:1", "todo", "a", Todo("Milk"))
                    client.notifyLive(client.cursor + 1)
                    assertEquals(Todo("Milk"), client.todos["a"].flow().first { it != null })
                }
            }
        }

    @Test
    fun `another scope and another user have files of their own`() =
        blocking {
            open { principal = "ann" }.use { it.todos.create("a", Todo("Milk")) }
            open(scope = "user:2") { principal = "ann" }.use { client ->
                val failure = refused<SyncException.Storage>("user:1", "user:2") { client.todos.count() }
                assertEquals(StorageReason.WRONG_FILE, failure.reason)
            }
            open { principal = "bob" }.use { client ->
                val failure = refused<SyncException.Storage>("another user") { client.todos.count() }
                assertEquals(StorageReason.WRONG_FILE, failure.reason)
                assertSentence(failure.message)
            }
            open { principal = "ann" }.use { assertEquals(1, it.todos.count()) }
        }

    @Test
    fun `a client is shown by its scope`() {
        testClient("user:7").use { client ->
            assertEquals("SyncClient(user:7)", client.toString())
            assertEquals("user:7", client.scope)
        }
    }

    private companion object {
        const val NOBODY = "http://127.0.0.1:9/_sync"
    }
}
