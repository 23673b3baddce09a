package dev.mizu.sync

import app.cash.turbine.test
import dev.mizu.sync.Status.Auth
import dev.mizu.sync.Status.Connection
import dev.mizu.sync.ffi.NativeAuth
import dev.mizu.sync.ffi.NativeConnection
import dev.mizu.sync.ffi.NativeStatus
import dev.mizu.sync.support.SOON
import dev.mizu.sync.support.blocking
import dev.mizu.sync.support.online
import dev.mizu.sync.support.until
import dev.mizu.sync.testing.TestServer
import dev.mizu.sync.testing.TestServer.Endpoint
import dev.mizu.sync.testing.testClient
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.job
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertInstanceOf
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class StatusTest {
    @Test
    fun `a client that was not started does not sync`() =
        blocking {
            testClient().use { client ->
                client.todos.add(Todo("Milk"))
                val status = client.status.value
                assertEquals(Connection.STOPPED, status.connection)
                assertFalse(status.isOnline)
                assertFalse(client.isOnline)
                assertFalse(status.hasSynced)
                assertEquals(1, status.pending)
                assertNull(status.lastSync)
                assertNull(status.error)
                assertEquals("not syncing · 1 to send", status.toString())
            }
        }

    @Test
    fun `a client that has synced is online and says when it was`() =
        blocking {
            TestServer().use { server ->
                server.put("user:1", "todo", "a", Todo("Milk"))
                server.client("user:1").use { client ->
                    server.waitForSubscription("user:1")
                    val status = client.status.until { it.isLive && it.lastSync != null }
                    assertEquals(Connection.ONLINE, status.connection)
                    assertEquals(Auth.GRANTED, status.auth)
                    assertTrue(client.isOnline && status.isOnline && status.hasSynced)
                    assertEquals(status.cursor, client.cursor)
                    assertTrue(status.cursor > 0)
                    assertNotNull(status.lastSync)
                    assertNull(status.error)
                    assertEquals("online", status.toString())
                }
            }
        }

    @Test
    fun `what is being sent and fetched shows`() =
        blocking {
            TestServer().use { server ->
                server.hang()
                SyncClient(server.url, "user:1").use { client ->
                    client.start()
                    client.status.until { it.isDownloading }
                    server.release()
                    client.waitForFirstSync()
                    server.hang()
                    client.todos.add(Todo("Milk"))
                    val status = client.status.until { it.isUploading }
                    assertEquals(1, status.pending)
                    assertEquals("online · 1 to send", status.toString())
                    server.release()
                    client.status.until { it.pending == 0L && !it.isUploading }
                }
            }
        }

    @Test
    fun `the progress of a snapshot shows`() {
        val native =
            NativeStatus(
                connection = NativeConnection.ONLINE,
                live = false,
                auth = NativeAuth.GRANTED,
                uploading = false,
                downloading = true,
                rows = 12_000UL,
                total = 120_000UL,
                pending = 3UL,
                rejected = 1UL,
                syncedOnce = false,
                cursor = 0UL,
                lastSync = 1_764_000_000_123,
                error = null,
                blocked = "the list is locked",
                line = "online · 3 to send · 12,000 of 120,000 rows · 1 not accepted",
            )
        val status = Status(native)
        assertEquals(Status.Progress(rows = 12_000, total = 120_000), status.progress)
        assertEquals(Status.Progress(rows = 12_000, total = null), Status(native.copy(total = null)).progress)
        assertNull(Status(native.copy(rows = null)).progress)
        assertEquals(native.line, status.toString())
        assertEquals("2025-11-24T16:00:00.123Z", status.lastSync.toString())
        assertEquals(listOf(3L, 1L), listOf(status.pending, status.rejected))
        assertEquals("the list is locked", status.blocked)
        val connections = NativeConnection.entries.map { Status(native.copy(connection = it)).connection }
        assertEquals(Connection.entries, connections)
        assertEquals(Auth.entries, NativeAuth.entries.map { Status(native.copy(auth = it)).auth })
    }

    @Test
    fun `what is in the way shows and passes`() =
        blocking {
            TestServer().use { server ->
                server.client("user:1").use { client ->
                    server.answerStatus(Endpoint.PUSH, 503)
                    client.todos.add(Todo("Milk"))
                    val busy = client.status.until { it.error != null }.error
                    val error = assertInstanceOf(SyncException.Unreachable::class.java, busy)
                    assertTrue(error.isPassing)
                    client.setNetwork(isUp = true)
                    client.flush()
                    assertNull(client.status.until { it.error == null }.error)
                }
            }
        }

    @Test
    fun `no network is offline and a network is online again`() =
        blocking {
            TestServer().use { server ->
                server.client("user:1").use { client ->
                    client.online()
                    client.setNetwork(isUp = false)
                    val status = client.status.until { it.connection == Connection.OFFLINE }
                    assertEquals("offline", status.toString())
                    client.setNetwork(isUp = true)
                    client.online()
                }
            }
        }

    @Test
    fun `a status has a flow and a StateFlow`() =
        blocking {
            testClient().use { client ->
                client.status.flow().test(SOON) {
                    assertEquals(0, awaitItem().pending)
                    client.todos.add(Todo("Milk"))
                    assertEquals(1, awaitItem().pending)
                    cancel()
                }
                val scope = CoroutineScope(Job() + Dispatchers.Default)
                val state = client.status.stateIn(scope)
                assertEquals(1, state.value.pending)
                client.todos.add(Todo("Bread"))
                assertEquals("not syncing · 2 to send", state.first { it.pending == 2L }.toString())
                scope.coroutineContext.job.cancelAndJoin()
            }
        }

    @Test
    fun `a server that does not speak the protocol is named`() =
        blocking {
            TestServer().use { server ->
                server.captivePortal(isOn = true)
                SyncClient(server.url, "user:1").use { client ->
                    client.start()
                    val error = client.status.until { it.error != null }.error
                    assertInstanceOf(SyncException.BadServer::class.java, error)
                    assertTrue("sign-in" in error?.message.orEmpty(), "$error")
                }
            }
        }
}
