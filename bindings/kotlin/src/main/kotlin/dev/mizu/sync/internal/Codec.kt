package dev.mizu.sync.internal

import dev.mizu.sync.Row
import dev.mizu.sync.SyncException
import dev.mizu.sync.ffi.Changed
import dev.mizu.sync.ffi.NativeClient
import dev.mizu.sync.ffi.NativeRow
import dev.mizu.sync.toException
import kotlinx.serialization.ExperimentalSerializationApi
import kotlinx.serialization.KSerializer
import kotlinx.serialization.MissingFieldException
import kotlinx.serialization.SerializationException
import kotlinx.serialization.json.Json

/** Between the app's class and JSON, for the entities of one collection. */
internal class Codec<T>(
    val collection: String,
    private val serializer: KSerializer<T>,
    private val json: Json,
) {
    fun encode(
        client: NativeClient,
        id: String,
        value: T,
    ): String =
        try {
            json.encodeToString(serializer, value)
        } catch (failure: Exception) {
            throw client.unencodable(collection, id, reason(failure)).toException(Unquoted(failure))
        }

    fun decode(
        client: NativeClient,
        id: String,
        data: String,
    ): T =
        try {
            json.decodeFromString(serializer, data)
        } catch (failure: Exception) {
            throw doesNotFit(client, id, failure, report = false)
        }

    /** What changes the properties that [change] makes different. */
    fun update(
        client: NativeClient,
        id: String,
        change: (T) -> T,
    ): ChangeOf =
        ChangeOf { data ->
            val before = decode(client, id, data)
            Changed(encode(client, id, before), encode(client, id, change(before)))
        }

    /** What makes an entity [value], and leaves the fields that the class does not know. */
    fun set(
        client: NativeClient,
        id: String,
        value: T,
    ): ChangeOf {
        val after = encode(client, id, value)
        return ChangeOf { data ->
            val before = runCatching { decode(client, id, data) }.getOrNull()
            Changed(before?.let { encode(client, id, it) }, after)
        }
    }

    /** A row of a list; `null` when it does not fit the class, which the app is told once. */
    fun row(
        client: NativeClient,
        id: String,
        data: String,
        pending: Boolean,
        rejected: Boolean,
    ): Row<T>? =
        try {
            Row(id, json.decodeFromString(serializer, data), pending, rejected)
        } catch (failure: Exception) {
            doesNotFit(client, id, failure, report = true)
            null
        }

    fun row(
        client: NativeClient,
        id: String,
        row: NativeRow,
    ): Row<T> = Row(id, decode(client, id, row.data), row.pending, row.rejected)

    private fun doesNotFit(
        client: NativeClient,
        id: String,
        failure: Exception,
        report: Boolean,
    ): SyncException = client.undecodable(collection, id, reason(failure), report).toException(Unquoted(failure))

    /** What the serialiser says, without what it may quote of the data. */
    @OptIn(ExperimentalSerializationApi::class)
    private fun reason(failure: Exception): String =
        when (failure) {
            is MissingFieldException -> {
                "it has no ${failure.missingFields.joinToString { "\"$it\"" }}"
            }

            else -> {
                val path =
                    Regex(
                        """at path:? (\$[\w.\[\]]*)""",
                    ).find(failure.message.orEmpty())?.groupValues?.get(1)
                val what = if (failure is SerializationException) "" else " (${failure.javaClass.simpleName})"
                "its JSON is not what the class has at ${path ?: "$"}$what"
            }
        }
}
