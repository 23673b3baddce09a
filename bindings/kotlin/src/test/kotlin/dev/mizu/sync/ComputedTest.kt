package dev.mizu.sync

import app.cash.turbine.test
import dev.mizu.sync.support.SOON
import dev.mizu.sync.support.blocking
import dev.mizu.sync.support.refused
import dev.mizu.sync.support.soon
import dev.mizu.sync.testing.testClient
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertSame
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import java.util.concurrent.CountDownLatch
import java.util.concurrent.atomic.AtomicInteger

class ComputedTest {
    @Test
    fun `a computed runs when it is read and what it has read is another one`() {
        val runs = AtomicInteger()
        val (one, other) = List(2) { Signal(1) }
        val sum =
            Computed {
                runs.incrementAndGet()
                one.value + other.value
            }
        assertEquals(0, runs.get())
        repeat(3) { assertEquals(2, sum.value) }
        assertEquals(1, runs.get())
        one.value = 2
        one.value = 3
        assertEquals(1, runs.get())
        assertEquals(4, sum.value)
        one.value = 3
        assertEquals(4, sum.value)
        assertEquals(2, runs.get())
    }

    @Test
    fun `what was equal runs nobody`() =
        blocking {
            val number = Signal(1)
            val isOdd = Computed { number.value % 2 == 1 }
            val seen = Channel<Boolean>(Channel.UNLIMITED)
            val job = effect(Dispatchers.Default) { seen.trySend(isOdd.value) }
            assertTrue(seen.receive())
            number.value = 3
            number.value = 5
            number.value = 6
            assertEquals(false, seen.receive())
            job.cancelAndJoin()
            assertTrue(seen.tryReceive().isFailure)
        }

    @Test
    fun `the app may say what is equal and then the former value stays`() {
        val number = Signal(1)
        val list = Computed(isSame = { one, other -> one.size == other.size }) { listOf(number.value) }
        val before = list.value
        number.value = 2
        assertSame(before, list.value)
        val picky = Computed(isSame = { _, _ -> error("mine") }) { number.value }
        assertEquals(2, picky.value)
        number.value = 3
        assertEquals(3, picky.value)
    }

    @Test
    fun `a computed of computeds and data is of one moment`() =
        blocking {
            testClient().use { client ->
                val limit = Signal(1)
                val count = Computed { client.todos.count() }
                val left = Computed { limit.value - count.value }
                left.flow().test(SOON) {
                    assertEquals(1, awaitItem())
                    client.todos.create("a", Todo("Milk"))
                    assertEquals(0, awaitItem())
                    limit.value = 5
                    assertEquals(4, awaitItem())
                    cancel()
                }
            }
        }

    @Test
    fun `all that a client knows can be read in a computed`() =
        blocking {
            testClient().use { client ->
                val todos = client.todos
                val query = todos.query { where("done" eq false) }
                val all =
                    Computed {
                        listOf(
                            todos.has("a"),
                            todos["a"].get()?.title,
                            todos["a"].exists(),
                            todos.row("a")?.pending,
                            todos.all().size,
                            query.all().size,
                            query.first()?.id,
                            query.count(),
                            client.status.value.pending,
                            client.pending.value.size,
                            client.rejected.value.size,
                            client.isOnline,
                            client.cursor,
                        )
                    }
                val none = listOf(false, null, false, null, 0, 0, null, 0L, 0L, 0, 0, false, 0L)
                val milk = listOf(true, "Milk", true, true, 1, 1, "a", 1L, 1L, 1, 0, false, 0L)
                all.flow().test(SOON) {
                    assertEquals(none, awaitItem())
                    todos.create("a", Todo("Milk"))
                    assertEquals(milk, awaitItem())
                    cancel()
                }
                assertEquals(milk, all.value)
            }
        }

    @Test
    fun `what a computed throws is thrown to whoever reads it until something changes`() {
        val runs = AtomicInteger()
        val number = Signal(0)
        val quotient =
            Computed {
                runs.incrementAndGet()
                10 / number.value
            }
        val outer = Computed { quotient.value + 1 }
        repeat(2) { assertThrows<ArithmeticException> { quotient.value } }
        assertThrows<ArithmeticException> { outer.value }
        assertEquals(1, runs.get())
        number.value = 5
        assertEquals(3, outer.value)
        val error = Computed<Int> { throw StackOverflowError("mine") }
        assertEquals("mine", assertThrows<StackOverflowError> { error.value }.message)
    }

