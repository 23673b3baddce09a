package dev.mizu.sync.android

import kotlinx.serialization.Serializable

/** What the tests store. */
@Serializable
data class Todo(
    val title: String,
    val done: Boolean = false,
)
