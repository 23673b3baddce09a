package dev.mizu.sync.testing

import dev.mizu.sync.SyncClient
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.Serializable
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

@Serializable
private data class Counter(
    val value: Int,
)

class ServerTransactionTest {
    private fun test(run: suspend (TestServer, SyncClient) -> Unit) =
        runBlocking {
            TestServer().use { server -> server.client("user:1").use { phone -> run(server, phone) } }
        }

    @Test
    fun `a rule of the test reads and writes what the server has`() =
        test { server, phone ->
            server.put("user:1", "counter", "gone", Counter(1))
            server.onMutation("counter.add") {
                assertEquals("user:1", scope)
                val before = get<Counter>("counter", "a") ?: Counter(0)
                put("counter", "a", Counter(before.value + args<Int>()))
                delete("counter", "gone")
            }
            phone.mutate("counter.add", 2)
            phone.mutate("counter.add", 3)
            phone.flush()
            assertEquals(Counter(5), server.get<Counter>("user:1", "counter", "a"))
            assertEquals(1, phone.collection<Counter>("counter").count())
        }

    @Test
    fun `what a rule refuses, and what does not fit it, is undone and rejected`() =
        test { server, phone ->
            server.onMutation("counter.set") {
                put("counter", "a", Counter(1))
                if (args<Int>() == 0) refuse("forbidden", "never zero")
                putJson("counter", "b", "[]")
            }
            phone.mutate("counter.set", 0)
            phone.mutate("counter.set", "text")
            phone.mutate("counter.set", 7)
            phone.flush()
            val reasons = phone.rejected.value.map { it.code }
            assertEquals(listOf("forbidden", "invalid_mutation", "invalid_mutation"), reasons)
            assertEquals(0, server.count("user:1", "counter"))
        }

    @Test
    fun `a rule that refuses by no code that there is says so`() =
        test { server, phone ->
            server.onMutation("counter.set") { refuse("nonsense", "never") }
            phone.mutate("counter.set", 0)
            phone.pending.flow().first {
                "\"nonsense\" refuses nothing for ever: use" in
                    it.singleOrNull()?.error.orEmpty()
            }
        }

    @Test
    fun `a rule that fails or throws is tried again`() =
        test { server, phone ->
            server.onMutation("counter.wait") { fail("not yet") }
            phone.mutate("counter.wait", 0)
            phone.pending.flow().first { queue -> queue.singleOrNull()?.error == "not yet" }
            server.onMutation("counter.wait") { error("a mistake") }
            phone.pending.flow().first { queue -> queue.singleOrNull()?.error.orEmpty().contains("a mistake") }
            server.onMutation("counter.wait") { put("counter", "a", Counter(1)) }
            phone.flush()
            assertEquals(1, server.count("user:1", "counter"))
        }
}
