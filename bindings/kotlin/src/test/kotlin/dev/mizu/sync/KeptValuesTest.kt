package dev.mizu.sync

import dev.mizu.sync.support.SOON
import dev.mizu.sync.support.blocking
import dev.mizu.sync.support.online
import dev.mizu.sync.support.refused
import dev.mizu.sync.testing.TestServer
import dev.mizu.sync.testing.testClient
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.cancelChildren
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.flow.collect
import kotlinx.coroutines.isActive
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import kotlinx.serialization.Serializable
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import java.io.File
import java.util.concurrent.ConcurrentLinkedQueue

/** What is read again without a call over the boundary is what a call would have given. */
class KeptValuesTest {
    @Test
    fun `an entity that is read again is as the last write has left it`() =
        blocking {
            testClient().use { client ->
                val milk = client.todos["milk"]
                repeat(3) { assertNull(milk.get()) }
                client.todos.create("milk", Todo("Milk"))
                repeat(3) { assertEquals(Todo("Milk"), milk.get()) }
                client.todos["milk"].update { it.copy(done = true) }
                repeat(3) { assertEquals(Todo("Milk", true), milk.get()) }
                client.batch { set(client.todos, "milk", Todo("Oat milk")) }
                repeat(3) { assertEquals(Todo("Oat milk"), milk.get()) }
                client.todos["milk"].delete()
                repeat(3) { assertNull(milk.get()) }
            }
        }

    @Test
    fun `an entity that is read again is as the server has made it`() =
        blocking {
            TestServer().use { server ->
                SyncClient(server.url, "user:1").use { client ->
                    val milk = client.todos["milk"]
                    client.start()
                    client.online()
                    repeat(3) { assertNull(milk.get()) }
                    server.put("user:1", "todo", "milk", Todo("Milk"))
                    client.sync(SOON)
                    assertEquals(Todo("Milk"), milk.get())
                }
            }
        }

    @Test
    fun `what an app does to the object that it got changes nothing that is read`() =
        blocking {
            testClient().use { client ->
                val notes = client.collection<Note>("note")
                val note = notes.create("a", Note("mine"))
                repeat(3) {
                    val read = checkNotNull(note.get())
                    assertEquals("mine", read.text)
                    read.text = "not written"
                }
            }
        }

    @Test
    fun `an entity that was read often cannot be read while the client is paused or after it is closed`(
        @TempDir folder: File,
    ) = blocking {
        val client = SyncClient("http://127.0.0.1:9/_sync", "user:1") { database = File(folder, "a.db") }
        val milk = client.todos.create("milk", Todo("Milk"))
        repeat(3) { milk.get() }
        client.pause()
        refused<SyncException.Paused> { milk.get() }
        client.resume()
        repeat(3) { assertEquals(Todo("Milk"), milk.get()) }
        client.close()
        refused<SyncException.Closed> { milk.get() }
    }

    @Test
    fun `a computed that is read again is of what was set last`() {
        val number = Signal(1)
        val double = Computed { number.value * 2 }
        val text = Computed { "${double.value}" }
        for (value in listOf(1, 2, 2, 3)) {
            number.value = value
            repeat(3) { assertEquals("${value * 2}", text.value) }
        }
    }

    @Test
    fun `a computed of data that is read again is of what was written last`() =
        blocking {
            testClient().use { client ->
                val count = Computed { client.todos.count() }
                repeat(3) { assertEquals(0, count.value) }
                client.todos.add(Todo("Milk"))
                repeat(3) { assertEquals(1, count.value) }
            }
        }

    @Test
    fun `a batch sees its own values in a computed that was read before`() {
        val number = Signal(1)
        val double = Computed { number.value * 2 }
        repeat(2) { assertEquals(2, double.value) }
        batch {
            number.value = 2
            repeat(2) { assertEquals(4, double.value) }
            batch { number.value = 3 }
            repeat(2) { assertEquals(6, untrack { double.value }) }
        }
        repeat(2) { assertEquals(6, double.value) }
    }

    @Test
    fun `a failure is kept as a value is`() {
        val number = Signal(0)
        val quotient = Computed { 6 / number.value }
        repeat(3) { assertTrue(runCatching { quotient.value }.exceptionOrNull() is ArithmeticException) }
        number.value = 2
        repeat(3) { assertEquals(3, quotient.value) }
    }

    @Test
    fun `what a thread has set it finds in whatever is made of it`() =
        blocking {
            val numbers = List(2) { Signal(0) }
            val sum = Computed { numbers.sumOf { it.value } }
            coroutineScope {
                for (number in numbers) {
                    launch(Dispatchers.Default) {
                        var last = 0
                        for (value in 1..3_000) {
                            number.value = value
                            val found = sum.value
                            assertTrue(found > last, "$found is not newer than $last")
                            last = found
                        }
                    }
                }
            }
            assertEquals(6_000, sum.value)
        }

    @Test
    fun `what a thread has written it finds in its handle on it`() =
        blocking {
            testClient().use { client ->
                val counts = client.collection<Count>("count")
                val entity = counts.create("a", Count())
                coroutineScope {
                    for (which in 0..1) {
                        launch(Dispatchers.Default) {
                            for (value in 1..200) {
                                entity.update { if (which == 0) it.copy(one = value) else it.copy(other = value) }
                                val found = checkNotNull(entity.get())
                                assertEquals(value, if (which == 0) found.one else found.other)
                            }
                        }
                    }
                }
            }
        }

    @Test
    fun `what an effect reads without being tracked is not older than what it has read before`() =
        blocking {
            testClient().use { client ->
                val counts = client.collection<Count>("count")
                val entities = List(60) { counts.create("$it", Count()) }
                val one = entities[30]
                val watched = Computed { one.get()?.one ?: 0 }
                val older = ConcurrentLinkedQueue<String>()
                coroutineScope {
                    // Before anybody is told of a commit, it is held against each of these.
                    for (limit in 1..40) {
                        launch(Dispatchers.IO) { counts.query { where("one" gt limit) }.countFlow().collect() }
                    }
                    effect(Dispatchers.Default) {
                        val seen = watched.value
                        val found = untrack { checkNotNull(one.get()).one }
                        if (found < seen) older += "$found is older than $seen"
                    }
                    val reader = launch(Dispatchers.IO) { while (isActive) one.get() }
                    withContext(Dispatchers.Default) {
                        for (value in 1..200) {
                            client.batch { for (entity in entities) set(counts, entity.id, Count(value)) }
                        }
                    }
                    reader.cancel()
                    coroutineContext.cancelChildren()
                }
                assertEquals(emptyList<String>(), older.toList())
            }
        }

    @Serializable
    private data class Note(
        var text: String,
    )

    @Serializable
    private data class Count(
        val one: Int = 0,
        val other: Int = 0,
    )
}
