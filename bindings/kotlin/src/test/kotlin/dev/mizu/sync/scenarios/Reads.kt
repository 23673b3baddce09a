package dev.mizu.sync.scenarios

import dev.mizu.sync.PendingMutation
import dev.mizu.sync.RejectedMutation
import dev.mizu.sync.Status
import dev.mizu.sync.untrack
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put

/** Runs a step if it is one that reads. */
fun World.runRead(step: Step): JsonElement? =
    when (step.name) {
        "get" -> rows(step).get(step.text("id"))
        "row" -> rows(step).row(step.text("id"))
        "has" -> rows(step).has(step.text("id"))
        "all" -> rows(step).all()
        "find" -> rows(step).find(step.fields("equal"))
        "count" -> rows(step).count(Asked(step))
        "query" -> rows(step).query(Asked(step))
        "first" -> rows(step).first(Asked(step))
        "ids" -> rows(step).ids(Asked(step))
        "status" -> Shown(step).of(json(client(step).status.value))
        "pending" -> Shown(step).ofEach(client(step).pending.value.map(::json))
        "rejected" -> Shown(step).ofEach(client(step).rejected.value.map(::json))
        "cursor" -> JsonPrimitive(client(step).cursor)
        "is_online" -> JsonPrimitive(client(step).isOnline)
        "blocked" -> JsonPrimitive(client(step).status.value.blocked)
        "scope" -> JsonPrimitive(client(step).scope)
        "client_id" -> JsonPrimitive(client(step).clientId)
        "value" -> cell(step.text("of")).value
        "untracked" -> step.value("read").let { untrack { read(it) } }
        else -> null
    }

/** The client that a step is about. */
fun World.client(step: Step) = device(step.text("on")).client

/** The collection that a step is about. */
fun World.rows(step: Step): Rows<*> = rows(device(step.text("on")), step)

fun rows(
    device: Device,
    step: Step,
): Rows<*> = device.client.rows(step.text("in"), device.models)

/** The fields that a step wants to see; of each in a list, or of the one at a place. */
class Shown(
    step: Step,
) {
    private val names = step.value("show")
    private val at = step.optionalNumber("at")?.toInt()

    fun of(all: JsonObject): JsonElement =
        if (names is JsonArray) {
            JsonObject(names.associate { (it as JsonPrimitive).content to field(all, it) })
        } else {
            field(all, names)
        }

    fun ofEach(list: List<JsonObject>): JsonElement =
        if (at == null) {
            JsonArray(list.map(::of))
        } else {
            of(list.getOrNull(at) ?: throw Wrong("there is none at $at"))
        }

    private fun field(
        all: JsonObject,
        name: JsonElement,
    ): JsonElement = all[(name as JsonPrimitive).content] ?: throw Wrong("there is no $name to show")
}

fun json(status: Status): JsonObject =
    buildJsonObject {
        put("connection", status.connection.name.lowercase())
        put("live", status.isLive)
        put("auth", status.auth.name.lowercase())
        put("uploading", status.isUploading)
        put("downloading", status.isDownloading)
        put(
            "progress",
            status.progress?.let { progress ->
                buildJsonObject {
                    put("rows", progress.rows)
                    put("total", progress.total)
                }
            } ?: JsonNull,
        )
        put("pending", status.pending)
        put("rejected", status.rejected)
        put("has_synced", status.hasSynced)
        put("has_caught_up", status.lastSync != null)
        put("cursor", status.cursor)
        put("error", status.error?.kind)
        put("blocked", status.blocked)
        put("line", status.toString())
    }

fun json(mutation: PendingMutation): JsonObject =
    buildJsonObject {
        put("id", mutation.id)
        put("name", mutation.name)
        put("args", Json.parseToJsonElement(mutation.args))
        put("acked", mutation.isAcked)
        put("failures", mutation.failures)
        put("error", mutation.error)
        put("retries", mutation.retries)
    }

fun json(mutation: RejectedMutation): JsonObject =
    buildJsonObject {
        put("id", mutation.id)
        put("name", mutation.name)
        put("args", Json.parseToJsonElement(mutation.args))
        put("code", mutation.code)
        put("error", mutation.error)
        put("retries", mutation.retries)
        put("text", mutation.toString())
    }
