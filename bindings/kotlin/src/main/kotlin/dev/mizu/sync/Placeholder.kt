package dev.mizu.sync

import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import kotlinx.serialization.Serializable
import kotlinx.serialization.json.Json

/** Stands in until the API is here. */
@Serializable
public data class Placeholder(
    public val title: String,
    public val done: Boolean = false,
) {
    public fun json(): String = Json.encodeToString(this)

    public fun titles(): Flow<String> = flow { emit(title) }
}
