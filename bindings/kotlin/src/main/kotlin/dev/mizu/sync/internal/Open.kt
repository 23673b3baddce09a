package dev.mizu.sync.internal

import dev.mizu.sync.SyncException
import dev.mizu.sync.SyncOptions
import dev.mizu.sync.ffi.ClientOptions
import dev.mizu.sync.ffi.Header
import dev.mizu.sync.ffi.IndexOption
import dev.mizu.sync.ffi.NativeClient
import dev.mizu.sync.ffi.UpcastOption
import kotlin.time.Duration

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
                pullInterval = interval("pullInterval", options.pullInterval),
                pushInterval = interval("pushInterval", options.pushInterval),
                live = options.live,
                appVersion = options.appVersion,
                indexes =
                    options.indexes.map { (collection, fields) ->
                        IndexOption(collection, fields.map { it.path })
                    },
                upcasts =
                    options.callbacks.upcasts.map { (collection, to, step) ->
                        UpcastOption(collection, to.coerceAtLeast(0).toUInt(), UpcastOf(step))
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

/** In milliseconds, of which a part counts as a whole one. */
private fun interval(
    option: String,
    interval: Duration,
): ULong {
    if (interval.isNegative()) {
        throw SyncException.InvalidOption("the option $option is not valid: it must not be negative")
    }
    val least = if (interval == Duration.ZERO) 0L else 1L
    return interval.inWholeMilliseconds.coerceAtLeast(least).toULong()
}
