package dev.mizu.sync.android

import androidx.compose.runtime.AbstractApplier
import androidx.compose.runtime.BroadcastFrameClock
import androidx.compose.runtime.Composition
import androidx.compose.runtime.Recomposer
import androidx.compose.runtime.snapshots.Snapshot
import dev.mizu.sync.Signal
import kotlinx.coroutines.launch
import kotlinx.coroutines.test.TestScope
import kotlinx.coroutines.test.runCurrent
import kotlinx.coroutines.test.runTest
import org.junit.Assert.assertEquals
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner

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
