package dev.mizu.sync

import dev.mizu.sync.support.blocking
import dev.mizu.sync.support.refused
import dev.mizu.sync.support.soon
import dev.mizu.sync.testing.TestServer
import dev.mizu.sync.testing.TestServer.Endpoint
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.EnumSource
import java.util.concurrent.CountDownLatch
import java.util.concurrent.atomic.AtomicBoolean
import kotlin.concurrent.thread

/** A callback that throws, blocks, calls back or closes breaks nothing. */
class CallbackFaultsTest {
    /** Each callback, and what makes the SDK call it. */
    enum class Kind(
        val install: SyncOptions.(SyncClient.() -> Unit) -> Unit,
        val provoke: suspend (TestServer, SyncClient) -> Unit,
    ) {
        SYNC({ act -> onSync { act() } }, { server, _ -> server.put("user:1", "note", "n", Todo("Note")) }),
        ERROR({ act -> onError { act() } }, { server, client ->
            server.answerStatus(Endpoint.PUSH, 503)
            client.todos.create("a", Todo("Milk"))
        }),
        ONLINE({ act -> onOnline { act() } }, { _, client ->
            client.setNetwork(isUp = false)
            client.setNetwork(isUp = true)
        }),
        OFFLINE({ act -> onOffline { act() } }, { _, client ->
            client.setNetwork(isUp = false)
            client.setNetwork(isUp = true)
        }),
        REJECTED({ act -> onRejected { act() } }, { server, client ->
            server.reject("todo.create", "conflict", "no")
            client.todos.create("a", Todo("Milk"))
        }),
        TOKEN_NEEDED({ act -> onTokenNeeded { act() } }, { server, client ->
            server.expireTokens()
            client.todos.create("a", Todo("Milk"))
        }),
    }

    /** What waits for a callback that was called. */
    private class Fault(
        val act: SyncClient.() -> Unit,
    ) {
        val isArmed = AtomicBoolean()
        val isCalled = CountDownLatch(1)

        fun SyncClient.run() {
            if (isArmed.get()) {
                isCalled.countDown()
                act()
            }
        }
    }

    private suspend fun withFault(
        kind: Kind,
        act: SyncClient.() -> Unit,
        test: suspend (TestServer, SyncClient) -> Unit,
    ) {
        val fault = Fault(act)
        TestServer().use { server ->
            server.requireToken("first")
            val client =
                server.client("user:1") {
                    principal = "ann"
                    token = "first"
                    onLog { }
                    kind.install(this) { with(fault) { run() } }
                }
            client.use {
                server.waitForSubscription("user:1")
                fault.isArmed.set(true)
                kind.provoke(server, client)
                fault.isCalled.soon()
                test(server, client)
            }
        }
    }

    /** Everything works: writes, reads, flows where [watched], and syncs. */
    private suspend fun assertWell(
        server: TestServer,
        client: SyncClient,
        watched: Boolean = true,
    ) {
        server.accept("todo.create")
        server.answerNormally()
        server.requireToken("second")
        client.setToken("second")
        client.setNetwork(isUp = true)
        client.todos.create("well", Todo("Well"))
        assertEquals(Todo("Well"), client.todos["well"].get())
        client.sync()
        assertEquals(Todo("Well"), server.get<Todo>("user:1", "todo", "well"))
        if (!watched) return
        val later = CompletableDeferred<Unit>()
        kotlinx.coroutines.coroutineScope {
            val flow =
                async {
                    client.todos["later"].flow().first { todo ->
                        later.complete(Unit)
                        todo != null
                    }
                }
            later.await()
            client.todos.create("later", Todo("Later"))
            assertEquals(Todo("Later"), flow.await())
        }
        client.delivered()
    }

    @ParameterizedTest
    @EnumSource
    fun `one that throws breaks nothing`(kind: Kind) =
        blocking {
            for (thrown in listOf(IllegalStateException("mine"), StackOverflowError("mine"))) {
                withFault(kind, { throw thrown }) { server, client -> assertWell(server, client) }
            }
        }

    @ParameterizedTest
    @EnumSource
    fun `one that blocks holds up no write, no read and no sync`(kind: Kind) =
        blocking {
            val goOn = CountDownLatch(1)
            withFault(kind, { goOn.soon() }) { server, client ->
                assertWell(server, client, watched = false)
                goOn.countDown()
                client.delivered()
            }
        }

    @ParameterizedTest
    @EnumSource
    fun `a client is stopped, paused and closed while one blocks`(kind: Kind) =
        blocking {
            val goOn = CountDownLatch(1)
            withFault(kind, { goOn.soon() }) { _, client ->
                client.stop()
                client.start()
                client.pause()
                client.resume()
                client.close()
                refused<SyncException.Closed>("closed") { client.todos.count() }
                goOn.countDown()
            }
        }

    @ParameterizedTest
    @EnumSource
    fun `one may call the client`(kind: Kind) =
        blocking {
            val done = Channel<Result<Unit>>(Channel.UNLIMITED)
            val act: SyncClient.() -> Unit = {
                done.trySend(
                    runCatching {
                        todos.all()
                        status.value
                        pending.value
                        rejected.value
                        runBlocking {
                            val added = collection<Todo>("called").add(Todo("from the callback"))
                            added.update { it.copy(done = true) }
                            batch { delete(collection<Todo>("called"), added.id) }
                            todos.flow().first()
                        }
                        setNetwork(isUp = true)
                        setForeground(isForeground = true)
                        notifyLive(1)
                    },
                )
            }
            withFault(kind, act) { server, client ->
                done.receive().getOrThrow()
                assertWell(server, client)
            }
        }

