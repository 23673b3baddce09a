package dev.mizu.sync.scenarios

import dev.mizu.sync.DefaultJson
import dev.mizu.sync.Edits
import dev.mizu.sync.Query
import dev.mizu.sync.Row
import dev.mizu.sync.RowChange
import dev.mizu.sync.RowsUpdate
import dev.mizu.sync.SyncClient
import dev.mizu.sync.SyncCollection
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.map
import kotlinx.serialization.KSerializer
import kotlinx.serialization.Serializable
import kotlinx.serialization.SerializationException
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.put
import kotlinx.serialization.serializer

@Serializable
data class Todo(
    val title: String,
    val done: Boolean = false,
)

/** What a newer version of the app has: a property more. */
@Serializable
data class DatedTodo(
    val title: String,
    val done: Boolean = false,
    val due: String? = null,
)

/** What an older version of the app had: another name for the title. */
@Serializable
data class OldTodo(
    val text: String,
    val done: Boolean = false,
)

@Serializable
data class Account(
    val cents: Long,
)

@Serializable
data class Place(
    val name: String,
    val address: Address,
)

@Serializable
data class Address(
    val city: String,
)

/** A value of each kind that JSON has. */
@Serializable
data class Sample(
    val whole: Long,
    val ratio: Double,
    val text: String,
    val tags: List<String>,
    val note: String? = null,
)

/** Brings an [OldTodo] to a [Todo]: version 2 of the model. */
fun upcastTodo(fields: JsonObject): JsonObject =
    fields["text"]?.let { JsonObject(fields - "text" + ("title" to it)) } ?: fields

/** The collection of a device; its class is the usual one, or what [models] says. */
fun SyncClient.rows(
    name: String,
    models: Map<String, String>,
): Rows<*> =
    when (val model = models[name] ?: usualClass(name)) {
        "Todo" -> rows<Todo>(name)
        "DatedTodo" -> rows<DatedTodo>(name)
        "OldTodo" -> rows<OldTodo>(name)
        "Account" -> rows<Account>(name)
        "Place" -> rows<Place>(name)
        "Sample" -> rows<Sample>(name)
        else -> throw Wrong("there is no class \"$model\"")
    }

private inline fun <reified T> SyncClient.rows(name: String) = Rows(collection<T>(name), serializer<T>())

private fun usualClass(collection: String): String =
    when (collection) {
        "todo" -> "Todo"
        "account" -> "Account"
        "place" -> "Place"
        "sample" -> "Sample"
        else -> throw Wrong("no class belongs to \"$collection\"")
    }

/** A collection of some class, whose values are JSON outside. */
class Rows<T>(
    private val collection: SyncCollection<T>,
    private val serializer: KSerializer<T>,
) {
    fun get(id: String): JsonElement = json(collection[id].get())

    fun row(id: String): JsonElement = json(collection.row(id))

    fun has(id: String): JsonElement = JsonPrimitive(collection.has(id))

    fun all(): JsonElement = json(collection.all())

    fun find(equal: Map<String, JsonElement>): JsonElement =
        json(
            collection.find { value ->
                val fields = json(value).jsonObject
                equal.all { (name, wanted) -> fields[name]?.let { same(it, wanted) } ?: false }
            },
        )

    fun count(asked: Asked): JsonElement =
        JsonPrimitive(if (asked.isAll) collection.count() else narrowed(asked).count())

    fun query(asked: Asked): JsonElement = json(narrowed(asked).all())

    fun first(asked: Asked): JsonElement = json(narrowed(asked).first())

    fun ids(asked: Asked): JsonElement = JsonArray(narrowed(asked).all().map { JsonPrimitive(it.id) })

    suspend fun create(
        id: String,
        value: JsonElement,
    ): JsonElement = JsonPrimitive(collection.create(id, typed(value)).id)

    suspend fun add(value: JsonElement): JsonElement = JsonPrimitive(collection.add(typed(value)).id)

    suspend fun set(
        id: String,
        value: JsonElement,
    ) = collection[id].set(typed(value))

    suspend fun update(
        id: String,
        change: Map<String, JsonElement>,
    ) = collection[id].update { changed(it, change) }

    suspend fun delete(id: String) = collection[id].delete()

    /** Reads or edits through a batch. */
    fun edit(
        edits: Edits,
        step: Step,
    ): JsonElement {
        when (step.name) {
            "get" -> {
                return json(edits.get(collection, step.text("id")))
            }

            "add" -> {
                return JsonPrimitive(edits.add(collection, typed(step.value("value"))))
            }

            "create" -> {
                edits.create(collection, step.text("id"), typed(step.value("value")))
            }

            "set" -> {
                edits.set(collection, step.text("id"), typed(step.value("value")))
            }

            "delete" -> {
                edits.delete(collection, step.text("id"))
            }

            "update" -> {
                val (id, change) = step.text("id") to step.fields("change")
                edits.update(collection, id) { changed(it, change) }
            }

            else -> {
                throw Wrong("there is no step \"${step.name}\" in a batch")
            }
        }
        return JsonNull
    }

    fun flow(id: String): Flow<JsonElement> = collection[id].flow().map { json(it) }

    fun rowFlow(id: String): Flow<JsonElement> = collection[id].rowFlow().map { json(it) }

    fun flow(asked: Asked): Flow<JsonElement> =
        (if (asked.isAll) collection.flow() else narrowed(asked).flow()).map { json(it) }

    fun countFlow(asked: Asked): Flow<JsonElement> = narrowed(asked).countFlow().map { JsonPrimitive(it) }

    fun changes(asked: Asked): Flow<JsonElement> =
        narrowed(asked).changes().map { update ->
            when (update) {
                is RowsUpdate.All -> JsonObject(mapOf("all" to json(update.rows)))
                is RowsUpdate.Changes -> JsonObject(mapOf("changes" to JsonArray(update.changes.map { json(it) })))
            }
        }

    private fun narrowed(asked: Asked): Query<T> = collection.query { asked.applyTo(this) }

    private fun typed(value: JsonElement): T =
        try {
            DefaultJson.decodeFromJsonElement(serializer, value)
        } catch (failure: SerializationException) {
            throw Wrong("a value has another class: ${failure.message}")
        }

    private fun changed(
        value: T,
        change: Map<String, JsonElement>,
    ): T = typed(JsonObject(json(value).jsonObject + change))

    private fun json(value: T?): JsonElement =
        value?.let { DefaultJson.encodeToJsonElement(serializer, it) } ?: JsonNull

    private fun json(rows: List<Row<T>>): JsonElement = JsonArray(rows.map { json(it) })

    /** With the marks that it has. */
    private fun json(row: Row<T>?): JsonElement =
        if (row == null) {
            JsonNull
        } else {
            buildJsonObject {
                put("id", row.id)
                put("value", json(row.value))
                if (row.pending) put("pending", true)
                if (row.rejected) put("rejected", true)
            }
        }

    private fun json(change: RowChange<T>): JsonElement =
        buildJsonObject {
            when (change) {
                is RowChange.Removed -> {
                    put("removed", change.index)
                }

                is RowChange.Inserted -> {
                    put("inserted", change.index)
                    put("row", json(change.row))
                }

                is RowChange.Updated -> {
                    put("updated", change.index)
                    put("row", json(change.row))
                }
            }
        }
}
