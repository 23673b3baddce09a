package dev.mizu.sync

import dev.mizu.sync.support.blocking
import dev.mizu.sync.support.refused
import dev.mizu.sync.testing.previewClient
import dev.mizu.sync.testing.testClient
import kotlinx.coroutines.flow.first
import kotlinx.serialization.json.Json
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

class PreviewTest {
    @Test
    fun `a preview shows rows that are confirmed, on their way and refused`() =
        blocking {
            val client =
                previewClient {
                    row("todo", "a", Todo("Milk"))
                    row("todo", "b", Todo("Bread"))
                    row("todo", "c", Json.parseToJsonElement("""{"title":"Cheese","done":true}"""))
                    pending("todo", "b")
                    rejected("todo", "c", "conflict", "somebody has bought it")
                }
            client.use {
                val expected =
                    listOf(
                        Row("a", Todo("Milk")),
                        Row("b", Todo("Bread"), pending = true),
                        Row("c", Todo("Cheese", done = true), rejected = true),
                    )
                assertEquals(expected, client.todos.all())
                assertEquals(expected, client.todos.flow().first())
                assertEquals(1, client.pending.value.size)
                val refused = client.rejected.value.single()
                assertEquals("conflict" to "somebody has bought it", refused.code to refused.error)
                assertEquals("preview", client.scope)
            }
        }

    @Test
    fun `a preview can be used like any client`() =
        blocking {
            previewClient("user:1") { row("todo", "a", Todo("Milk")) }.use { client ->
                client.todos["a"].update { it.copy(done = true) }
                assertEquals(Todo("Milk", done = true), client.todos["a"].get())
            }
        }

    @Test
    fun `a preview that cannot be says why`() {
        previewClient { pending("todo", "nobody") }.use { client ->
            refused<SyncException.Misuse>("nobody") { client.todos.count() }
        }
        previewClient { row("todo", "a", "a text") }.use { client ->
            refused<SyncException.Misuse>("todo") { client.todos.count() }
        }
    }

    @Test
    fun `a client for tests has options and no server`() =
        blocking {
            testClient("user:9") { index("todo", "done") }.use { client ->
                assertEquals("user:9", client.scope)
                client.todos.add(Todo("Milk"))
                assertEquals(1, client.pending.value.size)
            }
        }
}
