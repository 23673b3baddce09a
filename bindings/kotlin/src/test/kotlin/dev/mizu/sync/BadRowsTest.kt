package dev.mizu.sync

import app.cash.turbine.test
import dev.mizu.sync.support.SOON
import dev.mizu.sync.support.assertSentence
import dev.mizu.sync.support.blocking
import dev.mizu.sync.support.refused
import dev.mizu.sync.testing.TestServer
import dev.mizu.sync.testing.testClient
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.first
import kotlinx.serialization.KSerializer
import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable
import kotlinx.serialization.descriptors.PrimitiveKind
import kotlinx.serialization.descriptors.PrimitiveSerialDescriptor
import kotlinx.serialization.encoding.Decoder
import kotlinx.serialization.encoding.Encoder
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertInstanceOf
import org.junit.jupiter.api.Test
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.Arguments.arguments
import org.junit.jupiter.params.provider.MethodSource

/** Entities that do not fit the app's class. */
class BadRowsTest {
    @Serializable
    data class Strict(
        val title: String,
        val done: Boolean = false,
        val count: Int = 0,
        val kind: Kind = Kind.SMALL,
        val day: Day? = null,
        val scores: Map<String, Int> = emptyMap(),
    ) {
        init {
            require(count >= 0) { "$title has $count" }
            check(count < 100) { "$title has $count" }
        }
    }

    @Serializable
    enum class Kind {
        @SerialName("small")
        SMALL,
    }

    /** With a serializer of the app's own, which throws what it likes. */
    @Serializable(with = Day.Serializer::class)
    data class Day(
        val text: String,
    ) {
        object Serializer : KSerializer<Day> {
            override val descriptor = PrimitiveSerialDescriptor("day", PrimitiveKind.STRING)

            override fun serialize(
                encoder: Encoder,
                value: Day,
            ) = encoder.encodeString(value.text)

            override fun deserialize(decoder: Decoder): Day = throw ArithmeticException(decoder.decodeString())
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("misfits")
    fun `one that does not fit is passed over in lists, told once and thrown by get`(
        json: String,
        words: String,
    ) = blocking {
        val told = Channel<SyncException>(Channel.UNLIMITED)
        TestServer().use { server ->
            server.putJson("user:1", "strict", "bad", json)
            server.put("user:1", "strict", "good", Strict("good"))
            server.client("user:1") { onError { told.trySend(it) } }.use { client ->
                val all = client.collection<Strict>("strict")
                val bad = all["bad"]
                for (call in listOf<suspend () -> Unit>(
                    { bad.get() },
                    { bad.row() },
                    { all.row("bad") },
                    { bad.flow().first() },
                    { bad.rowFlow().first() },
                    { bad.update { it } },
                    { client.batch { get(all, "bad") } },
                    { client.batch { update(all, "bad") { it } } },
                )) {
                    val failure = refused<SyncException.DoesNotFit>("strict", "bad", words) { call() }
                    assertFalse(CANARY in failure.stackTraceToString(), failure.stackTraceToString())
                }
                assertEquals(listOf("good"), all.all().map { it.id })
                assertEquals(listOf("good"), all.find { true }.map { it.id })
                assertEquals("good", all.query { orderBy("title") }.first()?.id)
                assertEquals("good", all.query { limit(2) }.first()?.id)
                assertEquals(listOf("good"), all.flow().first().map { it.id })
                assertEquals(2, all.count())
                assertEquals(true, all.has("bad"))
                val failure = assertInstanceOf(SyncException.DoesNotFit::class.java, told.receive())
                assertSentence(failure.message, "strict", "bad", words)
                assertFalse(CANARY in failure.stackTraceToString())
                client.delivered()
                assertEquals(null, told.tryReceive().getOrNull())
                bad.set(Strict("mended"))
                assertEquals(Strict("mended"), bad.get())
                assertEquals(listOf("bad", "good"), all.all().map { it.id })
            }
        }
    }

    @Test
    fun `a list goes on when one begins and ceases to fit`() =
        blocking {
            testClient().use { client ->
                val raw = client.collection<JsonObject>("todo")
                raw.create("a", json("""{"title":1}"""))
                client.todos.flow().test(SOON) {
                    assertEquals(0, awaitItem().size)
                    raw["a"].set(json("""{"title":"Milk"}"""))
                    assertEquals(listOf(Todo("Milk")), awaitItem().map { it.value })
                    raw["a"].set(json("""{"title":2}"""))
                    assertEquals(0, awaitItem().size)
                    cancel()
                }
            }
        }

    @Test
    fun `a class that has lost or gained a property still fits`() =
        blocking {
            @Serializable
            data class Before(
                val title: String,
                val colour: String,
            )

            @Serializable
            data class After(
                val title: String,
                val size: Int = 7,
            )
            testClient().use { client ->
                client.collection<Before>("thing").create("a", Before("Milk", "red"))
                val after = client.collection<After>("thing")["a"]
                assertEquals(After("Milk", 7), after.get())
                after.update { it.copy(size = 8) }
                assertEquals(Before("Milk", "red"), client.collection<Before>("thing")["a"].get())
            }
        }

    @Test
    fun `a Json that knows no other fields makes them a misfit`() =
        blocking {
            testClient { json = Json }.use { client ->
                client.collection<JsonObject>("todo").create("a", json("""{"title":"Milk","colour":"$CANARY"}"""))
                val failure = refused<SyncException.DoesNotFit>("todo") { client.todos["a"].get() }
                assertFalse(CANARY in failure.stackTraceToString())
            }
        }

    private fun json(text: String) = Json.parseToJsonElement(text) as JsonObject

    private companion object {
        const val CANARY = "canary-8d1f"

        @JvmStatic
        fun misfits() =
            listOf(
                arguments("""{"done":true,"text":"$CANARY"}""", "it has no \"title\""),
                arguments("""{"title":"a","done":"$CANARY"}""", "at $.done"),
                arguments("""{"title":null,"text":"$CANARY"}""", "at $.title"),
                arguments("""{"title":["$CANARY"]}""", "at $.title"),
                arguments("""{"title":"$CANARY","count":99999999999}""", "at $.count"),
                arguments("""{"title":"$CANARY","count":1.5}""", "at $.count"),
                arguments("""{"title":"a","kind":"$CANARY"}""", "at $.kind"),
                arguments("""{"title":"a","scores":{"$CANARY":"x"}}""", "at $.scores"),
                arguments("""{"title":"$CANARY","count":-1}""", "IllegalArgumentException"),
                arguments("""{"title":"$CANARY","count":100}""", "IllegalStateException"),
                arguments("""{"title":"a","day":"$CANARY"}""", "ArithmeticException"),
            )
    }
}
