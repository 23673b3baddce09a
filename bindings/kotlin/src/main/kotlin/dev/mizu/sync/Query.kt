package dev.mizu.sync

import dev.mizu.sync.ffi.NativeClient
import dev.mizu.sync.ffi.NativeQuery
import dev.mizu.sync.ffi.News
import dev.mizu.sync.ffi.QueryOptions
import dev.mizu.sync.internal.Codec
import dev.mizu.sync.internal.RowsReader
import dev.mizu.sync.internal.Shown
import dev.mizu.sync.internal.crossing
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.SharingStarted
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.stateIn

/**
 * Entities of a collection: those that satisfy a condition, in an order, from one place to another. Made by
 * [SyncCollection.query]; making one reads nothing.
 *
 * What reads the file blocks for as long as SQLite needs: microseconds for a few rows. A flow reads on a thread for that.
 */
public class Query<T> internal constructor(
    private val client: SyncClient,
    private val codec: Codec<T>,
    private val asked: QueryOptions,
) {
    @Volatile
    private var made: NativeQuery? = null

    /** As the core has it. If two threads make it at once, either will do. */
    private fun query(native: NativeClient): NativeQuery =
        made ?: native.query(codec.collection, asked).also { made = it }

    /** All rows. One that does not fit the class is passed over, and told once by `onError`. */
    public fun all(): List<Row<T>> {
        val native = client.native
        val rows = crossing { query(native).rows() }
        return RowsReader(codec, native, rows).rows()
    }

    /** The first row, if there is any. */
    public fun first(): Row<T>? {
        val native = client.native
        val one = asked.copy(limit = minOf(asked.limit ?: 1UL, 1UL))
        val rows = crossing { native.query(codec.collection, one).use(NativeQuery::rows) }
        val update = RowsReader(codec, native, rows).update().all.orEmpty()
        // It may not fit the class, and one behind it may.
        return if (update.isEmpty()) null else update.first() ?: all().firstOrNull()
    }

    /** How many there are, those that do not fit the class included. */
    public fun count(): Long = crossing { query(client.native).count() }.toLong()

    /** The rows now, and whenever they are others. A slow collector gets the newest. */
    public fun flow(): Flow<List<Row<T>>> = watched(isConflated = true) { shown, _ -> shown.list() }

    /** All rows now, and what is different whenever they are others: for lists that animate. */
    public fun changes(): Flow<RowsUpdate<T>> = watched(isConflated = false) { _, update -> update }

    /** Their number now, and whenever it is another one. */
    public fun countFlow(): Flow<Long> =
        client.watch(
            { native, wakes -> query(native).watchCount(wakes) },
        ) { _, news -> (news as News.Count).count.toLong() }

    /** The rows as a [StateFlow], [initial] until they have been read. */
    public fun stateIn(
        scope: CoroutineScope,
        started: SharingStarted = SharingStarted.WhileSubscribed(),
        initial: List<Row<T>> = emptyList(),
    ): StateFlow<List<Row<T>>> = flow().stateIn(scope, started, initial)

    private fun <R> watched(
        isConflated: Boolean,
        news: (Shown<T>, RowsUpdate<T>) -> R,
    ): Flow<R> =
        client.watching(isConflated) { native, wakes, emit ->
            val shown = Shown<T>()
            crossing { query(native).watchRows(wakes) }.use { rows ->
                try {
                    do {
                        val bytes = crossing { rows.next() } ?: continue
                        val update = shown.take(RowsReader(codec, native, bytes).update()) ?: continue
                        emit(news(shown, update))
                    } while (wakes.receiveCatching().isSuccess)
                } finally {
                    rows.stop()
                }
            }
        }
}
