package dev.mizu.sync.internal

import dev.mizu.sync.SyncOptions
import dev.mizu.sync.ffi.ClientOptions
import dev.mizu.sync.ffi.Header
import dev.mizu.sync.ffi.IndexOption
import dev.mizu.sync.ffi.NativeClient
import dev.mizu.sync.ffi.Upcast
import dev.mizu.sync.ffi.UpcastOption
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.jsonObject

/** Opens a client: not on a thread that must not wait. */
internal fun open(
    url: String,
    scope: String,
    options: SyncOptions,
): NativeClient {
    val client =
        NativeClient.open(
            ClientOptions(
                url = url,
                scope = scope,
                database = options.database?.path,
                principal = options.principal,
                headers = options.headers.map { (name, value) -> Header(name, value) },
                allowCleartext = options.allowCleartext,
                relaxed = options.relaxedDurability,
                pullInterval =
                    options.pullInterval.inWholeMilliseconds
                        .coerceAtLeast(0)
                        .toULong(),
                pushInterval =
                    options.pushInterval.inWholeMilliseconds
                        .coerceAtLeast(0)
                        .toULong(),
                live = options.live,
                appVersion = options.appVersion,
                indexes =
                    options.indexes.map { (collection, fields) ->
                        IndexOption(collection, fields.map { it.path })
                    },
                upcasts =
                    options.upcasts.map { (collection, to, change) ->
                        UpcastOption(collection, to.toUInt(), UpcastOf(change))
                    },
                callbacks = options.callbacks.native(),
            ),
        )
    try {
        options.token?.let(client::setToken)
    } catch (failure: Exception) {
        client.shutDown()
        client.close()
        throw failure
    }
    return client
}

/** A step to the next version of the app's model. One that throws changes nothing: the entity then does not fit. */
private class UpcastOf(
    private val change: (JsonObject) -> JsonObject,
) : Upcast {
    override fun upcast(fields: String): String =
        try {
            change(Json.parseToJsonElement(fields).jsonObject).toString()
        } catch (failure: Exception) {
            fields
        }
}
