package dev.mizu.sync.scenarios

import dev.mizu.sync.SyncClient
import dev.mizu.sync.SyncOptions
import dev.mizu.sync.testing.previewClient
import dev.mizu.sync.testing.testClient
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import kotlin.time.Duration.Companion.milliseconds

/** Runs a step if it is one of a client's life. */
suspend fun World.runDevice(step: Step): JsonElement? {
    when (step.name) {
        "open" -> open(step)
        "preview" -> preview(step)
        "start" -> client(step).start()
        "stop" -> client(step).stop()
        "pause" -> client(step).pause()
        "resume" -> client(step).resume()
        "close" -> client(step).close()
        "wipe" -> client(step).wipe(step.flag("lose_unsent"))
        "set_token" -> client(step).setToken(step.text("token"))
        "set_network" -> client(step).setNetwork(step.flag("up"))
        "set_foreground" -> client(step).setForeground(step.flag("seen"))
        "notify_live" -> client(step).notifyLive(step.number("cursor"))
        "sync", "flush", "wait_for_first_sync", "delivered" -> wait(step)
        else -> return null
    }
    return JsonNull
}

private suspend fun World.wait(step: Step) {
    val timeout = step.optionalNumber("timeout")?.milliseconds ?: SOON
    val client = client(step)
    when (step.name) {
        "sync" -> client.sync(timeout)
        "flush" -> client.flush(timeout)
        "wait_for_first_sync" -> client.waitForFirstSync(timeout)
        else -> client.delivered(timeout)
    }
}

private suspend fun World.open(step: Step) {
    val name = step.text("name")
    val scope = step.optionalText("scope") ?: "user:1"
    val base = step.optionalText("base")
    val isTesting = step.flag("testing")
    val models = step.fields("models").mapValues { (_, model) -> (model as JsonPrimitive).content }
    val isSynced = step.flag("synced")
    val log = Log()
    val configure = options(step, log)
    step.end()
    val client =
        if (isTesting) {
            testClient(scope, configure)
        } else {
            SyncClient(base?.let { url.replace("/_sync", it) } ?: url, scope, configure)
        }
    try {
        // Waits until it is open, or says why it is not.
        client.clientId
    } catch (failure: Throwable) {
        client.close()
        throw failure
    }
    add(name, log)
    add(name, Device(client, models))
    if (isSynced) {
        client.start()
        client.waitForFirstSync(SOON)
    }
}

private fun World.options(
    step: Step,
    log: Log,
): SyncOptions.() -> Unit {
    val file = step.optionalText("file")
    val user = step.optionalText("principal")
    val secret = step.optionalText("token")
    val pull = step.optionalNumber("pull_interval")?.milliseconds
    val push = step.optionalNumber("push_interval")?.milliseconds
    val isLive = step.optionalFlag("live")
    val version = step.optionalText("app_version")
    val indexes =
        step.fields("index").mapValues { (_, fields) ->
            (fields as JsonArray).map { (it as JsonPrimitive).content }
        }
    val isUpcast = step.flag("upcast")
    val told = told(step, log)
    return {
        file?.let { database = file(it) }
        user?.let { principal = it }
        secret?.let { token = it }
        pull?.let { pullInterval = it }
        push?.let { pushInterval = it }
        isLive?.let { live = it }
        version?.let { appVersion = it }
        indexes.forEach { (collection, fields) -> index(collection, *fields.toTypedArray()) }
        if (isUpcast) upcast("todo", to = 2, ::upcastTodo)
        told()
    }
}

/** What a device wants to be told: it is kept, and then done what is to be done. */
private fun World.told(
    step: Step,
    log: Log,
): SyncOptions.() -> Unit {
    val actions = step.fields("when").mapValues { (_, steps) -> (steps as JsonArray).map { it as JsonObject } }
    val wanted = step.texts("tells").toSet() + actions.keys

    fun tell(
        name: String,
        told: JsonElement,
    ) {
        log.add(told)
        actions[name]?.let(::runInCallback)
    }
    return {
        for (name in wanted) {
            when (name) {
                "sync" -> {
                    onSync { tell(name, buildJsonObject { put("sync", it) }) }
                }

                "error" -> {
                    onError { tell(name, buildJsonObject { put("error", it.kind) }) }
                }

                "online" -> {
                    onOnline { tell(name, JsonPrimitive(name)) }
                }

                "offline" -> {
                    onOffline { tell(name, JsonPrimitive(name)) }
                }

                "token_needed" -> {
                    onTokenNeeded { tell(name, JsonPrimitive(name)) }
                }

                "log" -> {
                    onLog { tell(name, buildJsonObject { put("log", it.level.name.lowercase()) }) }
                }

                "rejected" -> {
                    onRejected { mutation ->
                        tell(
                            name,
                            buildJsonObject {
                                put("rejected", mutation.name)
                                put("code", mutation.code)
                            },
                        )
                    }
                }

                else -> {
                    throw Wrong("a device cannot be told of \"$name\"")
                }
            }
        }
    }
}

private fun World.preview(step: Step) {
    val name = step.text("name")
    val rows = step.fields("rows")
    val (pending, rejected) = listOf("pending", "rejected").map { marks -> step.list(marks).map(::texts) }
    val client =
        previewClient("user:1") {
            rows.forEach { (collection, rows) ->
                (rows as JsonObject).forEach { (id, value) -> row(collection, id, value) }
            }
            pending.forEach { (collection, id) -> pending(collection, id) }
            rejected.forEach { (collection, id, code, error) -> rejected(collection, id, code, error) }
        }
    add(name, Device(client, emptyMap()))
}

private fun texts(list: JsonElement): List<String> = (list as JsonArray).map { (it as JsonPrimitive).content }
