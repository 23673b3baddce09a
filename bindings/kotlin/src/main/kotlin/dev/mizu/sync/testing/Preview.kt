package dev.mizu.sync.testing

import dev.mizu.sync.DefaultJson
import dev.mizu.sync.SyncClient
import dev.mizu.sync.SyncDsl
import dev.mizu.sync.SyncOptions
import dev.mizu.sync.ffi.PreviewMark
import dev.mizu.sync.ffi.openPreview
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.encodeToJsonElement

/** A client in memory that has no server: for tests of an app's own logic. It is not to be started. */
public fun testClient(
    scope: String = "test",
    configure: SyncOptions.() -> Unit = {},
): SyncClient = SyncClient("http://127.0.0.1:9/_sync", scope, configure)

/**
 * A client in memory for previews of screens: with rows that look confirmed, on their way, or refused. It has no server,
 * and is not to be started.
 *
 * ```
 * val client = previewClient {
 *     row("todo", "t1", Todo("Milk"))
 *     row("todo", "t2", Todo("Bread"))
 *     pending("todo", "t2")
 * }
 * ```
 */
public fun previewClient(
    scope: String = "preview",
    show: Preview.() -> Unit,
): SyncClient {
    val preview = Preview().apply(show)
    val options = SyncOptions()
    return SyncClient(scope, options) { openPreview(scope, preview.json(), preview.marks) }
}

/** What a preview shows. */
@SyncDsl
public class Preview internal constructor() {
    private val rows = mutableMapOf<String, MutableMap<String, JsonElement>>()
    internal val marks = mutableListOf<PreviewMark>()

    /** A row, which looks confirmed. */
    public inline fun <reified T> row(
        collection: String,
        id: String,
        value: T,
    ) {
        row(collection, id, DefaultJson.encodeToJsonElement(value))
    }

    /** A row as JSON. */
    public fun row(
        collection: String,
        id: String,
        value: JsonElement,
    ) {
        rows.getOrPut(collection, ::mutableMapOf)[id] = value
    }

    /** A row that was given looks as if it were on its way to the server. */
    public fun pending(
        collection: String,
        id: String,
    ) {
        marks += PreviewMark(collection, id, null)
    }

    /** A row that was given looks as if the server had refused a change of it; [SyncClient.rejected] says why. */
    public fun rejected(
        collection: String,
        id: String,
        code: String,
        error: String,
    ) {
        marks += PreviewMark(collection, id, listOf(code, error))
    }

    internal fun json(): String = JsonObject(rows.mapValues { (_, rows) -> JsonObject(rows) }).toString()
}
