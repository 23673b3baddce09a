package dev.mizu.sync.scenarios

import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.booleanOrNull
import kotlinx.serialization.json.contentOrNull
import kotlinx.serialization.json.longOrNull

/** A scenario does not hold, or is none. */
class Wrong(
    message: String,
) : AssertionError(message)

/** One step, whose arguments are taken one by one, so that what nobody takes is noticed. */
class Step private constructor(
    val name: String,
    private val arguments: MutableMap<String, JsonElement>,
) {
    fun copy() = Step(name, arguments.toMutableMap())

    fun optional(key: String): JsonElement? = arguments.remove(key)

    fun value(key: String): JsonElement = optional(key) ?: throw Wrong("$name needs \"$key\"")

    fun text(key: String): String = optionalText(key) ?: throw Wrong("$name needs the text \"$key\"")

    fun optionalText(key: String): String? =
        optional(key)?.let {
            (it as? JsonPrimitive)?.takeIf(JsonPrimitive::isString)?.content
                ?: wants(key, "a text", it)
        }

    fun number(key: String): Long = optionalNumber(key) ?: throw Wrong("$name needs the number \"$key\"")

    fun optionalNumber(key: String): Long? =
        optional(key)?.let { (it as? JsonPrimitive)?.longOrNull ?: wants(key, "a whole number", it) }

    /** `false` where it is left out. */
    fun flag(key: String): Boolean = optionalFlag(key) ?: false

    fun optionalFlag(key: String): Boolean? =
        optional(key)?.let { (it as? JsonPrimitive)?.booleanOrNull ?: wants(key, "true or false", it) }

    /** Empty where it is left out. */
    fun list(key: String): List<JsonElement> =
        optional(key)?.let { it as? JsonArray ?: wants(key, "a list", it) }.orEmpty()

    fun texts(key: String): List<String> =
        list(key).map {
            (it as? JsonPrimitive)?.contentOrNull
                ?: wants(key, "texts", it)
        }

    fun steps(key: String): List<JsonObject> = list(key).map { it as? JsonObject ?: wants(key, "steps", it) }

    /** Empty where it is left out. */
    fun fields(key: String): Map<String, JsonElement> =
        optional(key)?.let { it as? JsonObject ?: wants(key, "an object", it) }.orEmpty()

    fun has(key: String): Boolean = key in arguments

    /** The whole of it, of which nothing is left here. */
    fun take(): Step = copy().also { arguments.clear() }

    /** That every argument was taken. */
    fun end() {
        arguments.keys.firstOrNull()?.let { throw Wrong("$name does not know \"$it\"") }
    }

    private fun wants(
        key: String,
        what: String,
        found: JsonElement,
    ): Nothing = throw Wrong("\"$key\" of $name is to be $what, not $found")

    companion object {
        private val runLater = setOf("steps", "when", "writes", "expect")

        /** Reads a step. [variable] gives what a variable holds; what runs later has its own filled in then. */
        fun of(
            json: JsonObject,
            variable: (String) -> JsonElement? = { null },
        ): Step {
            val arguments = json.mapValues { (key, value) -> if (key in runLater) value else filled(value, variable) }
            val name = (json["do"] as? JsonPrimitive)?.contentOrNull ?: throw Wrong("$json does nothing")
            return Step(name, (arguments - "do").toMutableMap())
        }

        private fun filled(
            value: JsonElement,
            variable: (String) -> JsonElement?,
        ): JsonElement =
            when (value) {
                is JsonObject -> JsonObject(value.mapValues { (_, part) -> filled(part, variable) })
                is JsonArray -> JsonArray(value.map { filled(it, variable) })
                is JsonPrimitive -> if (value.isString) filled(value.content, variable) else value
            }

        private val reference = Regex("""\$\{([^}]*)\}""")

        private fun filled(
            text: String,
            variable: (String) -> JsonElement?,
        ): JsonElement {
            fun held(name: String) = variable(name) ?: throw Wrong("nothing is kept as \"$name\"")
            reference.matchEntire(text)?.let { return held(it.groupValues[1]) }
            return JsonPrimitive(
                reference.replace(text) {
                    val value = held(it.groupValues[1])
                    (value as? JsonPrimitive)?.content ?: value.toString()
                },
            )
        }
    }
}

/** Whether they are equal: fields in any order, numbers by value. */
fun same(
    one: JsonElement,
    other: JsonElement,
): Boolean =
    when (one) {
        is JsonObject -> {
            other is JsonObject && one.keys == other.keys &&
                one.all { (key, value) -> same(value, other.getValue(key)) }
        }

        is JsonArray -> {
            other is JsonArray && one.size == other.size &&
                one.zip(other).all { (left, right) -> same(left, right) }
        }

        is JsonNull -> {
            other is JsonNull
        }

        is JsonPrimitive -> {
            val numbers =
                listOf(one, other).map {
                    (it as? JsonPrimitive)?.takeUnless(JsonPrimitive::isString)?.content?.toBigDecimalOrNull()
                }
            val (left, right) = numbers
            if (left != null && right != null) left.compareTo(right) == 0 else one == other
        }
    }
