package dev.mizu.sync

import dev.mizu.sync.ffi.NativeClient
import dev.mizu.sync.ffi.NoHandle
import dev.mizu.sync.internal.open
import dev.mizu.sync.support.SOON
import dev.mizu.sync.support.assertSentence
import dev.mizu.sync.support.blocking
import dev.mizu.sync.support.refused
import dev.mizu.sync.support.soon
import dev.mizu.sync.support.until
import dev.mizu.sync.testing.TestServer
import dev.mizu.sync.testing.TestServer.Endpoint
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertSame
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.io.TempDir
import java.io.File
import java.util.concurrent.CompletableFuture
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicBoolean
import kotlin.concurrent.thread

/** What becomes of calls before the file is open. */
class OpeningTest {
    private val goOn = CountDownLatch(1)

    /** A client whose file takes long to be opened. */
    private fun slow(
        url: String = "http://127.0.0.1:9/_sync",
        configure: SyncOptions.() -> Unit = {},
    ): SyncClient {
        val options = SyncOptions().apply(configure)
        return SyncClient("user:1", options) {
            goOn.soon()
            open(url, "user:1", options)
        }
    }

    @Test
    fun `a client that cannot be opened says so in the log of an app that does not listen to errors`(
        @TempDir folder: File,
    ) = blocking {
        val lines = Channel<LogLine>(Channel.UNLIMITED)
        val client =
            SyncClient("https://api.example.com/_sync", "user:1") {
                database = File(folder, "nowhere/todos.db")
                onLog { lines.trySend(it) }
            }
        val line = lines.receive()
        assertEquals(LogLevel.ERROR to "open", line.level to line.target)
        assertSentence(line.text, "folder does not exist")
        client.close()
    }

    @Test
    fun `a close returns when the file is free also where another one frees it`() {
        val begun = CountDownLatch(1)
        val isFree = AtomicBoolean()
        val native =
            object : NativeClient(NoHandle) {
                override fun shutDown() {
                    begun.countDown()
                    goOn.soon()
                    isFree.set(true)
                }
            }
        val client = SyncClient("user:1", SyncOptions()) { native }
        assertSame(native, client.native)
        val first = thread { client.close() }
        begun.soon()
        val found = CompletableFuture<Boolean>()
        val second =
            thread {
                client.close()
                found.complete(isFree.get())
            }
        while (second.state != Thread.State.WAITING && second.isAlive) Thread.onSpinWait()
        goOn.countDown()
        assertTrue(found.get(SOON.inWholeSeconds, TimeUnit.SECONDS))
        first.join()
    }

    @Test
    fun `making a client does no work and its first use says what has failed`(
        @TempDir folder: File,
    ) = blocking {
        val errors = Channel<SyncException>(Channel.UNLIMITED)
        val client =
            SyncClient("https://api.example.com/_sync", "user:1") {
                database = File(folder, "nowhere/todos.db")
                onError { errors.trySend(it) }
            }
        client.use {
            val failure = refused<SyncException.Storage>("todos.db", "folder does not exist") { client.todos.count() }
            assertEquals(StorageReason.UNUSABLE, failure.reason)
            assertEquals(failure.message, errors.receive().message)
            refused<SyncException.Storage>("folder does not exist") { client.start() }
            refused<SyncException.Storage>("folder does not exist") { client.todos.add(Todo("Milk")) }
            refused<SyncException.Storage>("folder does not exist") { client.todos.flow().first() }
        }
        refused<SyncException.Closed>("closed") { client.todos.count() }
        assertTrue(errors.tryReceive().isFailure)
    }

    @Test
    fun `reads and writes wait for the file`() =
        blocking {
            slow().use { client ->
                val write = async { client.todos.create("a", Todo("Milk")) }
                val read = async(Dispatchers.IO) { client.todos.has("b") }
                val flow = async { client.todos.flow().first { it.isNotEmpty() } }
                goOn.countDown()
                assertEquals(Todo("Milk"), write.await().get())
                assertFalse(read.await())
                assertEquals(1, flow.await().size)
            }
        }