    @Test
    fun `a cancellation inside of a computed does not end whoever reads it without a word`() =
        blocking {
            val computed = Computed<Int> { throw CancellationException("of something inside") }
            refused<SyncException.Misuse>("cancelled") { computed.value }
            assertThrows<SyncException.Misuse> { coroutineScope { effect { computed.value } } }
        }

    @Test
    fun `a flow of a computed that throws fails with that`() =
        blocking {
            val number = Signal(1)
            val quotient = Computed { 10 / number.value }
            quotient.flow().test(SOON) {
                assertEquals(10, awaitItem())
                number.value = 0
                assertTrue(awaitError() is ArithmeticException)
            }
        }

    @Test
    fun `a slow computed holds up nobody who does not need it`() =
        blocking {
            val (isComputing, goOn) = List(2) { CountDownLatch(1) }
            val number = Signal(1)
            val slow =
                Computed {
                    isComputing.countDown()
                    goOn.soon()
                    number.value
                }
            val reader = async(Dispatchers.IO) { slow.value }
            isComputing.soon()
            val double = Computed { number.value * 2 }
            assertEquals(2, double.value)
            number.value = 2
            assertEquals(4, double.value)
            goOn.countDown()
            assertEquals(2, reader.await())
        }

    @Test
    fun `a computed writes nothing`() =
        blocking {
            testClient().use { client ->
                client.todos.create("a", Todo("Milk"))
                val writes =
                    listOf<suspend () -> Any?>(
                        { client.todos.add(Todo("Bread")) },
                        { client.todos["a"].update { it.copy(done = true) } },
                        { client.todos["a"].set(Todo("Bread")) },
                        { client.todos["a"].delete() },
                        { client.batch { delete(client.todos, "a") } },
                        { client.mutate("tick", 1) },
                        { client.retry("nobody") },
                        { client.discard("nobody") },
                        { client.wipe() },
                    )
                for (write in writes) {
                    val writer = Computed { runBlocking { write() } }
                    refused<SyncException.Misuse>("a computed value must not write", "effect") { writer.value }
                }
                assertEquals(1, client.pending.value.size)
            }
        }

    @Test
    fun `a computed that needs itself says so`() {
        val circle = mutableListOf<Computed<Int>>()
        val itself = Computed { circle.first().value + 1 }
        circle += itself
        refused<SyncException.Misuse>("the computed reads itself", "must not need the computed") { itself.value }
        circle[0] = Computed { Computed { circle.first().value }.value }
        refused<SyncException.Misuse>("in a circle", "must not need the computed") { circle.first().value }
    }

    @Test
    fun `a chain that no stack may have room for says so and a shorter one has a value`() {
        val signal = Signal(0)

        fun chain(length: Int): Computed<Int> {
            var last = Computed { signal.value }
            repeat(length - 1) {
                val before = last
                last = Computed { before.value + 1 }
            }
            return last
        }
        assertEquals(63, chain(64).value)
        refused<SyncException.Misuse>("64", "in a row") { chain(65).value }
        refused<SyncException.Misuse>("64", "in a row") { chain(5_000).value }
    }

    @Test
    fun `a chain that is read from its beginning may be of any length`() {
        val signal = Signal(0)
        var last: Readable<Int> = signal
        repeat(1_000) {
            val before = last
            last = Computed { before.value + 1 }
            assertEquals(it + 1, last.value)
        }
        signal.value = 1
        assertEquals(1_001, last.value)
    }

    @Test
    fun `a circle that is broken has a value again`() {
        val isCircle = Signal(true)
        val circle = mutableListOf<Computed<Int>>()
        val second = Computed { if (isCircle.value) circle.first().value else 7 }
        val first = Computed { second.value }
        circle += first
        refused<SyncException.Misuse>("in a circle") { first.value }
        isCircle.value = false
        assertEquals(7, first.value)
    }

    @Test
    fun `a computed that nobody keeps makes whoever has read it run again`() =
        blocking {
            val number = Signal(1)
            val seen = Channel<Int>(Channel.UNLIMITED)
            val job = effect(Dispatchers.Default) { seen.trySend(Computed { number.value * 2 }.value) }
            assertEquals(2, seen.receive())
            repeat(3) { round ->
                repeat(3) { System.gc() }
                number.value = round + 5
                assertEquals((round + 5) * 2, seen.receive())
            }
            job.cancelAndJoin()
        }

    @Test
    fun `a client that was closed is the exception of what reads it`() =
        blocking {
            val client = testClient()
            val count = Computed { client.todos.count() }
            assertEquals(0, count.value)
            client.close()
            refused<SyncException.Closed>("closed") { Computed { client.todos.count() }.value }
        }
}
