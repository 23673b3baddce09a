package dev.mizu.sync

import dev.mizu.sync.Status.Auth
import dev.mizu.sync.support.blocking
import dev.mizu.sync.support.refused
import dev.mizu.sync.support.until
import dev.mizu.sync.testing.TestServer
import dev.mizu.sync.testing.testClient
import kotlinx.coroutines.channels.Channel
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertInstanceOf
import org.junit.jupiter.api.Test

class AuthTest {
    private fun TestServer.device(configure: SyncOptions.() -> Unit) =
        SyncClient(url, "user:1") {
            principal = "ann"
            configure()
        }

    @Test
    fun `a token lets the client in`() =
        blocking {
            TestServer().use { server ->
                server.requireToken("good")
                server.device { token = "good" }.use { client ->
                    client.start()
                    client.waitForFirstSync()
                    assertEquals(Auth.GRANTED, client.status.value.auth)
                }
            }
        }

    @Test
    fun `without a callback a wrong token is told by whatever waits and by the status`() =
        blocking {
            TestServer().use { server ->
                server.requireToken("good")
                server.device { token = "bad-token" }.use { client ->
                    client.start()
                    val failure = refused<SyncException.NeedsAuth>("user:1", "sign in") { client.waitForFirstSync() }
                    assertFalse("bad-token" in failure.message.orEmpty())
                    val status = client.status.until { it.auth == Auth.NEEDS_TOKEN }
                    assertInstanceOf(SyncException.NeedsAuth::class.java, status.error)
                    assertEquals("signed out", status.toString())
                    client.setToken("good")
                    client.waitForFirstSync()
                }
            }
        }

    @Test
    fun `a sync waits for a new token and loses nothing`() =
        blocking {
            val needed = Channel<Unit>(Channel.UNLIMITED)
            TestServer().use { server ->
                server.requireToken("first")
                val client =
                    server.device {
                        token = "first"
                        onTokenNeeded { needed.trySend(Unit) }
                    }
                client.use {
                    client.start()
                    client.waitForFirstSync()
                    server.expireTokens()
                    client.todos.create("a", Todo("Milk"))
                    needed.receive()
                    assertEquals(Auth.AWAITING_TOKEN, client.status.until { it.auth != Auth.GRANTED }.auth)
                    assertEquals(1, client.pending.value.size)
                    server.requireToken("second")
                    client.setToken("second")
                    client.flush()
                    assertEquals(1, server.count("user:1", "todo"))
                    assertEquals(emptyList<RejectedMutation>(), client.rejected.value)
                }
            }
        }

    @Test
    fun `a scope that is refused is told and taken again when it is given`() =
        blocking {
            TestServer().use { server ->
                server.client("user:1").use { client ->
                    server.forbid("user:1")
                    client.todos.create("a", Todo("Milk"))
                    refused<SyncException.Forbidden>("user:1", "what is queued is kept") { client.sync() }
                    assertEquals(
                        "not allowed · 1 to send",
                        client.status.until { it.auth == Auth.FORBIDDEN }.toString(),
                    )
                    server.allow("user:1")
                    client.sync()
                    assertEquals(1, server.count("user:1", "todo"))
                }
            }
        }

    @Test
    fun `a token needs the user that it is for`() {
        testClient { token = "secret" }.use { client ->
            val failure = refused<SyncException.InvalidOption>("principal", "user that it is for") { client.clientId }
            assertFalse("secret" in failure.message.orEmpty())
        }
        testClient().use { client ->
            client.todos.count()
            refused<SyncException.InvalidOption>("principal") { client.setToken("secret") }
        }
    }

    @Test
    fun `a token that no header can carry is refused`() {
        for (bad in listOf("", "a b", "secret\n", "schlüssel")) {
            val open =
                testClient {
                    principal = "ann"
                    token = bad
                }
            open.use { client ->
                val failure = refused<SyncException.InvalidOption>("visible ASCII") { client.clientId }
                assertFalse("secret" in failure.message.orEmpty())
            }
        }
        testClient { principal = "ann" }.use { client ->
            client.todos.count()
            refused<SyncException.InvalidOption>("visible ASCII") { client.setToken("a b") }
        }
    }
}
