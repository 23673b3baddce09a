package dev.mizu.sync

import dev.mizu.sync.support.blocking
import dev.mizu.sync.support.refused
import dev.mizu.sync.testing.TestServer
import dev.mizu.sync.testing.testClient
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.flow.first
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.Arguments.arguments
import org.junit.jupiter.params.provider.MethodSource
import java.util.concurrent.CyclicBarrier
import kotlin.concurrent.thread

class ClosedTest {
    @ParameterizedTest(name = "{0}")
    @MethodSource("calls")
    fun `whatever is called after a close says that the client is closed`(
        name: String,
        call: suspend Used.() -> Unit,
    ) = blocking {
        val used = Used(testClient())
        used.client.close()
        refused<SyncException.Closed>("the client is closed", "open a new one") { used.call() }
        assertTrue(name.isNotEmpty())
    }

    /** What an app may still have of a client that it has closed. */
    class Used(
        val client: SyncClient,
    ) {
        val todos = client.todos
        val todo = todos["a"]
        val query = todos.query { where("done" eq false) }
        val asked = todos.query().also { it.all() }
    }

    @Test
    fun `what needs no file works on a closed client`() {
        val used = Used(testClient("user:1"))
        used.client.close()
        assertEquals("user:1", used.client.scope)
        assertEquals("SyncClient(user:1)", used.client.toString())
        assertEquals("todo", used.client.todos.name)
        assertEquals("a", used.todos["a"].id)
        used.todos.query { limit(1) }
        used.client.close()
    }

    @Test
    fun `what the platform tells, and stop, are no concern of a closed client`() =
        blocking {
            val client = testClient()
            assertFalse(client.isClosed)
            client.close()
            client.setNetwork(isUp = true)
            client.setForeground(isForeground = true)
            client.notifyLive(1)
            client.stop()
            assertTrue(client.isClosed)
        }

    @Test
    fun `many threads that close and use a client at once meet no other exception`() =
        blocking {
            TestServer().use { server ->
                repeat(15) {
                    val client = server.client("user:1")
                    val todos = client.todos
                    val query = todos.query()
                    val begin = CyclicBarrier(6)
                    val uses =
                        listOf<suspend () -> Unit>(
                            { repeat(50) { query.all() } },
                            { repeat(50) { todos.add(Todo("Milk")) } },
                            { repeat(50) { client.status.value } },
                            { repeat(50) { client.batch { add(todos, Todo("Bread")) } } },
                            { repeat(50) { todos.flow().first() } },
                        )
                    val users =
                        uses.map { use ->
                            async(Dispatchers.IO) {
                                begin.await()
                                runCatching { use() }.exceptionOrNull()
                            }
                        }
                    val closers =
                        List(2) { index ->
                            thread {
                                if (index == 0) begin.await()
                                query.runCatching { count() }
                                client.close()
                            }
                        }
                    for (failure in users.awaitAll()) {
                        // A flow that has begun ends, and then has no first item.
                        val isExpected = failure is SyncException.Closed || failure is NoSuchElementException
                        assertTrue(failure == null || isExpected, failure?.stackTraceToString())
                    }
                    closers.forEach { it.join() }
                }
            }
        }

    private companion object {
        fun case(
            name: String,
            call: suspend Used.() -> Unit,
        ) = arguments(name, call)

        @JvmStatic
        fun calls() = clients() + collections() + entities() + queries()

        private fun clients() =
            listOf(
                case("start") { client.start() },
                case("pause") { client.pause() },
                case("resume") { client.resume() },
                case("wipe") { client.wipe() },
                case("sync") { client.sync() },
                case("flush") { client.flush() },
                case("waitForFirstSync") { client.waitForFirstSync() },
                case("delivered") { client.delivered() },
                case("batch") { client.batch { } },
                case("mutate") { client.mutate("tick", 1) },
                case("mutate with an effect") { client.mutate("tick", 1) { delete(todos, "a") } },
                case("retry") { client.retry("m") },
                case("retryWith") { client.retryWith("m", "{}") },
                case("discard") { client.discard("m") },
                case("setToken") { client.setToken("token") },
                case("cursor") { client.cursor },
                case("isOnline") { client.isOnline },
                case("clientId") { client.clientId },
                case("status") { client.status.value },
                case("status.flow") { client.status.flow().first() },
                case("status.stateIn") { client.status.stateIn(CoroutineScope(Job())) },
                case("pending") { client.pending.value },
                case("pending.flow") { client.pending.flow().first() },
                case("rejected") { client.rejected.value },
                case("rejected.flow") { client.rejected.flow().first() },
            )

        private fun collections() =
            listOf(
                case("collection.has") { todos.has("a") },
                case("collection.row") { todos.row("a") },
                case("collection.count") { todos.count() },
                case("collection.all") { todos.all() },
                case("collection.find") { todos.find { true } },
                case("collection.flow") { todos.flow().first() },
                case("collection.create") { todos.create("a", Todo("Milk")) },
                case("collection.add") { todos.add(Todo("Milk")) },
            )

        private fun entities() =
            listOf(
                case("entity.get") { todo.get() },
                case("entity.row") { todo.row() },
                case("entity.exists") { todo.exists() },
                case("entity.flow") { todo.flow().first() },
                case("entity.rowFlow") { todo.rowFlow().first() },
                case("entity.set") { todo.set(Todo("Milk")) },
                case("entity.update") { todo.update { it } },
                case("entity.delete") { todo.delete() },
            )

        private fun queries() =
            listOf(
                case("query.all") { query.all() },
                case("query.first") { query.first() },
                case("query.count") { query.count() },
                case("query.flow") { query.flow().first() },
                case("query.changes") { query.changes().first() },
                case("query.countFlow") { query.countFlow().first() },
                case("a query that was asked before, all") { asked.all() },
                case("a query that was asked before, first") { asked.first() },
                case("a query that was asked before, count") { asked.count() },
                case("a query that was asked before, flow") { asked.flow().first() },
            )
    }
}
