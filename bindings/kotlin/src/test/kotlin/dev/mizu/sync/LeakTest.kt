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
import kotlin.concurrent.thread
import kotlin.time.Duration.Companion.seconds

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
        blocking(LONG) {
            val before = Held.atRest()
            val rounds =
                List(2) {
                    repeat(5_000) { useAndDropScreen(isChanged = it % 4 == 0) }
                    Held.assertNoMoreThan(before)
                    Held.memory()
                }
            assertBounded(rounds)
        }

    private suspend fun useAndDropScreen(isChanged: Boolean) {
        val screen = Screen()
        val scope = CoroutineScope(Job() + Dispatchers.Unconfined)
        var seen = 0
        val effect = scope.effect { seen = screen.double.value }
        if (isChanged) {
            screen.number.value = 2
            check(seen == 4 && screen.shown.value == 6)
        }
        effect.cancelAndJoin()
    }

    @Test
    fun `computeds over data`() =
        blocking(LONG) {
            testClient().use { client ->
                val before = Held.atRest()
                repeat(500) { check(Screen(client).shown.value == 0) }
                client.todos.create("a", Todo("Milk"))
                Held.assertNoMoreThan(before)
            }
        }

    @Test
    fun `handles of which a copy was kept`() =
        blocking(LONG) {
            testClient().use { client ->
                client.todos.create("a", Todo("Milk"))
                val before = Held.atRest()
                repeat(1_000) {
                    val handle = client.todos["a"]
                    repeat(3) { check(handle.get() == Todo("Milk")) }
                }
                Held.assertNoMoreThan(before)
            }
        }

    @Test
    fun `subscriptions of flows`() =
        blocking(LONG) {
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
        blocking(LONG) {
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
        blocking(LONG) {
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
    ) = blocking(LONG) {
        TestServer().use { server ->
            useDevices(server, folder, 1) { it.close() }
            val before = Held.atRest()
            val rounds =
                List(2) {
                    useDevices(server, folder, 50) { it.close() }
                    Held.assertNoMoreThan(before)
                    Held.memory()
                }
            assertBounded(rounds)
        }
    }

    @Test
    fun `clients that were dropped`(
        @TempDir folder: File,
    ) = blocking(LONG) {
        TestServer().use { server ->
            val before = Held.atRest()
            val rounds =
                List(2) {
                    useDevices(server, folder, 50) { }
                    Held.assertNoMoreThan(before)
                    Held.memory()
                }
            assertBounded(rounds)
        }
    }

    /** On a thread of its own, so that no frame of a coroutine keeps the last. */
    private fun useDevices(
        server: TestServer,
        folder: File,
        count: Int,
        leave: (SyncClient) -> Unit,
    ) = thread {
        repeat(count) { index ->
            val file = if (index % 2 == 0) File.createTempFile("leak", ".db", folder).apply { delete() } else null
            blocking { Device(server.url, file).use(isStarted = index % 3 == 0, leave) }
        }
    }.join()

    private suspend fun Device.use(
        isStarted: Boolean,
        leave: (SyncClient) -> Unit,
    ) {
        client.todos.add(Todo("Milk"))
        check(titles.value.first() == "Milk")
        if (isStarted) {
            client.start()
            client.waitForFirstSync()
        }
        check(
            client.todos
                .flow()
                .first()
                .isNotEmpty(),
        )
        leave(client)
    }

    @Test
    fun `clients that could not be opened or were dropped before they were`() =
        blocking(LONG) {
            SyncClient("not a url", "user:1").use { }
            val before = Held.atRest()
            repeat(100) {
                SyncClient("not a url", "user:1").runCatching { clientId }
                testClient()
                testClient().start()
            }
            Held.assertNoMoreThan(before)
        }

    /** The first round warms up. The JVM takes more of the system when it likes: that limit is for what nobody counts. */
    private fun assertBounded(rounds: List<Held.Memory>) {
        val (first, last) = rounds.first() to rounds.last()
        assertTrue(last.heap - first.heap < 16 && last.process - first.process < 128, "in MiB: $rounds")
    }

    private companion object {
        val LONG = 110.seconds
    }
}
