package dev.mizu.sync.android

import androidx.compose.runtime.Composable
import androidx.compose.runtime.State
import androidx.compose.runtime.collectAsState
import androidx.compose.runtime.remember
import dev.mizu.sync.Entity
import dev.mizu.sync.Query
import dev.mizu.sync.Readable
import dev.mizu.sync.Row
import dev.mizu.sync.SyncException
import dev.mizu.sync.untrack
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.catch

/**
 * The rows of a query for a composable, [initial] until they have been read. Keep the query by [remember]: another one is
 * read anew. Where they cannot be read, because the client is closed or its file cannot be opened, which `onError` tells,
 * the screen keeps what it shows.
 *
 * ```
 * val open = remember { todos.query { where("done" eq false) } }
 * val rows by open.collectAsState()
 * ```
 */
@Composable
public fun <T> Query<T>.collectAsState(initial: List<Row<T>> = emptyList()): State<List<Row<T>>> =
    remember(this) { flow().unlessRefused() }.collectAsState(initial)

/** An entity for a composable; `null` when it is not visible, and until it has been read. */
@Composable
public fun <T> Entity<T>.collectAsState(): State<Row<T>?> =
    remember(this) { rowFlow().unlessRefused() }.collectAsState(null)

/** A value for a composable: the status of a client, a signal, a computed value. */
@Composable
public fun <T> Readable<T>.collectAsState(): State<T> =
    remember(this) { flow() }.collectAsState(remember(this) { untrack { value } })

/** A screen does not end the app because there is nothing more to show. */
private fun <T> Flow<T>.unlessRefused(): Flow<T> = catch { if (it !is SyncException) throw it }
