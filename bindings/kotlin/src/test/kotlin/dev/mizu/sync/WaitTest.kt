package dev.mizu.sync

import dev.mizu.sync.support.SOON
import dev.mizu.sync.support.blocking
import dev.mizu.sync.support.refused
import dev.mizu.sync.support.soon
import dev.mizu.sync.testing.TestServer
import dev.mizu.sync.testing.TestServer.Endpoint
import dev.mizu.sync.testing.testClient
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.launch
import kotlinx.coroutines.test.runTest
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.EnumSource
import java.io.File
import java.util.concurrent.CountDownLatch
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds

class WaitTest {
    /** Whatever waits for the server. */
    enum class Waits(
        val wait: suspend SyncClient.(Duration) -> Unit,
        val sentence: String,
    ) {
        SYNC({ sync(it) }, "not synced after"),
        FLUSH({ flush(it) }, "not sent after"),
        FIRST_SYNC({ waitForFirstSync(it) }, "not synced for the first time after"),
    }

    /** A client of a server that takes requests and answers none, with one write. */
    private suspend fun withHanging(test: suspend (TestServer, SyncClient) -> Unit) {
        TestServer().use { server ->
            server.hang()
            SyncClient(server.url, "user:1").use { client ->
                client.start()
                client.todos.create("a", Todo("Milk"))
                test(server, client)
                server.release()
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    fun `a wait ends when it has happened`(waits: Waits) =
        blocking {
            withHanging { server, client ->
                val waiting = async(start = CoroutineStart.UNDISPATCHED) { waits.wait(client, SOON) }
                assertFalse(waiting.isCompleted)
                server.release()
                waiting.await()
                assertTrue(client.status.value.hasSynced)
            }
        }

    @ParameterizedTest
    @EnumSource
    fun `a wait that takes too long says for how long and why`(waits: Waits) =
        blocking {
            withHanging { _, client ->
                val failure =
                    refused<SyncException.TimedOut>(waits.sentence, "0.05 s: ") { waits.wait(client, 50.milliseconds) }
                assertTrue(failure.isPassing)
            }
        }

    @ParameterizedTest
    @EnumSource
    fun `no time and less than none are timeouts`(waits: Waits) =
        blocking {
            withHanging { _, client ->
                for (timeout in listOf(Duration.ZERO, (-1).seconds, -Duration.INFINITE)) {
                    refused<SyncException.TimedOut>(waits.sentence, " 0 s: ") { waits.wait(client, timeout) }
                }
            }
        }

    @ParameterizedTest
    @EnumSource
    fun `what has happened already needs no time`(waits: Waits) =
        blocking {
            TestServer().use { server ->
                server.client("user:1").use { client ->
                    if (waits != Waits.SYNC) waits.wait(client, Duration.ZERO)
                    waits.wait(client, Duration.INFINITE)
                }
            }
        }

    @ParameterizedTest
    @EnumSource
    fun `a cancelled coroutine does not wait any more and the sync goes on`(waits: Waits) =
        blocking {
            withHanging { server, client ->
                launch(start = CoroutineStart.UNDISPATCHED) { waits.wait(client, SOON) }.cancelAndJoin()
                server.waitForRequests(Endpoint.SNAPSHOT, 1)
                launch(Dispatchers.Default) { waits.wait(client, SOON) }.cancelAndJoin()
                server.release()
                client.flush()
                assertEquals(1, server.count("user:1", "todo"))
            }
        }

    @ParameterizedTest
    @EnumSource
    fun `a client that is closed or stopped meanwhile ends the wait`(waits: Waits) =
        blocking {
            withHanging { _, client ->
                val stopped =
                    async(start = CoroutineStart.UNDISPATCHED) {
                        refused<SyncException.NotStarted>("start()") { waits.wait(client, SOON) }
                    }
                client.stop()
                stopped.await()
                client.start()
                val closed =
                    async(start = CoroutineStart.UNDISPATCHED) {
                        refused<SyncException.Closed>("closed") { waits.wait(client, SOON) }
                    }
                client.close()
                closed.await()
            }
        }

    @ParameterizedTest
    @EnumSource
    fun `nobody waits for a sync that was not started`(waits: Waits) =
        blocking {
            testClient().use { client ->
                refused<SyncException.NotStarted>("not started", "start()") { waits.wait(client, SOON) }
            }
        }

    @ParameterizedTest
    @EnumSource
    fun `the clock of a test does not shorten a wait`(waits: Waits) =
        runTest {
            withHanging { server, client ->
                val waiting = async(start = CoroutineStart.UNDISPATCHED) { waits.wait(client, SOON) }
                server.waitForRequests(Endpoint.SNAPSHOT, 1)
                server.release()
                waiting.await()
            }
        }

    @Test
    fun `a server that nobody reaches is the reason`() =
        blocking {
            TestServer().use { server ->
                server.goOffline()
                SyncClient(server.url, "user:1").use { client ->
                    client.start()
                    refused<SyncException.TimedOut>("user:1", "cannot reach") { client.sync(1.seconds) }
                    client.setNetwork(isUp = false)
                    refused<SyncException.TimedOut>("no network") { client.sync(50.milliseconds) }
                }
            }
        }

    @Test
    fun `what no time mends ends the wait at once`() =
        blocking {
            withHanging { server, client ->
                val waiting =
                    async(start = CoroutineStart.UNDISPATCHED) {
                        refused<SyncException.Forbidden>("user:1", "may not use") { client.flush(SOON) }
                    }
                server.forbid("user:1")
                server.release()
                waiting.await()
                refused<SyncException.Forbidden>("user:1") { client.sync(SOON) }
            }
        }

    @Test
    fun `the first sync is remembered and needs no start`(
        @TempDir folder: File,
    ) = blocking {
        TestServer().use { server ->
            val file = File(folder, "a.db")
            server.client("user:1") { database = file }.close()
            SyncClient(server.url, "user:1") { database = file }.use { it.waitForFirstSync(Duration.ZERO) }
        }
    }

    @Test
    fun `sync brings what others have written`() =
        blocking {
            TestServer().use { server ->
                server.live(isOn = false)
                server.client("user:1").use { client ->
                    server.put("user:1", "todo", "a", Todo("Milk"))
                    client.sync()
                    assertEquals(Todo("Milk"), client.todos["a"].get())
                }
            }
        }

    @Test
    fun `delivered waits for the callbacks of what was before it`() =
        blocking {
            TestServer().use { server ->
                val (isCalled, goOn) = List(2) { CountDownLatch(1) }
                val client =
                    server.client("user:1") {
                        onRejected {
                            isCalled.countDown()
                            goOn.soon()
                        }
                    }
                client.use {
                    server.reject("todo.create", "conflict", "no")
                    client.todos.add(Todo("Milk"))
                    isCalled.soon()
                    refused<SyncException.TimedOut>("not delivered after", "callback") {
                        client.delivered(50.milliseconds)
                    }
                    val waiting = async(start = CoroutineStart.UNDISPATCHED) { client.delivered() }
                    launch(start = CoroutineStart.UNDISPATCHED) { client.delivered() }.cancelAndJoin()
                    goOn.countDown()
                    waiting.await()
                }
            }
        }

    @Test
    fun `delivered ends when the client is closed`() =
        blocking {
            val (isCalled, goOn) = List(2) { CountDownLatch(1) }
            val client =
                SyncClient("http://127.0.0.1:9/_sync", "user:1") {
                    onOffline {
                        isCalled.countDown()
                        goOn.soon()
                    }
                }
            client.start()
            isCalled.soon()
            val waiting =
                async(start = CoroutineStart.UNDISPATCHED) {
                    refused<SyncException.Closed>("closed") { client.delivered() }
                }
            client.close()
            waiting.await()
            goOn.countDown()
        }

    @Test
    fun `delivered needs no start and is refused to a paused client`() =
        blocking {
            testClient().use { client ->
                client.delivered()
                client.pause()
                refused<SyncException.Paused>("paused", "resume") { client.delivered() }
            }
        }
}
