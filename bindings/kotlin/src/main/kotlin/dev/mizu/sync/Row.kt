package dev.mizu.sync

/**
 * One visible entity.
 *
 * @property id its id.
 * @property value its value, with the writes of this device.
 * @property pending whether writes to it are still on their way to the server: an "unsent" badge.
 * @property rejected whether a write to it was refused, and neither retried nor discarded.
 */
public data class Row<out T>(
    val id: String,
    val value: T,
    val pending: Boolean = false,
    val rejected: Boolean = false,
)

/**
 * What becomes of the rows of a query.
 *
 * @property version counts the commits of this device since the client was opened: rows of version 7 have everything that
 *   had been committed when it was 7, and may have more.
 */
public sealed class RowsUpdate<out T> {
    public abstract val version: Long

    /**
     * All rows: the first time, and whenever there would be more changes than rows.
     *
     * @property rows in order.
     */
    public class All<out T> internal constructor(
        public val rows: List<Row<T>>,
        override val version: Long,
    ) : RowsUpdate<T>()

    /**
     * What is different since then.
     *
     * @property changes to be made one after the other.
     */
    public class Changes<out T> internal constructor(
        public val changes: List<RowChange<T>>,
        override val version: Long,
    ) : RowsUpdate<T>()

    /** Brings a list up to date that had all updates before this one. */
    public fun applyTo(list: MutableList<in Row<T>>) {
        when (this) {
            is All -> {
                list.clear()
                list.addAll(rows)
            }

            is Changes -> {
                changes.forEach { it.applyTo(list) }
            }
        }
    }
}

/**
 * A change of a list of rows. One that moves is removed, and inserted again where it is now.
 *
 * @property index its place, from 0, in the list as it is at this moment.
 */
public sealed class RowChange<out T> {
    public abstract val index: Int

    /** The row at this place is gone. */
    public data class Removed(
        override val index: Int,
    ) : RowChange<Nothing>()

    /**
     * A row is new at this place; those from there on move up.
     *
     * @property row the row.
     */
    public data class Inserted<out T>(
        override val index: Int,
        val row: Row<T>,
    ) : RowChange<T>()

    /**
     * The row at this place is another one of the same id.
     *
     * @property row the row as it is now.
     */
    public data class Updated<out T>(
        override val index: Int,
        val row: Row<T>,
    ) : RowChange<T>()

    internal fun applyTo(list: MutableList<in Row<T>>) {
        when (this) {
            is Removed -> list.removeAt(index)
            is Inserted -> list.add(index, row)
            is Updated -> list[index] = row
        }
    }
}
