package dev.mizu.sync.android

import androidx.compose.runtime.Composable
import androidx.compose.runtime.State
import androidx.compose.runtime.collectAsState
import androidx.compose.runtime.remember
import dev.mizu.sync.Entity
import dev.mizu.sync.Query
import dev.mizu.sync.Readable
import dev.mizu.sync.Row
import dev.mizu.sync.untrack

/**
 * The rows of a query for a composable, [initial] until they have been read. Keep the query by [remember]: another one is
 * read anew.
 *
 * ```
 * val open = remember { todos.query { where("done" eq false) } }
 * val rows by open.collectAsState()
 * ```
 */
@Composable
public fun <T> Query<T>.collectAsState(initial: List<Row<T>> = emptyList()): State<List<Row<T>>> =
    remember(this) { flow() }.collectAsState(initial)

/** An entity for a composable; `null` when it is not visible, and until it has been read. */
@Composable
public fun <T> Entity<T>.collectAsState(): State<Row<T>?> = remember(this) { rowFlow() }.collectAsState(null)

/** A value for a composable: the status of a client, a signal, a computed value. */
@Composable
public fun <T> Readable<T>.collectAsState(): State<T> =
    remember(this) { flow() }.collectAsState(remember(this) { untrack { value } })
