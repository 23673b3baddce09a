package dev.mizu.sync

import app.cash.turbine.test
import kotlinx.coroutines.test.runTest
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

class PlaceholderTest {
    @Test
    fun `a placeholder is JSON`() {
        assertEquals("""{"title":"Milk"}""", Placeholder("Milk").json())
    }

    @Test
    fun `its titles flow`() =
        runTest {
            Placeholder("Milk").titles().test {
                assertEquals("Milk", awaitItem())
                awaitComplete()
            }
        }
}
