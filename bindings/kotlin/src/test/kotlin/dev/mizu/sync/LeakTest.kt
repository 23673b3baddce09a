package dev.mizu.sync

import dev.mizu.sync.support.Held
import dev.mizu.sync.support.blocking
import dev.mizu.sync.testing.TestServer
import dev.mizu.sync.testing.testClient
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.job
import kotlinx.coroutines.launch
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import java.io.File

/** What is made and dropped leaves nothing behind. */
class LeakTest {
    /** An object whose computed and callbacks lead back to it, as those of an app do. */
    private class Screen(
        client: SyncClient? = null,
    ) {
        val number = Signal(0)
        val double = Computed { number.value * 2 }
        val shown = Computed { if (client?.todos?.has("a") == true) 0 else double.value + number.value }
    }

    private class Device(
        url: String,
        file: File?,
    ) {
        var told = 0
        val client =
            SyncClient(url, "user:1") {
                database = file
                upcast("todo", to = 2) { it.also { told++ } }
                onSync { told++ }
                onError { told++ }
                onOnline { told++ }
                onOffline { told++ }
                onRejected { told++ }
                onTokenNeeded { told++ }
                onLog { told++ }
            }
        val titles = Computed { client.todos.all().map { it.value.title } }
    }

    @Test
    fun `signals, computeds and effects`() =
        blocking {
            val before = Held.atRest()
            val rounds =
                List(3) {
                    repeat(10_000) { useAndDropScreen() }
                    Held.assertNoMoreThan(before)
                    Held.memory()
                }
            assertBounded(rounds)
        }

    private suspend fun useAndDropScreen() {
        val screen = Screen()
        val scope = CoroutineScope(Job() + Dispatchers.Unconfined)
        var seen = 0
        val effect = scope.effect { seen = screen.shown.value }
        screen.number.value = 2
        check(seen == 6)
        effect.cancelAndJoin()
    }

    @Test
    fun `computeds over data`() =
        blocking {
            testClient().use { client ->
                val before = Held.atRest()
                repeat(500) { check(Screen(client).shown.value == 0) }
                client.todos.create("a", Todo("Milk"))
                Held.assertNoMoreThan(before)
            }
        }

    @Test
    fun `subscriptions of flows`() =
        blocking {
            testClient().use { client ->
                client.todos.create("a", Todo("Milk"))
                val flows =
                    client.run {
                        listOf<Flow<Any?>>(
                            todos.flow(),
                            todos.query { where("done" eq false) }.changes(),
                            todos.query().countFlow(),
                            todos["a"].flow(),
                            status.flow(),
                            pending.flow(),
                            rejected.flow(),
                            Signal(1).flow(),
                        )
                    }
                flows.forEach { it.first() }
                val before = Held.atRest()
                val rounds =
                    List(2) {
                        repeat(5_000) { flows[it % flows.size].first() }
                        Held.assertNoMoreThan(before)
                        Held.memory()
                    }
                assertBounded(rounds)
            }
        }

    @Test
    fun `subscriptions that were never collected`() =
        blocking {
            testClient().use { client ->
                val before = Held.atRest()
                repeat(1_000) {
                    client.todos.query { where("title" eq "$it") }.flow()
                    val scope = CoroutineScope(Job() + Dispatchers.Default)
                    client.todos.query { where("title" eq "$it") }.stateIn(scope)
                    scope.coroutineContext.job.cancelAndJoin()
                }
                Held.assertNoMoreThan(before)
            }
        }

    @Test
    fun `waits that were cancelled`() =
        blocking {
            TestServer().use { server ->
                server.client("user:1").use { client ->
                    server.waitForSubscription("user:1")
                    server.hang()
                    client.todos.add(Todo("Milk"))
                    val before = Held.atRest()
                    repeat(200) {
                        launch(start = CoroutineStart.UNDISPATCHED) { client.flush() }.cancelAndJoin()
                        launch(Dispatchers.Default) { client.delivered() }.cancelAndJoin()
                    }
                    client.delivered()
                    Held.assertNoMoreThan(before)
                    server.release()
                }
            }
        }

    @Test
    fun `clients that were closed`(
        @TempDir folder: File,
    ) = blocking {
        TestServer().use { server ->
            useDevices(server, folder, 5) { it.close() }
            val before = Held.atRest()
            val rounds =
                List(2) {
                    useDevices(server, folder, 50) { it.close() }
                    Held.assertNoMoreThan(before, OF_ONE_DEVICE)
                    Held.memory()
                }
            assertBounded(rounds)
        }
    }

    @Test
    fun `clients that were dropped`(
        @TempDir folder: File,
    ) = blocking {
        TestServer().use { server ->
            useDevices(server, folder, 5) { }
            val before = Held.atRest()
            val rounds =
                List(2) {
                    useDevices(server, folder, 50) { }
                    Held.assertNoMoreThan(before, OF_ONE_DEVICE)
                    Held.memory()
                }
            assertBounded(rounds)
        }
    }

    private suspend fun useDevices(
        server: TestServer,
        folder: File,
        count: Int,
        leave: (SyncClient) -> Unit,
    ) {
        repeat(count) { index ->
            val file = if (index % 2 == 0) File.createTempFile("leak", ".db", folder).apply { delete() } else null
            val device = Device(server.url, file)
            device.client.todos.create("t", Todo("Milk"))
            check(device.titles.value == listOf("Milk"))
            if (index % 3 == 0) {
                device.client.start()
                device.client.waitForFirstSync()
            }
            check(
                device.client.todos
                    .flow()
                    .first()
                    .size == 1,
            )
            leave(device.client)
        }
    }

    @Test
    fun `clients that could not be opened or were dropped before they were`() =
        blocking {
            SyncClient("not a url", "user:1").use { }
            val before = Held.atRest()
            repeat(100) {
                SyncClient("not a url", "user:1").runCatching { clientId }
                testClient()
                testClient().start()
            }
            Held.assertNoMoreThan(before)
        }

    /** A leak of the core's smallest object in each turn would grow without end; a heap that settles does not. */
    private fun assertBounded(rounds: List<Long>) {
        val growth = rounds.last() - rounds.first()
        assertTrue(growth < 64L * 1024 * 1024, "grown by ${growth / 1024} KiB: $rounds")
    }

    private companion object {
        /**
         * Nodes that the last device may have: a thread that has used it may still know of it. If devices left any behind,
         * it would be those of all.
         */
        const val OF_ONE_DEVICE = 16
    }
}