    @Test
    fun `what is told before the file is open is told in its order`() =
        blocking {
            TestServer().use { server ->
                server.requireToken("second")
                val client =
                    slow(server.url) {
                        principal = "ann"
                        token = "first"
                    }
                client.use {
                    client.setNetwork(isUp = false)
                    client.setForeground(isForeground = false)
                    client.notifyLive(1)
                    client.start()
                    client.setToken("third")
                    client.setToken("second")
                    client.setForeground(isForeground = true)
                    client.setNetwork(isUp = true)
                    goOn.countDown()
                    client.waitForFirstSync()
                    assertTrue(client.isOnline)
                }
            }
        }

    @Test
    fun `no network that was told before the file is open counts`() =
        blocking {
            TestServer().use { server ->
                slow(server.url).use { client ->
                    client.setNetwork(isUp = false)
                    client.start()
                    goOn.countDown()
                    client.status.until { it.connection == Status.Connection.OFFLINE }
                    client.delivered()
                    assertEquals(0, server.requests(Endpoint.SNAPSHOT))
                }
            }
        }

    @Test
    fun `what fails before the file is open is told and the client can be used there`() =
        blocking {
            val server = TestServer()
            val errors = Channel<SyncException>(Channel.UNLIMITED)
            val client =
                slow(server.url) {
                    onError {
                        todos.count()
                        errors.trySend(it)
                    }
                }
            client.use {
                client.start()
                client.start()
                client.setToken("a token without a user")
                goOn.countDown()
                assertTrue(errors.receive() is SyncException.AlreadyStarted)
                assertTrue(errors.receive() is SyncException.InvalidOption)
            }
            server.close()
        }

    @Test
    fun `a client that is closed before its file is open frees it before close returns`(
        @TempDir folder: File,
    ) = blocking {
        val file = File(folder, "a.db")
        val client = slow { database = file }
        val waiting =
            async(Dispatchers.IO, CoroutineStart.UNDISPATCHED) {
                refused<SyncException.Closed>("closed") { client.todos.add(Todo("Milk")) }
            }
        val isClosed = CountDownLatch(1)
        thread {
            client.close()
            isClosed.countDown()
        }
        waiting.await()
        assertEquals(1, isClosed.count)
        goOn.countDown()
        isClosed.soon()
        SyncClient("http://127.0.0.1:9/_sync", "user:1") { database = file }.use { assertEquals(0, it.todos.count()) }
        refused<SyncException.Closed>("closed") { client.start() }
    }

    @Test
    fun `a client may be closed where it is told that it could not be opened`() =
        blocking {
            val told = Channel<SyncException>(1)
            val client =
                SyncClient("not a url", "user:1") {
                    onError {
                        close()
                        told.trySend(it)
                    }
                }
            assertTrue(told.receive() is SyncException.InvalidOption)
            refused<SyncException.Closed>("closed") { client.todos.count() }
        }

    @Test
    fun `a coroutine that waits for the file is cancelled at once`() =
        blocking {
            val client = slow()
            val waiting =
                listOf<suspend () -> Unit>(
                    { client.todos.add(Todo("Milk")) },
                    { client.sync() },
                    { client.flush() },
                    { client.waitForFirstSync() },
                    { client.delivered() },
                    { client.todos.flow().collect { } },
                    { client.status.flow().collect { } },
                )
            for (wait in waiting) launch(Dispatchers.Default, CoroutineStart.UNDISPATCHED) { wait() }.cancelAndJoin()
            goOn.countDown()
            assertEquals(0, client.todos.count())
            client.close()
        }

    @Test
    fun `a failure to open that is no exception of the SDK is a bug`() =
        blocking {
            val cause = IllegalStateException("mine")
            val told = Channel<SyncException>(1)
            val options = SyncOptions().apply { onError { told.trySend(it) } }
            SyncClient("user:1", options) { throw cause }.use { client ->
                val failure = assertThrows<SyncException.Bug> { client.todos.count() }
                assertEquals("the client cannot be opened, which is a bug; please report it: $cause", failure.message)
                assertSame(cause, failure.cause)
                assertTrue(told.receive() is SyncException.Bug)
            }
        }
}
