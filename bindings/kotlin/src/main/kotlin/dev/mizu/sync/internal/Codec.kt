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
import kotlinx.serialization.builtins.ListSerializer
import kotlinx.serialization.json.Json

/** Between the app's class and JSON, for the entities of one collection. */
internal class Codec<T>(
    val collection: String,
    private val serializer: KSerializer<T>,
    private val json: Json,
) {
    private val every = ListSerializer(serializer)

    fun encode(
        client: NativeClient,
        id: String,
        value: T,
    ): String =
        try {
            json.encode(serializer, value)
        } catch (failure: NotEncoded) {
            val problem = crossing { client.unencodable(collection, id, failure.reason) }
            throw problem.toException(failure.cause)
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

    /** The values of a list of JSON; `null` where one of them does not fit the class. */
    fun decodeAll(list: String): List<T>? =
        try {
            json.decodeFromString(every, list)
        } catch (_: Exception) {
            null
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
    ): SyncException =
        crossing { client.undecodable(collection, id, whyNotDecoded(failure), report) }.toException(Unquoted(failure))
}

/** Why a value has no JSON, without the value. */
internal class NotEncoded(
    val reason: String,
    thrown: Throwable? = null,
) : Exception(reason, thrown?.let(::Unquoted))

/** JSON of which every text can be stored. */
internal fun <T> Json.encode(
    serializer: KSerializer<T>,
    value: T,
): String {
    val text =
        try {
            encodeToString(serializer, value)
        } catch (failure: StackOverflowError) {
            throw NotEncoded("it is too deep, or contains itself", failure)
        } catch (failure: Exception) {
            throw NotEncoded(whyNotEncoded(failure), failure)
        }
    if (Charsets.UTF_8.newEncoder().canEncode(text)) return text
    throw NotEncoded("a text in it has half of a character, a surrogate without the other")
}

private fun whyNotEncoded(failure: Exception): String {
    val cause = failure.root
    return when {
        "special floating-point" in failure.message.orEmpty() -> "a number in it is NaN or infinite, which JSON has not"
        cause is SerializationException -> "its class has no serializer for what is in it"
        else -> "its serializer has thrown ${cause.javaClass.name}"
    }
}

/** What the serialiser says of stored JSON, without what it may quote of that. */
@OptIn(ExperimentalSerializationApi::class)
private fun whyNotDecoded(failure: Exception): String =
    when (failure) {
        is MissingFieldException -> {
            "it has no ${failure.missingFields.joinToString { "\"$it\"" }}"
        }

        else -> {
            val path = Regex("""at path:? (\$(?:\.\w+|\[\d+])*)""").find(failure.message.orEmpty())?.groupValues?.get(1)
            val cause = failure.root
            val what = if (cause is SerializationException) "" else " (${cause.javaClass.simpleName})"
            "its JSON is not what the class has at ${path ?: "$"}$what"
        }
    }
