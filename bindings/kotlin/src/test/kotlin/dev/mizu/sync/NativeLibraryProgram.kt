package dev.mizu.sync

import dev.mizu.sync.testing.TestServer
import dev.mizu.sync.testing.testClient
import kotlinx.coroutines.runBlocking
import java.util.concurrent.CountDownLatch

/** What an app meets that has no native library, or not the right one: each exception on a line. */
fun main(arguments: Array<String>) {
    if (arguments.firstOrNull() == "open") return leaveOpen()
    val isTold = CountDownLatch(1)
    val client =
        testClient {
            onError {
                say("onError", it)
                isTold.countDown()
            }
        }
    isTold.await()
    val uses =
        mapOf<String, suspend () -> Unit>(
            "read" to { client.todos.count() },
            "write" to { client.todos.add(Todo("Milk")) },
            "signal" to { Computed { Signal(1).value }.value },
            "server" to { TestServer() },
            "close" to { client.close() },
        )
    for ((name, use) in uses) {
        val thrown = runBlocking { runCatching { use() }.exceptionOrNull() }
        if (thrown == null) println("$name works") else say(name, thrown)
    }
}

private fun say(
    name: String,
    thrown: Throwable,
) = println("$name ${thrown.javaClass.simpleName}: ${thrown.message}")

/** An app that ends without closing what it has. */
private fun leaveOpen() {
    val server = TestServer()
    val isOnline = CountDownLatch(1)
    val client = SyncClient(server.url, "user:1") { onOnline { isOnline.countDown() } }
    client.start()
    isOnline.await()
    println("it ends")
}
