package dev.mizu.sync

import app.cash.turbine.test
import dev.mizu.sync.support.SOON
import dev.mizu.sync.support.blocking
import dev.mizu.sync.support.refused
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.job
import kotlinx.coroutines.launch
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import java.util.concurrent.CyclicBarrier
import kotlin.concurrent.thread

class SignalTest {
    @Test
    fun `a signal has the value that was set`() {
        val signal = Signal(1)
        assertEquals(1, signal.value)
        signal.value = 2
        assertEquals(2, signal.value)
        signal.update { it * 10 }
        assertEquals(20, signal.value)
        assertEquals("Signal(20)", signal.toString())
    }

    @Test
    fun `a signal may hold null`() =
        blocking {
            val signal = Signal<String?>(null)
            signal.flow().test(SOON) {
                assertEquals(null, awaitItem())
                signal.value = "a"
                assertEquals("a", awaitItem())
                signal.value = null
                assertEquals(null, awaitItem())
                cancel()
            }
        }

    @Test
    fun `a flow has the value now and whenever it is another one`() =
        blocking {
            val signal = Signal("a")
            signal.flow().test(SOON) {
                assertEquals("a", awaitItem())
                signal.value = "b"
                assertEquals("b", awaitItem())
                signal.value = "b"
                signal.value = "c"
                assertEquals("c", awaitItem())
                expectNoEvents()
                cancel()
            }
        }

    @Test
    fun `what is the same is no change and the app may say what is the same`() =
        blocking {
            val runs = Channel<String>(Channel.UNLIMITED)
            val name = Signal("ann", isSame = { one, other -> one.equals(other, ignoreCase = true) })
            val job = effect { runs.trySend(name.value) }
            assertEquals("ann", runs.receive())
            name.value = "ANN"
            name.value = "bob"
            assertEquals("bob", runs.receive())
            job.cancelAndJoin()
            assertTrue(runs.tryReceive().isFailure)
            // Set all the same.
            name.value = "BOB"
            assertEquals("BOB", name.value)
        }

    @Test
    fun `a comparison that throws is no reason to leave out whoever has read the signal`() =
        blocking {
            val runs = Channel<Int>(Channel.UNLIMITED)
            val signal = Signal(0, isSame = { _, _ -> error("incomparable") })
            val job = effect { runs.trySend(signal.value) }
            assertEquals(0, runs.receive())
            assertThrows<IllegalStateException> { signal.value = 1 }
            assertEquals(1, runs.receive())
            assertThrows<IllegalStateException> { signal.update { it + 1 } }
            assertEquals(2, runs.receive())
            job.cancelAndJoin()
        }

    @Test
    fun `a StateFlow has the value`() =
        blocking {
            val scope = CoroutineScope(Job() + Dispatchers.Default)
            val signal = Signal(1)
            val state = signal.stateIn(scope)
            assertEquals(1, state.value)
            val two = launch { state.first { it == 2 } }
            signal.value = 2
            two.join()
            scope.coroutineContext.job.cancelAndJoin()
        }

    @Test
    fun `updates from many threads lose nothing and the last is seen`() =
        blocking {
            val (threads, times) = 8 to 500
            val signal = Signal(0)
            val last = launch(Dispatchers.Default) { signal.flow().first { it == threads * times } }
            val begin = CyclicBarrier(threads)
            List(threads) {
                thread {
                    begin.await()
                    repeat(times) { signal.update { it + 1 } }
                }
            }.forEach { it.join() }
            assertEquals(threads * times, signal.value)
            last.join()
        }

    @Test
    fun `many threads set and read signals while computeds and effects run`() =
        blocking {
            val signals = List(4) { Signal(0) }
            val sum = Computed { signals.sumOf { it.value } }
            val last = List(4) { launch(Dispatchers.Default) { sum.flow().first { it == 4 * 300 } } }
            List(4) { index ->
                thread {
                    repeat(300) {
                        signals[index].update { it + 1 }
                        assertTrue(sum.value <= 4 * 300)
                    }
                }
            }.forEach { it.join() }
            assertEquals(1_200, sum.value)
            last.forEach { it.join() }
        }

    @Test
    fun `a batch makes an effect due once`() =
        blocking {
            val (one, other) = List(2) { Signal(0) }
            val seen = Channel<Pair<Int, Int>>(Channel.UNLIMITED)
            val job = effect(Dispatchers.Default) { seen.trySend(one.value to other.value) }
            assertEquals(0 to 0, seen.receive())
            val result =
                batch {
                    one.value = 1
                    other.value = 1
                    batch { one.value = 2 }
                    one.value + other.value
                }
            assertEquals(3, result)
            assertEquals(2 to 1, seen.receive())
            job.cancelAndJoin()
            assertTrue(seen.tryReceive().isFailure)
        }

    @Test
    fun `in a batch a computed is of what was set there`() {
        val price = Signal(3)
        val total = Computed { price.value * 2 }
        assertEquals(6, total.value)
        batch {
            price.value = 4
            assertEquals(8, total.value)
        }
        assertEquals(8, total.value)
    }

    @Test
    fun `what a batch throws comes out of it and what was set stays`() =
        blocking {
            val signal = Signal(0)
            val thrown =
                assertThrows<IllegalStateException> {
                    batch {
                        signal.value = 1
                        error("mine")
                    }
                }
            assertEquals("mine", thrown.message)
            assertEquals(1, signal.value)
            signal.value = 2
            assertEquals(2, signal.flow().first())
        }

    @Test
    fun `what is read untracked makes nothing run again`() =
        blocking {
            val (tracked, other) = List(2) { Signal(0) }
            val seen = Channel<Int>(Channel.UNLIMITED)
            val job = effect { seen.trySend(tracked.value * 10 + untrack { other.value }) }
            assertEquals(0, seen.receive())
            other.value = 1
            tracked.value = 1
            assertEquals(11, seen.receive())
            other.value = 2
            job.cancelAndJoin()
            assertTrue(seen.tryReceive().isFailure)
            assertEquals("mine", assertThrows<IllegalStateException> { untrack { error("mine") } }.message)
            assertEquals(2, untrack { other.value })
        }

    @Test
    fun `a computed sets no signal`() {
        val signal = Signal(1)
        for (write in listOf<() -> Unit>({ signal.value = 2 }, { signal.update { it + 1 } })) {
            val writer =
                Computed {
                    write()
                    signal.value
                }
            refused<SyncException.Misuse>("a computed value must not write") { writer.value }
            refused<SyncException.Misuse>("must not write") { Computed { untrack { write() } }.value }
            refused<SyncException.Misuse>("must not write") { Computed { batch { write() } }.value }
            assertEquals(1, signal.value)
        }
    }

    @Test
    fun `an effect that reads what it sets ends when nothing changes any more`() =
        blocking {
            val signal = Signal(0)
            val done = Channel<Unit>(1)
            val job =
                effect(Dispatchers.Default) {
                    if (signal.value < 5) signal.update { it + 1 } else done.trySend(Unit)
                }
            done.receive()
            assertEquals(5, signal.value)
            job.cancelAndJoin()
        }
}
