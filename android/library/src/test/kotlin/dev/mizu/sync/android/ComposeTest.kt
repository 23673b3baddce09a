package dev.mizu.sync.android

import androidx.compose.runtime.AbstractApplier
import androidx.compose.runtime.BroadcastFrameClock
import androidx.compose.runtime.Composition
import androidx.compose.runtime.Recomposer
import androidx.compose.runtime.getValue
import androidx.compose.runtime.snapshots.Snapshot
import dev.mizu.sync.Signal
import dev.mizu.sync.testing.testClient
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.test.TestScope
import kotlinx.coroutines.test.runCurrent
import kotlinx.coroutines.test.runTest
import kotlinx.coroutines.withTimeout
import kotlinx.coroutines.yield
import org.junit.Assert.assertEquals
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import kotlin.time.Duration.Companion.seconds

@RunWith(RobolectricTestRunner::class)
class ComposeTest {
    @Test
    fun `a signal becomes a state`() =
        runTest {
            val seen = mutableListOf<String>()
            val title = Signal("Milk")
            val clock = BroadcastFrameClock()
            val recomposer = Recomposer(coroutineContext + clock)
            val running = launch(clock) { recomposer.runRecomposeAndApplyChanges() }
            val composition = Composition(Nothing(), recomposer)
            composition.setContent { seen += title.collectAsState().value }
            frame(clock)
            title.value = "Bread"
            frame(clock)
            composition.dispose()
            recomposer.close()
            running.join()
            assertEquals(listOf("Milk", "Bread"), seen.distinct())
        }

    @Test
    fun `the rows of a query and an entity become states`() =
        runBlocking {
            testClient().use { client ->
                val todos = client.collection<Todo>("todo")
                todos.create("t1", Todo("Milk"))
                val query = todos.query()
                val shown = Channel<List<Todo?>>(Channel.UNLIMITED)
                val clock = BroadcastFrameClock()
                val recomposer = Recomposer(coroutineContext + clock)
                val running = launch(clock) { recomposer.runRecomposeAndApplyChanges() }
                val frames = launch { frames(clock) }
                val composition = Composition(Nothing(), recomposer)
                composition.setContent {
                    // The handle is another one each time, and equal.
                    val row by todos["t1"].collectAsState()
                    val rows by query.collectAsState()
                    shown.trySend(rows.map { it.value } + row?.value)
                }
                shown.reaches(listOf(Todo("Milk"), Todo("Milk")))
                todos["t1"].set(Todo("Bread"))
                shown.reaches(listOf(Todo("Bread"), Todo("Bread")))
                composition.dispose()
                frames.cancel()
                recomposer.close()
                running.join()
            }
        }

    @Test
    fun `a screen of a closed client keeps what it shows`() =
        runTest {
            val client = testClient().apply { close() }
            val seen = mutableListOf<Int>()
            val clock = BroadcastFrameClock()
            val recomposer = Recomposer(coroutineContext + clock)
            val running = launch(clock) { recomposer.runRecomposeAndApplyChanges() }
            val composition = Composition(Nothing(), recomposer)
            val todos = client.collection<Todo>("todo")
            composition.setContent {
                seen += todos.query().collectAsState().value.size
                todos["t1"].collectAsState().value?.let { seen += 1 }
            }
            frame(clock)
            composition.dispose()
            recomposer.close()
            running.join()
            assertEquals(listOf(0), seen.distinct())
        }

    private suspend fun frames(clock: BroadcastFrameClock) {
        while (true) {
            Snapshot.sendApplyNotifications()
            clock.sendFrame(0)
            yield()
        }
    }

    private suspend fun Channel<List<Todo?>>.reaches(todos: List<Todo>) {
        withTimeout(60.seconds) { while (receive() != todos) continue }
    }

    private fun TestScope.frame(clock: BroadcastFrameClock) {
        runCurrent()
        Snapshot.sendApplyNotifications()
        runCurrent()
        clock.sendFrame(0)
        runCurrent()
    }

    private class Nothing : AbstractApplier<Unit>(Unit) {
        override fun insertBottomUp(
            index: Int,
            instance: Unit,
        ) = Unit

        override fun insertTopDown(
            index: Int,
            instance: Unit,
        ) = Unit

        override fun move(
            from: Int,
            to: Int,
            count: Int,
        ) = Unit

        override fun onClear() = Unit

        override fun remove(
            index: Int,
            count: Int,
        ) = Unit
    }
}
