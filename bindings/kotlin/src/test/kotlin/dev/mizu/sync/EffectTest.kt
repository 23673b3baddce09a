package dev.mizu.sync

import dev.mizu.sync.support.blocking
import dev.mizu.sync.testing.testClient
import kotlinx.coroutines.CoroutineExceptionHandler
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.asCoroutineDispatcher
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.job
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import java.util.concurrent.Executors
import java.util.concurrent.atomic.AtomicInteger

class EffectTest {
    private val seen = Channel<Any>(Channel.UNLIMITED)

    @Test
    fun `an effect runs now and again when what it has read is another one`() =
        blocking {
            testClient().use { client ->
                val job = effect(Dispatchers.Default) { seen.trySend(client.todos.count()) }
                assertEquals(0L, seen.receive())
                client.todos.add(Todo("Milk"))
                assertEquals(1L, seen.receive())
                job.cancelAndJoin()
            }
        }

    @Test
    fun `an effect depends on what it has read last`() =
        blocking {
            val isFirst = Signal(true)
            val (one, other) = List(2) { Signal(0) }
            val job = effect(Dispatchers.Default) { seen.trySend(if (isFirst.value) one.value else other.value) }
            assertEquals(0, seen.receive())
            other.value = 10
            one.value = 1
            assertEquals(1, seen.receive())
            isFirst.value = false
            assertEquals(10, seen.receive())
            one.value = 2
            other.value = 11
            assertEquals(11, seen.receive())
            job.cancelAndJoin()
            assertTrue(seen.tryReceive().isFailure)
        }

    @Test
    fun `an effect runs on the dispatcher of its scope or the one that is given`() =
        blocking {
            val executor = Executors.newSingleThreadExecutor { Thread(it, "mine") }
            executor.asCoroutineDispatcher().use { mine ->
                val signal = Signal(0)
                val scope = CoroutineScope(Job() + mine)
                val block = {
                    signal.value
                    seen.trySend(Thread.currentThread().name.substringBefore(" "))
                    Unit
                }
                scope.effect(block = block)
                assertEquals("mine", seen.receive())
                signal.value = 1
                assertEquals("mine", seen.receive())
                scope.coroutineContext.job.cancelAndJoin()
                effect(mine, block)
                    .also { assertEquals("mine", seen.receive()) }
                    .cancelAndJoin()
            }
        }

    @Test
    fun `an effect ends with its scope`() =
        blocking {
            val signal = Signal(0)
            val scope = CoroutineScope(Job() + Dispatchers.Default)
            scope.effect { seen.trySend(signal.value) }
            assertEquals(0, seen.receive())
            scope.coroutineContext.job.cancelAndJoin()
            signal.value = 1
            assertTrue(seen.tryReceive().isFailure)
        }

    @Test
    fun `an effect never runs twice at the same time and sees the last of several changes`() =
        blocking {
            val running = AtomicInteger()
            val signal = Signal(0)
            val job =
                effect(Dispatchers.Default) {
                    val value = signal.value
                    if (running.incrementAndGet() > 1) seen.trySend("overlapped")
                    Thread.yield()
                    running.decrementAndGet()
                    if (value == 4_000) seen.trySend(value)
                }
            List(4) { kotlin.concurrent.thread { repeat(1_000) { signal.update { it + 1 } } } }.forEach { it.join() }
            assertEquals(4_000, seen.receive())
            job.cancelAndJoin()
        }

    @Test
    fun `an effect may write`() =
        blocking {
            testClient().use { client ->
                val title = Signal("Milk")
                val job =
                    effect(Dispatchers.Default) {
                        val todo = Todo(title.value)
                        untrack { runBlocking { client.todos.add(todo) } }
                        seen.trySend(client.todos.all().map { it.value.title })
                    }
                assertEquals(listOf("Milk"), seen.receive())
                title.value = "Bread"
                var titles = seen.receive()
                while (titles != listOf("Milk", "Milk", "Bread") && titles != listOf("Milk", "Bread")) {
                    titles = seen.receive()
                }
                job.cancelAndJoin()
            }
        }

    @Test
    fun `an effect in an effect has dependencies of its own`() =
        blocking {
            val (outer, inner) = List(2) { Signal(0) }
            val scope = CoroutineScope(Job() + Dispatchers.Unconfined)
            val job =
                scope.effect {
                    seen.trySend("outer ${outer.value}")
                    if (outer.value == 0) scope.effect { seen.trySend("inner ${inner.value}") }
                }
            assertEquals(listOf("outer 0", "inner 0"), List(2) { seen.receive() })
            inner.value = 1
            assertEquals("inner 1", seen.receive())
            outer.value = 1
            assertEquals("outer 1", seen.receive())
            job.cancelAndJoin()
            inner.value = 2
            assertEquals("inner 2", seen.receive())
            scope.coroutineContext.job.cancelAndJoin()
        }

    @Test
    fun `an effect that is made in a batch runs there and once more after it`() =
        blocking {
            val signal = Signal(0)
            val scope = CoroutineScope(Job() + Dispatchers.Unconfined)
            batch {
                signal.value = 1
                scope.effect { seen.trySend(signal.value) }
                signal.value = 2
            }
            assertEquals(listOf<Any>(1, 2), List(2) { seen.receive() })
            scope.coroutineContext.job.cancelAndJoin()
        }

    @Test
    fun `an effect goes on after the client that it reads was closed`() =
        blocking {
            val client = testClient()
            val other = Signal(0)
            val job =
                effect(Dispatchers.Default) {
                    val count = runCatching { client.todos.count() }.getOrDefault(-1)
                    seen.trySend("$count ${other.value}")
                }
            assertEquals("0 0", seen.receive())
            client.close()
            other.value = 1
            assertEquals("-1 1", seen.receive())
            job.cancelAndJoin()
        }
}
