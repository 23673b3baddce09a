package dev.mizu.sync.scenarios

import dev.mizu.sync.Batch
import dev.mizu.sync.newId
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive

/** Runs a step if it is one that writes. */
suspend fun World.runWrite(step: Step): JsonElement? {
    when (step.name) {
        "create" -> return rows(step).create(step.text("id"), step.value("value"))
        "add" -> return rows(step).add(step.value("value"))
        "set" -> rows(step).set(step.text("id"), step.value("value"))
        "update" -> rows(step).update(step.text("id"), step.fields("change"))
        "delete" -> rows(step).delete(step.text("id"))
        "batch" -> return runBatch(step)
        "mutate" -> return JsonPrimitive(mutate(step))
        "new_id" -> return JsonPrimitive(newId())
        "retry" -> return JsonPrimitive(client(step).retry(step.text("id")))
        "retry_with" -> return JsonPrimitive(client(step).retryWith(step.text("id"), step.value("args").toString()))
        "discard" -> client(step).discard(step.text("id"))
        else -> return null
    }
    return JsonNull
}

private suspend fun World.runBatch(step: Step): JsonElement {
    val device = device(step.text("on"))
    val writes = step.steps("writes")
    return JsonArray(device.client.batch { writes.map { runIn(this, device, it) } })
}

private fun World.runIn(
    batch: Batch,
    device: Device,
    json: JsonObject,
): JsonElement {
    // Not through the batch, but beside it.
    if ("on" in json) return runNow(json)
    return checked(json) { step ->
        if (step.name == "mutate") {
            batch.mutate(step.text("mutation"), step.value("args"))
            JsonNull
        } else {
            rows(device, step).edit(batch, step)
        }
    }
}

private suspend fun World.mutate(step: Step): String {
    val device = device(step.text("on"))
    val (mutation, args) = step.text("mutation") to step.value("args")
    if (!step.has("expect")) return device.client.mutate(mutation, args)
    val expected = step.steps("expect")
    return device.client.mutate(mutation, args) {
        expected.forEach { json -> checked(json) { rows(device, it).edit(this, it) } }
    }
}
