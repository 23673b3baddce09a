package dev.mizu.sync

import dev.mizu.sync.support.blocking
import dev.mizu.sync.support.soon
import dev.mizu.sync.testing.TestServer
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.joinAll
import kotlinx.coroutines.launch
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import java.util.concurrent.CountDownLatch

class StarvedTest {
    @Test
    fun `an app whose threads for I-O all wait for something else goes on reading, writing and syncing`() =
        blocking {
            TestServer().use { server ->
                server.client("user:1").use { client ->
                    val isOver = CountDownLatch(1)
                    // More than there are.
                    val waiting = List(256) { launch(Dispatchers.IO) { isOver.soon() } }
                    try {
                        client.todos.create("a", Todo("Milk"))
                        client.batch { create(client.todos, "b", Todo("Bread")) }
                        assertEquals(2, client.todos.flow().first().size)
                        client.sync()
                        assertEquals(2, server.count("user:1", "todo"))
                    } finally {
                        isOver.countDown()
                    }
                    waiting.joinAll()
                }
            }
        }
}
