package dev.mizu.sync

import app.cash.turbine.test
import dev.mizu.sync.internal.RowsReader
import dev.mizu.sync.internal.Shown
import dev.mizu.sync.support.SOON
import dev.mizu.sync.support.blocking
import dev.mizu.sync.testing.testClient
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertInstanceOf
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.ValueSource
import kotlin.random.Random

class RowsUpdateTest {
    private val client = testClient()
    private val todos = client.todos
    private val byTitle = todos.query { orderBy("title") }

    @AfterEach
    fun close() = client.close()

    @Test
    fun `first come all rows and then what is different`() =
        blocking {
            for (title in listOf("a", "b", "c")) todos.create(title, Todo(title))
            byTitle.changes().test(SOON) {
                val all = assertInstanceOf(RowsUpdate.All::class.java, awaitItem())
                assertEquals(listOf("a", "b", "c"), all.rows.map { it.id })
                todos.create("d", Todo("aa"))
                assertEquals(listOf(RowChange.Inserted(1, row("d", "aa"))), changes(awaitItem()))
                todos["b"].update { it.copy(done = true) }
                val done = Row("b", Todo("b", done = true), pending = true)
                assertEquals(listOf(RowChange.Updated(2, done)), changes(awaitItem()))
                todos["a"].delete()
                assertEquals(listOf(RowChange.Removed(0)), changes(awaitItem()))
                todos["d"].update { it.copy(title = "z") }
                assertEquals(
                    listOf(RowChange.Removed(0), RowChange.Inserted(2, row("d", "z"))),
                    changes(awaitItem()),
                )
                cancel()
            }
        }

    @Test
    fun `more changes than rows are all rows`() =
        blocking {
            todos.create("a", Todo("a"))
            byTitle.changes().test(SOON) {
                awaitItem()
                client.batch { for (title in listOf("b", "c", "d")) create(todos, title, Todo(title)) }
                val list = mutableListOf(row("a", "a"))
                awaitItem().applyTo(list)
                assertEquals(byTitle.all(), list)
                cancel()
            }
        }

    @Test
    fun `a slow collector gets changes merged and none is lost`() =
        blocking {
            val (isFirst, goOn) = List(2) { CompletableDeferred<Unit>() }
            val list = mutableListOf<Row<Todo>>()
            var updates = 0
            val collector =
                launch(Dispatchers.Default) {
                    byTitle.changes().first { update ->
                        updates++
                        update.applyTo(list)
                        isFirst.complete(Unit)
                        goOn.await()
                        list.size == 50
                    }
                }
            isFirst.await()
            repeat(50) { todos.add(Todo("${it * 7 % 50}")) }
            client.delivered()
            goOn.complete(Unit)
            collector.join()
            assertEquals(byTitle.all(), list)
            assertTrue(updates <= 3, "all, one that was on its way, and the rest: $updates")
        }

    @Test
    fun `a version grows with each update`() =
        blocking {
            byTitle.changes().test(SOON) {
                var version = awaitItem().version
                repeat(5) {
                    todos.add(Todo("todo $it"))
                    val next = awaitItem().version
                    assertTrue(next > version, "$next is not after $version")
                    version = next
                }
                cancel()
            }
        }

    @ParameterizedTest
    @ValueSource(ints = [1, 2, 3])
    fun `changes that are applied lead to the rows also where some do not fit`(seed: Int) =
        blocking {
            val random = Random(seed)
            val raw = client.collection<JsonObject>("todo")
            val limited =
                todos.query {
                    orderBy("title")
                    limit(6)
                }
            limited.changes().test(SOON) {
                val list = mutableListOf<Row<Todo>>()
                awaitItem().applyTo(list)
                repeat(60) { step ->
                    client.batch {
                        repeat(random.nextInt(1, 4)) {
                            val id = "t${random.nextInt(10)}"
                            when {
                                get(raw, id) == null -> create(raw, id, random.todo())
                                random.nextInt(4) == 0 -> delete(raw, id)
                                else -> set(raw, id, random.todo())
                            }
                        }
                    }
                    client.delivered()
                    val expected = limited.all()
                    while (list != expected) awaitItem().applyTo(list)
                    assertEquals(expected, list, "seed $seed, step $step")
                }
                cancel()
            }
        }

    /** One of three does not fit the class. */
    private fun Random.todo(): JsonObject {
        val done = if (nextInt(3) == 0) JsonPrimitive("perhaps") else JsonPrimitive(nextBoolean())
        return JsonObject(mapOf("title" to JsonPrimitive("${nextInt(10)}"), "done" to done))
    }

    @Test
    fun `a list with holes takes any changes`() {
        val random = Random(7)
        repeat(500) { round ->
            val shown = Shown<Todo>()
            var rows = List(random.nextInt(6)) { random.hole() }
            val list = mutableListOf<Row<Todo>>()
            shown.take(RowsReader.Update(1, rows, emptyList()))?.applyTo(list)
            repeat(10) {
                val changes = mutableListOf<RowsReader.Change<Todo>>()
                val after = rows.toMutableList()
                repeat(random.nextInt(1, 4)) { changes += random.change(after) }
                rows = after
                shown.take(RowsReader.Update(2, null, changes))?.applyTo(list)
                assertEquals(rows.filterNotNull(), list, "round $round")
                assertEquals(list, shown.list(), "round $round")
            }
        }
    }

    @Test
    fun `what nobody sees is no update`() {
        val shown = Shown<Todo>()
        shown.take(RowsReader.Update(1, listOf(null, row("a", "a")), emptyList()))
        val unseen = listOf(RowsReader.Change<Todo>(UPDATED, 0, null), RowsReader.Change(INSERTED, 1, null))
        assertEquals(null, shown.take(RowsReader.Update(2, null, unseen)))
        val seen = shown.take(RowsReader.Update(3, null, listOf(RowsReader.Change(REMOVED, 2, null))))
        assertEquals(listOf(RowChange.Removed(0)), changes(seen))
    }

    private fun Random.hole(): Row<Todo>? = if (nextBoolean()) null else row("${nextInt(1000)}", "${nextInt(1000)}")

    private fun Random.change(rows: MutableList<Row<Todo>?>): RowsReader.Change<Todo> {
        val kind = if (rows.isEmpty()) INSERTED else nextInt(3)
        val index = nextInt(if (kind == INSERTED) rows.size + 1 else rows.size)
        val row = if (kind == REMOVED) null else hole()
        when (kind) {
            REMOVED -> rows.removeAt(index)
            INSERTED -> rows.add(index, row)
            else -> rows[index] = row
        }
        return RowsReader.Change(kind, index, row)
    }

    private fun row(
        id: String,
        title: String,
    ) = Row(id, Todo(title), pending = true)

    private fun changes(update: RowsUpdate<Todo>?): List<RowChange<Todo>> =
        assertInstanceOf(RowsUpdate.Changes::class.java, update).let { (update as RowsUpdate.Changes).changes }

    private companion object {
        const val REMOVED = 0
        const val INSERTED = 1
        const val UPDATED = 2
    }
}
