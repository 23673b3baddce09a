package dev.mizu.sync

import kotlinx.serialization.Serializable

/** What the tests store. */
@Serializable
data class Todo(
    val title: String,
    val done: Boolean = false,
)

/** What they ask for by queries. */
@Serializable
data class Task(
    val title: String,
    val done: Boolean = false,
    val priority: Int = 0,
    val weight: Double = 0.0,
    val due: String? = null,
    val place: Place? = null,
)

/** Where a task is to be done. */
@Serializable
data class Place(
    val city: String,
    val floor: Int = 0,
)

val SyncClient.todos: SyncCollection<Todo>
    get() = collection("todo")