    @ParameterizedTest
    @EnumSource
    fun `one may stop and start the client`(kind: Kind) =
        blocking {
            val isFirst = AtomicBoolean(true)
            val done = CompletableDeferred<Unit>()
            val act: SyncClient.() -> Unit = {
                if (isFirst.getAndSet(false)) {
                    runBlocking {
                        stop()
                        pause()
                        resume()
                    }
                    start()
                    done.complete(Unit)
                }
            }
            withFault(kind, act) { server, client ->
                done.await()
                assertWell(server, client)
            }
        }

    @ParameterizedTest
    @EnumSource
    fun `one may close the client`(kind: Kind) =
        blocking {
            val done = CompletableDeferred<Unit>()
            val act: SyncClient.() -> Unit = {
                close()
                close()
                done.complete(Unit)
            }
            withFault(kind, act) { _, client ->
                done.await()
                refused<SyncException.Closed>("closed") { client.todos.count() }
            }
        }

    @ParameterizedTest
    @EnumSource
    fun `one may wipe the client`(kind: Kind) =
        blocking {
            val done = CompletableDeferred<Unit>()
            val act: SyncClient.() -> Unit = {
                if (!done.isCompleted) runBlocking { wipe(loseUnsent = true) }
                done.complete(Unit)
            }
            withFault(kind, act) { _, client ->
                done.await()
                refused<SyncException.Closed>("closed") { client.todos.count() }
            }
        }

    @Test
    fun `a log that throws, blocks, calls back or closes breaks nothing`() =
        blocking {
            val goOn = CountDownLatch(1)
            val acts =
                listOf<(SyncClient?) -> Unit>(
                    { error("mine") },
                    { throw StackOverflowError("mine") },
                    { goOn.soon() },
                    { it?.todos?.count() },
                    { it?.close() },
                )
            for (act in acts) {
                val called = CountDownLatch(1)
                var client: SyncClient? = null
                TestServer().use { server ->
                    server.putJson("user:1", "todo", "a", "{}")
                    client =
                        server.client("user:1") {
                            onLog {
                                if (it.target == "data") {
                                    called.countDown()
                                    act(client)
                                }
                            }
                        }
                    client.use {
                        it.todos.all()
                        called.soon()
                        if (act !== acts.last()) it.todos.create("b", Todo("Bread"))
                        goOn.countDown()
                    }
                }
            }
        }

    @Test
    fun `collectors that throw or block hold up no others`() =
        blocking {
            TestServer().use { server ->
                server.client("user:1").use { client ->
                    val goOn = CountDownLatch(1)
                    val flows =
                        client.run {
                            listOf(
                                todos.flow(),
                                todos.query().changes(),
                                todos.query().countFlow(),
                                todos["a"].flow(),
                                todos["a"].rowFlow(),
                                status.flow(),
                                pending.flow(),
                                rejected.flow(),
                            )
                        }
                    val areStuck = CountDownLatch(flows.size)
                    val stuck =
                        flows.map { flow ->
                            launch(Dispatchers.IO) {
                                flow.collect {
                                    areStuck.countDown()
                                    goOn.soon()
                                }
                            }
                        }
                    areStuck.soon()
                    for (flow in flows) assertTrue(runCatching { flow.collect { error("mine") } }.isFailure)
                    val rows = async { client.todos.flow().first { it.size == 3 } }
                    repeat(3) { client.todos.add(Todo("todo $it")) }
                    rows.await()
                    client.flush()
                    client.delivered()
                    client.close()
                    goOn.countDown()
                    stuck.forEach { it.join() }
                }
            }
        }

    @Test
    fun `a collector may close the client`() =
        blocking {
            TestServer().use { server ->
                val client = server.client("user:1")
                val collector = launch { client.todos.flow().collect { if (it.isNotEmpty()) client.close() } }
                client.todos.add(Todo("Milk"))
                collector.join()
                refused<SyncException.Closed>("closed") { client.todos.count() }
            }
        }

    @Test
    fun `the garbage collector takes nothing that is still called`() =
        blocking {
            val isOver = AtomicBoolean()
            val collector = thread { while (!isOver.get()) System.gc() }
            try {
                TestServer().use { server ->
                    val synced = Channel<Long>(Channel.UNLIMITED)
                    server.client("user:1") { onSync { synced.trySend(it) } }.use { client ->
                        val sum = Computed { client.todos.all().sumOf { it.value.title.length } }
                        val flow = async(Dispatchers.Default) { sum.flow().first { it == 30 } }
                        val effects = Channel<Long>(Channel.UNLIMITED)
                        val effect = effect(Dispatchers.Default) { effects.trySend(client.todos.count()) }
                        repeat(30) {
                            client.todos.create("t%02d".format(it), Todo("x"))
                            server.put("user:1", "note", "n$it", Todo("Note"))
                        }
                        client.sync()
                        flow.await()
                        do {
                            val count = effects.receive()
                        } while (count != 30L)
                        do {
                            val cursor = synced.receive()
                        } while (cursor < client.cursor)
                        effect.cancel()
                    }
                }
            } finally {
                isOver.set(true)
                collector.join()
            }
        }
}
