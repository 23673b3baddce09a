package dev.mizu.sync

import app.cash.turbine.test
import dev.mizu.sync.support.SOON
import dev.mizu.sync.support.blocking
import dev.mizu.sync.support.refused
import dev.mizu.sync.testing.testClient
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.SharingStarted
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.job
import kotlinx.coroutines.launch
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertSame
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows

class QueryFlowTest {
    private val client = testClient()
    private val todos = client.todos
    private val open =
        todos.query {
            where("done" eq false)
            orderBy("title")
        }

    @AfterEach
    fun close() = client.close()

    @Test
    fun `a flow has the rows now and whenever they are others`() =
        blocking {
            todos.create("a", Todo("Milk"))
            open.flow().map { rows -> rows.map { it.value.title } }.test(SOON) {
                assertEquals(listOf("Milk"), awaitItem())
                todos.create("b", Todo("Bread"))
                assertEquals(listOf("Bread", "Milk"), awaitItem())
                todos.create("c", Todo("Done", done = true))
                todos["a"].update { it.copy(done = true) }
                assertEquals(listOf("Bread"), awaitItem())
                client.delivered()
                expectNoEvents()
                cancel()
            }
        }

    @Test
    fun `a number has a flow of its own`() =
        blocking {
            open.countFlow().test(SOON) {
                assertEquals(0, awaitItem())
                todos.create("b", Todo("Bread"))
                assertEquals(1, awaitItem())
                todos["b"].update { it.copy(title = "Rye") }
                todos["b"].update { it.copy(done = true) }
                assertEquals(0, awaitItem())
                cancel()
            }
        }

    @Test
    fun `a flow can be collected again and by several`() =
        blocking {
            val flow = open.flow()
            assertEquals(0, flow.first().size)
            val both = List(2) { CompletableDeferred<Unit>() }
            val collectors =
                both.map { started ->
                    launch {
                        flow.first { rows ->
                            started.complete(Unit)
                            rows.size == 1
                        }
                    }
                }
            both.forEach { it.await() }
            todos.add(Todo("Milk"))
            collectors.forEach { it.join() }
        }

    @Test
    fun `flows end when the client is closed`() =
        blocking {
            val flows =
                listOf(
                    open.flow(),
                    open.changes(),
                    open.countFlow(),
                    todos.flow(),
                    todos["a"].flow(),
                    todos["a"].rowFlow(),
                    client.status.flow(),
                    client.pending.flow(),
                    client.rejected.flow(),
                )
            val started = flows.map { CompletableDeferred<Unit>() }
            val collectors =
                flows.zip(started).map { (flow, started) -> launch { flow.collect { started.complete(Unit) } } }
            started.forEach { it.await() }
            client.close()
            collectors.forEach { it.join() }
            for (flow in flows) refused<SyncException.Closed>("closed", "open a new one") { flow.first() }
        }

    @Test
    fun `a flow that is cancelled ends at once`() =
        blocking {
            val started = CompletableDeferred<Unit>()
            val collector = launch { open.flow().collect { started.complete(Unit) } }
            started.await()
            collector.cancelAndJoin()
        }

    @Test
    fun `what the collector throws comes out of the flow`() =
        blocking {
            val mine = IllegalStateException("mine")
            for (context in listOf(Dispatchers.IO, Dispatchers.Default)) {
                val thrown =
                    assertThrows<IllegalStateException> {
                        kotlinx.coroutines.withContext(context) { open.flow().collect { throw mine } }
                    }
                assertEquals(mine.message, thrown.message)
            }
        }

    @Test
    fun `a closed client in a collector is the collector's exception`() =
        blocking {
            val other = testClient().apply { close() }
            kotlinx.coroutines.withContext(Dispatchers.IO) {
                refused<SyncException.Closed>("closed") { open.flow().collect { other.todos.count() } }
            }
        }

    @Test
    fun `a StateFlow is empty before the rows have been read and then has them`() =
        blocking {
            todos.create("a", Todo("Milk"))
            val scope = CoroutineScope(Job() + Dispatchers.Default)
            val before = listOf(Row("x", Todo("not read yet")))
            val state = open.stateIn(scope, SharingStarted.Lazily, before)
            assertSame(before, state.value)
            assertEquals(listOf("a"), state.first { it != before }.map { it.id })
            todos.create("b", Todo("Bread"))
            assertEquals(listOf("b", "a"), state.first { it.size == 2 }.map { it.id })
            scope.coroutineContext.job.cancelAndJoin()
        }

    @Test
    fun `a flow that begins while the client is paused goes on when it is resumed`() =
        blocking {
            client.pause()
            val rows = CompletableDeferred<List<Row<Todo>>>()
            val collector = launch { rows.complete(open.flow().first()) }
            withTimeout(SOON) {
                client.resume()
                assertEquals(0, rows.await().size)
            }
            collector.join()
        }

    @Test
    fun `a flow lives through a pause`() =
        blocking {
            open.countFlow().test(SOON) {
                assertEquals(0, awaitItem())
                client.pause()
                client.resume()
                todos.add(Todo("Milk"))
                assertEquals(1, awaitItem())
                cancel()
            }
        }

    @Test
    fun `a flow has at least the writes that were before it was collected`() =
        blocking {
            repeat(20) { count ->
                assertEquals(count, open.flow().first().size)
                todos.add(Todo("todo $count"))
            }
            assertEquals(
                listOf(20),
                open
                    .flow()
                    .take(1)
                    .toList()
                    .map { it.size },
            )
        }
}
