package dev.mizu.sync

import dev.mizu.sync.support.Crossings
import dev.mizu.sync.support.Looking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.BeforeAll
import org.junit.jupiter.api.Test

/** How often what an app does crosses the boundary to the core. */
class CallsTest {
    @Test
    fun `a write is one call`() {
        assertEquals(listOf("nativeclient_write"), seen("create").calls)
        assertEquals(listOf("new_id", "nativeclient_write"), seen("add").calls)
        assertEquals(listOf("nativeclient_write"), seen("delete").calls)
        assertNoCallbacks("create", "add", "delete")
    }

    @Test
    fun `an update is one call back in one call`() {
        assertEquals(listOf("nativeclient_change"), seen("update").calls)
        assertEquals(listOf("Change.change"), seen("update").callbacks)
    }

    @Test
    fun `a batch is one call for each of its writes and two more`() {
        val writes = List(10) { "nativebatch_write" }
        assertEquals(listOf("nativeclient_batch") + writes + "nativebatch_commit", seen("batch of 10").calls)
        assertNoCallbacks("batch of 10")
    }

    @Test
    fun `a delivery is one callback and one call whatever is new`() {
        assertEquals(seen("update").calls + "nativefeed_next", seen("update that is shown").calls)
        assertEquals(seen("update").callbacks + "Listener.ready", seen("update that is shown").callbacks)
        assertEquals(seen("batch of 10").calls + "nativerows_next", seen("batch of 10 that is shown").calls)
        assertEquals(listOf("Listener.ready"), seen("batch of 10 that is shown").callbacks)
    }

    @Test
    fun `all rows of a query are one call`() {
        assertEquals(listOf("nativequery_rows"), seen("all").calls)
        assertNoCallbacks("all")
    }

    @Test
    fun `what is read for the first time is one call`() =
        assertEquals(listOf("nativeclient_get"), seen("get by another handle").calls)

    @Test
    fun `what is read again outside of what is tracked is none`() {
        for (act in listOf("get", "signal", "computed", "computed of data")) {
            assertEquals(Crossings(emptyList(), emptyList(), 0), seen(act), act)
        }
    }

    @Test
    fun `a change of what is kept here is told by one callback more`() {
        assertEquals(seen("update").callbacks + "Listener.ready", seen("update of what is kept").callbacks)
        assertEquals(seen("update").calls, seen("update of what is kept").calls)
        val set = seen("set of what a kept value is made of")
        assertEquals(listOf("nativesignal_changed") to listOf("Listener.ready"), set.calls to set.callbacks)
    }

    @Test
    fun `a signal that nobody has read in what is tracked is set without a call`() =
        assertEquals(Crossings(emptyList(), emptyList(), 0), seen("set of what nobody has read"))

    private fun assertNoCallbacks(vararg acts: String) {
        for (act in acts) assertEquals(emptyList<String>(), seen(act).callbacks, act)
    }

    private companion object {
        private lateinit var all: Map<String, Crossings>

        fun seen(act: String) = all.getValue(act)

        @BeforeAll
        @JvmStatic
        fun look() {
            val library = mapOf("jna.library.path" to System.getProperty("jna.library.path"))
            all = Looking.at("dev.mizu.sync.CallsProgramKt", library)
            for ((act, crossings) in all) println("$act: $crossings")
        }
    }
}
