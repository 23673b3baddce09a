package dev.mizu.sync

import dev.mizu.sync.support.blocking
import dev.mizu.sync.support.refused
import dev.mizu.sync.testing.testClient
import kotlinx.serialization.KSerializer
import kotlinx.serialization.Serializable
import kotlinx.serialization.builtins.ListSerializer
import kotlinx.serialization.builtins.nullable
import kotlinx.serialization.builtins.serializer
import kotlinx.serialization.descriptors.PrimitiveKind
import kotlinx.serialization.descriptors.PrimitiveSerialDescriptor
import kotlinx.serialization.encoding.Decoder
import kotlinx.serialization.encoding.Encoder
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Test
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.Arguments
import org.junit.jupiter.params.provider.Arguments.arguments
import org.junit.jupiter.params.provider.MethodSource

class BadValuesTest {
    private val client = testClient()

    @AfterEach
    fun close() = client.close()

    /** A value of a class, and the words that say why it cannot be stored. */
    class Case<T>(
        val serializer: KSerializer<T>,
        val value: T,
        vararg val words: String,
    )

    @ParameterizedTest(name = "{0}")
    @MethodSource("values")
    fun `a value that cannot be stored is refused wherever it is written`(
        name: String,
        case: Case<Any>,
    ) = blocking {
        val things = client.collection("thing", case.serializer)
        client.collection<Task>("thing").create("there", Task("there"))
        val writes =
            listOf<suspend () -> Unit>(
                { things.create("a", case.value) },
                { things.add(case.value) },
                { things["there"].set(case.value) },
                { client.batch { create(things, "a", case.value) } },
                { client.batch { set(things, "there", case.value) } },
                { client.mutate("expected", 1) { create(things, "a", case.value) } },
            )
        for (write in writes) {
            val failure = refused<SyncException.InvalidValue>("thing", "cannot be stored: ", *case.words) { write() }
            assertFalse(CANARY in failure.stackTraceToString(), name)
        }
        assertEquals(listOf("thing.create"), client.pending.value.map { it.name })
    }

    @Test
    fun `a value that an update cannot store is refused`() =
        blocking {
            val tasks = client.collection<Task>("task")
            val task = tasks.create("a", Task("Milk"))
            refused<SyncException.InvalidValue>("NaN") { task.update { it.copy(weight = Double.NaN) } }
            refused<SyncException.InvalidValue>("half") { task.update { it.copy(title = "\uDFFF$CANARY") } }
            refused<SyncException.InvalidValue>("task") { task.update { it.copy(title = "x".repeat(600_000)) } }
            assertEquals(Task("Milk"), task.get())
        }

    @Test
    fun `arguments that cannot be stored are refused`() =
        blocking {
            refused<SyncException.InvalidValue>(
                "the arguments of \"tick\"",
                "NaN",
            ) { client.mutate("tick", Double.NaN) }
            refused<SyncException.InvalidValue>("tick", "half of a character") { client.mutate("tick", "\uD800") }
            refused<SyncException.InvalidValue>("tick") { client.mutate("tick", "x".repeat(600_000)) }
            refused<SyncException.InvalidValue>("tick") { client.mutate("tick", nested(70)) }
            refused<SyncException.InvalidValue>("tick") { client.batch { mutate("tick", Double.NaN) } }
            val failure =
                refused<SyncException.InvalidValue>("has thrown") { client.mutate("tick", Grudge, CANARY, null) }
            assertFalse(CANARY in failure.stackTraceToString())
            assertEquals(0, client.pending.value.size)
        }

    @ParameterizedTest(name = "{0}")
    @MethodSource("names")
    fun `names and ids that the protocol cannot carry are refused`(
        name: String,
        call: suspend SyncClient.() -> Unit,
    ) = blocking {
        refused<SyncException.InvalidValue> { client.call() }
        assertEquals(0, client.pending.value.size, name)
    }

    /** A serializer of the app's own that tells what it was given. */
    private object Grudge : KSerializer<String> {
        override val descriptor = PrimitiveSerialDescriptor("grudge", PrimitiveKind.STRING)

        override fun serialize(
            encoder: Encoder,
            value: String,
        ): Unit = error("I do not like $value")

        override fun deserialize(decoder: Decoder): String = error("I do not like ${decoder.decodeString()}")
    }

    @Serializable
    data class Node(
        val next: Node?,
    )

    private companion object {
        const val CANARY = "canary-8d1f"
        const val OBJECT = "does not serialise to a JSON object"

        fun nested(depth: Int): JsonElement =
            (1..depth).fold(JsonPrimitive(1) as JsonElement) { inner, _ -> JsonArray(listOf(inner)) }

        @Suppress("UNCHECKED_CAST")
        fun <T> case(
            name: String,
            serializer: KSerializer<T>,
            value: T,
            vararg words: String,
        ): Arguments = arguments(name, Case(serializer as KSerializer<Any?>, value as Any?, *words))

        @JvmStatic
        fun values() =
            listOf(
                case("a list", ListSerializer(Int.serializer()), listOf(1), OBJECT),
                case("a text", String.serializer(), CANARY, OBJECT),
                case("a number", Int.serializer(), 7, OBJECT),
                case("null", Todo.serializer().nullable, null, OBJECT),
                case("NaN", Task.serializer(), Task(CANARY, weight = Double.NaN), "NaN or infinite"),
                case("infinite", Task.serializer(), Task(CANARY, weight = Double.NEGATIVE_INFINITY), "NaN or infinite"),
                case("a lone surrogate", Todo.serializer(), Todo("$CANARY\uD83D"), "half of a character"),
                case("too large", Todo.serializer(), Todo(CANARY.repeat(60_000)), "524288"),
                case("too deep", JsonObject.serializer(), JsonObject(mapOf("a" to nested(70))), "64"),
                case("far too deep", Node.serializer(), chain(), "too deep"),
                case("a serializer that throws", Grudge, CANARY, "its serializer has thrown java.lang.IllegalState"),
            )

        private fun chain() = (1..200_000).fold(Node(null)) { next, _ -> Node(next) }

        fun call(
            name: String,
            call: suspend SyncClient.() -> Unit,
        ): Arguments = arguments(name, call)

        @JvmStatic
        fun names() =
            listOf(
                call("no id") { todos.create("", Todo("Milk")) },
                call("a long id") { todos.create("x".repeat(1_025), Todo("Milk")) },
                call("half of a character in an id") { todos.create("\uD800", Todo("Milk")) },
                call("half of a character in an id that is read") { todos["\uD800"].get() },
                call("half of a character in a query") { todos.query { where("title" eq "\uD800") }.all() },
                call("half of a character in a name") { collection<Todo>("\uDC00").count() },
                call("no collection") { collection<Todo>("").add(Todo("Milk")) },
                call("a long collection") { collection<Todo>("x".repeat(1_025)).add(Todo("Milk")) },
                call("no name of a mutation") { mutate("", 1) },
                call("a long name of a mutation") { mutate("x".repeat(1_025), 1) },
            )
    }
}
