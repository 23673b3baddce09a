package dev.mizu.sync.scenarios

import dev.mizu.sync.Field
import dev.mizu.sync.Filter
import dev.mizu.sync.QueryBuilder
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.booleanOrNull
import kotlinx.serialization.json.doubleOrNull
import kotlinx.serialization.json.longOrNull

/** The arguments of a query. */
class Asked(
    step: Step,
) {
    private val where = step.list("where")
    private val order = step.texts("order")
    private val limit = step.optionalNumber("limit")?.toInt()
    private val offset = step.optionalNumber("offset")?.toInt()

    /** Whether it asks for everything. */
    val isAll: Boolean
        get() = where.isEmpty() && order.isEmpty() && limit == null && offset == null

    fun applyTo(builder: QueryBuilder) {
        with(builder) {
            where.forEach { where(filter(it)) }
            for (field in order) {
                if (field.startsWith('-')) orderByDescending(path(field.drop(1))) else orderBy(path(field))
            }
            limit?.let { limit(it) }
            offset?.let { offset(it) }
        }
    }

    /** The field at the end of a path such as `address.city`. */
    private fun QueryBuilder.path(text: String): Field {
        val names = text.split('.')
        return names.drop(1).fold(field(names.first())) { field, name -> field.field(name) }
    }

    private fun QueryBuilder.filter(json: JsonElement): Filter {
        if (json is JsonObject) {
            val (operator, parts) = json.entries.singleOrNull() ?: throw Wrong("$json is no condition")
            return when (operator) {
                "not" -> !filter(parts)
                "all" -> (parts as JsonArray).map { filter(it) }.reduce { one, other -> one and other }
                "any" -> (parts as JsonArray).map { filter(it) }.reduce { one, other -> one or other }
                else -> throw Wrong("$json is no condition")
            }
        }
        val parts = json as JsonArray
        val field = path((parts[0] as JsonPrimitive).content)
        return when ((parts[1] as JsonPrimitive).content) {
            "eq" -> field eq value(parts[2])
            "ne" -> field ne value(parts[2])
            "lt" -> field lt value(parts[2])!!
            "le" -> field le value(parts[2])!!
            "gt" -> field gt value(parts[2])!!
            "ge" -> field ge value(parts[2])!!
            "in" -> field isIn (parts[2] as JsonArray).map { value(it) }
            "prefix" -> field startsWith (parts[2] as JsonPrimitive).content
            "is_null" -> field.isNull()
            else -> throw Wrong("$json is no condition")
        }
    }

    private fun value(json: JsonElement): Any? =
        when {
            json is JsonNull -> null
            json !is JsonPrimitive -> throw Wrong("$json cannot be compared with")
            json.isString -> json.content
            else -> json.booleanOrNull ?: json.longOrNull ?: json.doubleOrNull
        }
}
