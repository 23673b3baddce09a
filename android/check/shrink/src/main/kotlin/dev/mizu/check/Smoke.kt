package dev.mizu.check

import dev.mizu.sync.Computed
import dev.mizu.sync.Row
import dev.mizu.sync.Signal
import dev.mizu.sync.SyncClient
import dev.mizu.sync.SyncException
import dev.mizu.sync.effect
import dev.mizu.sync.testing.TestServer
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import kotlinx.serialization.Serializable
import java.io.File
import kotlin.time.Duration.Companion.seconds

@Serializable
internal data class Todo(
    val title: String,
    val done: Boolean = false,
)

/** An app that is shrunk and must still work: it goes through everything that the rules keep. */
public object Smoke {
    private var passed = 0

    @JvmStatic
    public fun main(args: Array<String>) {
        runBlocking {
            withTimeout(60.seconds) {
                TestServer().use { server ->
                    writesAndFlows(server)
                    callbacks(server)
                    signals()
                    errors()
                }
            }
        }
        println("smoke: $passed passed, 0 failed")
    }

    private suspend fun writesAndFlows(server: TestServer) {
        val file = File.createTempFile("smoke", ".db").also { it.delete() }
        SyncClient(server.url, "user:1") { database = file }.use { client ->
            client.start()
            val todos = client.collection<Todo>("todo")
            todos.create("t1", Todo("Milk")).update { it.copy(done = true) }
            client.batch { create(todos, "t2", Todo("Bread")) }
            client.flush()
            val done = todos.query { where("done" eq true) }.flow().first()
            passes(done == listOf(Row("t1", Todo("Milk", done = true))))
            passes(server.get<Todo>("user:1", "todo", "t2") == Todo("Bread"))
            passes("${client.status.value}" == "online")
            client.wipe(loseUnsent = true)
        }
    }

    private suspend fun callbacks(server: TestServer) {
        val refused = CompletableDeferred<String>()
        val synced = CompletableDeferred<Long>()
        server.reject("todo.create", "conflict", "somebody was faster")
        val client =
            SyncClient(server.url, "user:2") {
                onRejected { refused.complete("$it") }
                onSync { synced.complete(it) }
                onError { throw it }
            }
        client.use {
            client.start()
            client.collection<Todo>("todo").add(Todo("Milk"))
            passes("somebody was faster" in refused.await())
            synced.await()
            passes(client.rejected.value.size == 1)
        }
        server.accept("todo.create")
    }

    private suspend fun signals() {
        val count = Signal(1)
        val double = Computed { count.value * 2 }
        val seen = CompletableDeferred<Int>()
        runBlocking {
            val effect = effect(Dispatchers.Default) { if (double.value > 2) seen.complete(double.value) }
            count.value = 2
            passes(seen.await() == 4)
            effect.cancel()
        }
    }

    private fun errors() {
        val failure = SyncClient("no URL", "user:1").use { runCatching { it.status.value }.exceptionOrNull() }
        passes(failure is SyncException.InvalidOption)
    }

    private fun passes(holds: Boolean) {
        check(holds)
        passed++
    }
}
