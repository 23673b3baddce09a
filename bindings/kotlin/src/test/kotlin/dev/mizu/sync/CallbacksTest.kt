package dev.mizu.sync

import dev.mizu.sync.support.blocking
import dev.mizu.sync.support.online
import dev.mizu.sync.testing.TestServer
import dev.mizu.sync.testing.TestServer.Endpoint
import kotlinx.coroutines.channels.Channel
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertInstanceOf
import org.junit.jupiter.api.Assertions.assertSame
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.util.concurrent.ConcurrentHashMap

class CallbacksTest {
    private val heard = Channel<Pair<SyncClient, Any>>(Channel.UNLIMITED)

    /** What is heard, in order. The receiver of all callbacks is the client. */
    private suspend fun hear(client: SyncClient): Any {
        val (receiver, what) = heard.receive()
        assertSame(client, receiver)
        return what
    }

    private fun SyncClient.tell(what: Any) {
        heard.trySend(this to what)
    }

    @Test
    fun `the first sync and those that moved the cursor are told`() =
        blocking {
            TestServer().use { server ->
                server.client("user:1") { onSync { tell(it) } }.use { client ->
                    assertEquals(0L, hear(client))
                    server.put("user:1", "todo", "a", Todo("Milk"))
                    client.sync()
                    assertEquals(client.cursor, hear(client))
                    client.sync()
                    client.delivered()
                    assertTrue(heard.tryReceive().isFailure)
                }
            }
        }

    @Test
    fun `online and offline are told in turns`() =
        blocking {
            TestServer().use { server ->
                val options: SyncOptions.() -> Unit = {
                    onOnline { tell("online") }
                    onOffline { tell("offline") }
                }
                server.client("user:1", options).use { client ->
                    assertEquals("online", hear(client))
                    client.setNetwork(isUp = false)
                    assertEquals("offline", hear(client))
                    client.setNetwork(isUp = true)
                    assertEquals("online", hear(client))
                }
            }
        }

    @Test
    fun `each write that is refused is told`() =
        blocking {
            TestServer().use { server ->
                server.client("user:1") { onRejected { tell(it) } }.use { client ->
                    server.reject("todo.create", "conflict", "somebody was faster")
                    val ids = List(3) { client.todos.add(Todo("todo $it")).id }
                    val told = List(3) { hear(client) as RejectedMutation }
                    assertEquals(ids, told.map { refused -> ids.single { it in refused.args } })
                    assertEquals(setOf("somebody was faster"), told.map { it.error }.toSet())
                    assertEquals(client.rejected.value.map { it.id }, told.map { it.id })
                }
            }
        }

    @Test
    fun `what is in the way is told once`() =
        blocking {
            TestServer().use { server ->
                server.client("user:1") { onError { tell(it) } }.use { client ->
                    server.answerStatus(Endpoint.PUSH, 503, times = 3)
                    client.todos.add(Todo("Milk"))
                    client.flush()
                    client.delivered()
                    val error = assertInstanceOf(SyncException.Unreachable::class.java, hear(client))
                    assertTrue("503" in error.message.orEmpty() && error.isPassing, "$error")
                    assertTrue(heard.tryReceive().isFailure)
                }
            }
        }

    @Test
    fun `a token that is needed is asked for`() =
        blocking {
            TestServer().use { server ->
                server.requireToken("good")
                val client =
                    SyncClient(server.url, "user:1") {
                        principal = "ann"
                        token = "old"
                        onTokenNeeded {
                            tell("token")
                            setToken("good")
                        }
                    }
                client.use {
                    client.start()
                    client.waitForFirstSync()
                    assertEquals("token", hear(client))
                    assertTrue(heard.tryReceive().isFailure)
                }
            }
        }

    @Test
    fun `what the SDK says for developers is told`() =
        blocking {
            val lines = Channel<LogLine>(Channel.UNLIMITED)
            TestServer().use { server ->
                server
                    .client("user:1") {
                        onLog { lines.trySend(it) }
                        onOnline { error("a secret of the user") }
                    }.use { client ->
                        client.online()
                        var line = lines.receive()
                        while (line.target != "callbacks") line = lines.receive()
                        assertEquals(LogLevel.ERROR, line.level)
                        assertTrue("onOnline threw java.lang.IllegalStateException" in line.text, line.text)
                        assertTrue("secret" !in line.text, line.text)
                        assertEquals("error callbacks: ${line.text}", line.toString())
                    }
            }
        }

    @Test
    fun `callbacks come one after the other on one thread that stays`() =
        blocking {
            val threads = ConcurrentHashMap.newKeySet<Thread>()
            val running = ConcurrentHashMap.newKeySet<Thread>()
            var overlapped = false
            val note: () -> Unit = {
                if (running.isNotEmpty()) overlapped = true
                running += Thread.currentThread()
                threads += Thread.currentThread()
                Thread.yield()
                running -= Thread.currentThread()
            }
            TestServer().use { server ->
                server
                    .client("user:1") {
                        onSync { note() }
                        onOnline { note() }
                        onRejected { note() }
                    }.use { client ->
                        server.reject("todo.create", "conflict", "no")
                        repeat(10) {
                            client.todos.add(Todo("todo $it"))
                            server.put("user:1", "note", "n$it", Todo("note"))
                            client.sync()
                        }
                        client.delivered()
                        assertEquals(1, threads.size)
                        assertTrue(!overlapped)
                    }
            }
        }

    @Test
    fun `of two callbacks of one kind the last counts`() =
        blocking {
            TestServer().use { server ->
                server
                    .client("user:1") {
                        onOnline { tell("first") }
                        onOnline { tell("second") }
                    }.use { client ->
                        assertEquals("second", hear(client))
                        client.delivered()
                        assertTrue(heard.tryReceive().isFailure)
                    }
            }
        }

    @Test
    fun `after a stop and after a close nothing is told`() =
        blocking {
            TestServer().use { server ->
                val client =
                    server.client("user:1") {
                        onOffline { tell("offline") }
                        onError { tell(it) }
                    }
                client.stop()
                client.setNetwork(isUp = false)
                client.delivered()
                client.close()
                assertTrue(heard.tryReceive().isFailure)
            }
        }

    @Test
    fun `a callback can do what the app can`() =
        blocking {
            TestServer().use { server ->
                val done = Channel<Unit>(1)
                server
                    .client("user:1") {
                        onRejected { refused ->
                            kotlinx.coroutines.runBlocking {
                                server.accept("todo.create")
                                retry(refused.id)
                                todos.create("b", Todo("from the callback"))
                                batch { update(todos, "b") { it.copy(done = true) } }
                            }
                            setNetwork(isUp = true)
                            done.trySend(Unit)
                        }
                    }.use { client ->
                        server.reject("todo.create", "conflict", "no")
                        client.todos.create("a", Todo("Milk"))
                        done.receive()
                        client.flush()
                        assertEquals(2, server.count("user:1", "todo"))
                        assertEquals(Todo("from the callback", done = true), server.get<Todo>("user:1", "todo", "b"))
                    }
            }
        }
}
