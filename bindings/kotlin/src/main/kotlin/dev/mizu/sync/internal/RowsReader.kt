package dev.mizu.sync.internal

import dev.mizu.sync.Row
import dev.mizu.sync.RowChange
import dev.mizu.sync.RowsUpdate
import dev.mizu.sync.ffi.NativeClient

private const val ALL = 0
private const val REMOVED = 0
private const val INSERTED = 1
private const val PENDING = 1
private const val REJECTED = 2

/** Reads rows from bytes, in the format that `src/ffi/rows.rs` describes. */
internal class RowsReader<T>(
    private val codec: Codec<T>,
    private val client: NativeClient,
    private val bytes: ByteArray,
) {
    /** The next byte. */
    private var at = 0

    /** An update of which rows that do not fit the class are still a part, as `null`. */
    class Update<T>(
        val version: Long,
        val all: List<Row<T>?>?,
        val changes: List<Change<T>>,
    )

    /** @property row `null` where the row is gone, or does not fit the class. */
    class Change<T>(
        val kind: Int,
        val index: Int,
        val row: Row<T>?,
    )

    /** All rows that fit the class. */
    fun rows(): List<Row<T>> = update().all.orEmpty().filterNotNull()

    fun update(): Update<T> {
        val kind = bytes[at++].toInt()
        val version = long()
        val count = int()
        return if (kind == ALL) {
            Update(version, rows(count), emptyList())
        } else {
            Update(version, null, List(count) { change() })
        }
    }

    /** As one list of JSON, which is decoded faster than each row on its own; where one does not fit, row by row. */
    private fun rows(count: Int): List<Row<T>?> {
        val stored = List(count) { stored() }
        val values = if (count > 1) codec.decodeAll(list(stored)) else null
        if (values?.size != count) return stored.map(::row)
        return stored.mapIndexed { index, row -> Row(row.id, values[index], row.isPending, row.isRejected) }
    }

    private fun list(rows: List<Stored>): String {
        val list = ByteArray(rows.sumOf { it.length + 1 } + 1)
        var end = 0
        for (row in rows) {
            list[end] = if (end == 0) '['.code.toByte() else ','.code.toByte()
            bytes.copyInto(list, end + 1, row.start, row.start + row.length)
            end += row.length + 1
        }
        list[end] = ']'.code.toByte()
        return String(list, Charsets.UTF_8)
    }

    private fun change(): Change<T> {
        val kind = bytes[at++].toInt()
        val index = int()
        return Change(kind, index, if (kind == REMOVED) null else row(stored()))
    }

    private fun row(stored: Stored): Row<T>? {
        val data = String(bytes, stored.start, stored.length, Charsets.UTF_8)
        return codec.row(client, stored.id, data, stored.isPending, stored.isRejected)
    }

    private fun stored(): Stored {
        val id = int().let { length -> String(bytes, skip(length), length, Charsets.UTF_8) }
        val marks = bytes[at++].toInt()
        val length = int()
        return Stored(id, marks, skip(length), length)
    }

    /** Goes on behind so many bytes. Gives where they begin. */
    private fun skip(length: Int): Int = at.also { at += length }

    /** A row whose JSON is so many bytes from there. */
    private class Stored(
        val id: String,
        private val marks: Int,
        val start: Int,
        val length: Int,
    ) {
        val isPending get() = marks and PENDING != 0
        val isRejected get() = marks and REJECTED != 0
    }

    private fun long(): Long = (int().toLong() shl Int.SIZE_BITS) or int().toUInt().toLong()

    private fun int(): Int {
        at += Int.SIZE_BYTES
        return (bytes[at - 4].toInt() shl 24) or
            ((bytes[at - 3].toInt() and 0xFF) shl 16) or
            ((bytes[at - 2].toInt() and 0xFF) shl 8) or
            (bytes[at - 1].toInt() and 0xFF)
    }
}

/** The rows of a query as a watcher was told of them, with those that do not fit the class as `null`. */
internal class Shown<T> {
    private var rows: MutableList<Row<T>?> = mutableListOf()
    private var holes = 0

    /** The rows that fit the class. */
    fun list(): List<Row<T>> = if (holes == 0) rows.map { checkNotNull(it) } else rows.filterNotNull()

    /** Takes an update, and gives it in terms of the rows that fit; `null` when none of those is different. */
    fun take(update: RowsReader.Update<T>): RowsUpdate<T>? {
        val all = update.all
        if (all != null) {
            rows = all.toMutableList()
            holes = rows.count { it == null }
            return RowsUpdate.All(list(), update.version)
        }
        val changes = update.changes.flatMap(::change)
        return if (changes.isEmpty()) null else RowsUpdate.Changes(changes, update.version)
    }

    private fun change(change: RowsReader.Change<T>): List<RowChange<T>> {
        // Of the rows before it, those that fit.
        val place = if (holes == 0) change.index else rows.subList(0, change.index).count { it != null }
        val row = change.row
        val before =
            when (change.kind) {
                INSERTED -> {
                    rows.add(change.index, row)
                    null
                }

                REMOVED -> {
                    rows.removeAt(change.index)
                }

                else -> {
                    rows.set(change.index, row)
                }
            }
        holes += (if (row == null && change.kind != REMOVED) 1 else 0) -
            (if (before == null && change.kind != INSERTED) 1 else 0)
        return when {
            row == null && before == null -> emptyList()
            row == null -> listOf(RowChange.Removed(place))
            before == null -> listOf(RowChange.Inserted(place, row))
            else -> listOf(RowChange.Updated(place, row))
        }
    }
}
