package dev.mizu.sync

import dev.mizu.sync.ffi.NativeBatch
import dev.mizu.sync.ffi.NativeClient
import dev.mizu.sync.ffi.Write
import dev.mizu.sync.ffi.newId
import dev.mizu.sync.internal.Unquoted
import dev.mizu.sync.internal.crossing
import kotlinx.serialization.KSerializer
import kotlinx.serialization.json.Json
import kotlinx.serialization.serializer
import java.util.concurrent.atomic.AtomicBoolean

/**
 * Writes to entities that are committed together: what [SyncClient.mutate] gives to its block, and a [Batch] has beside
 * custom mutations. Nothing of it is on disk, and nobody else sees it, before the block has returned.
 */
@SyncDsl
public open class Edits internal constructor(
    private val native: NativeClient,
    private val gathered: NativeBatch,
) {
    private val isOver = AtomicBoolean()

    internal val batch: NativeBatch
        get() {
            if (!isOver.get()) return gathered
            throw SyncException.Misuse("the batch is over: write in its block, or begin another one")
        }

    /** What is done with it later has no effect, and throws. */
    internal fun end() {
        isOver.set(true)
    }

    /** An entity as it is with the writes of this batch; `null` when there is none. */
    public fun <T> get(
        collection: SyncCollection<T>,
        id: String,
    ): T? = crossing { batch.get(collection.name, id) }?.let { collection.codec.decode(native, id, it) }

    /** Adds a new entity under an id of the app's own. */
    public fun <T> create(
        collection: SyncCollection<T>,
        id: String,
        value: T,
    ) {
        val data = collection.codec.encode(native, id, value)
        crossing { batch.write(Write.Create(collection.name, id, data)) }
    }

    /** Adds a new entity under a new id, which it gives. */
    public fun <T> add(
        collection: SyncCollection<T>,
        value: T,
    ): String {
        val id = newId()
        create(collection, id, value)
        return id
    }

    /** Replaces an entity; fields that the app does not know stay. */
    public fun <T> set(
        collection: SyncCollection<T>,
        id: String,
        value: T,
    ) {
        collection.codec
            .set(
                native,
                id,
                value,
            ).passedTo { batch.change(collection.name, id, whole = true, it) }
    }

    /**
     * Changes some properties of an entity; only those are sent. If somebody else changes the entity before all of it is
     * committed, nothing is, and the call that was to commit it throws [SyncException.ChangedMeanwhile].
     */
    public fun <T> update(
        collection: SyncCollection<T>,
        id: String,
        change: (T) -> T,
    ) {
        collection.codec
            .update(
                native,
                id,
                change,
            ).passedTo { batch.change(collection.name, id, whole = false, it) }
    }

    /** Deletes an entity. */
    public fun <T> delete(
        collection: SyncCollection<T>,
        id: String,
    ) {
        crossing { batch.write(Write.Delete(collection.name, id)) }
    }
}

/**
 * Writes that are committed together: what [SyncClient.batch] gives to its block. At the server each is atomic on its own;
 * the batch as a whole is not.
 */
public class Batch internal constructor(
    native: NativeClient,
    batch: NativeBatch,
    @PublishedApi internal val json: Json,
) : Edits(native, batch) {
    /** Queues a mutation of the app's own, with no local effect. */
    public inline fun <reified A> mutate(
        name: String,
        args: A,
    ) {
        mutate(name, json.serializersModule.serializer<A>(), args)
    }

    /** Queues a mutation of the app's own, with no local effect. */
    public fun <A> mutate(
        name: String,
        serializer: KSerializer<A>,
        args: A,
    ) {
        val text = encodeArgs(json, name, serializer, args)
        crossing { batch.write(Write.Mutate(name, text)) }
    }
}

/** What [block] gives. Afterwards nothing can be written by these [edits] any more. */
internal inline fun <E : Edits, R> gathering(
    edits: E,
    block: E.() -> R,
): R =
    try {
        edits.block()
    } finally {
        edits.end()
    }

/** The arguments of a mutation as JSON. */
internal fun <A> encodeArgs(
    json: Json,
    name: String,
    serializer: KSerializer<A>,
    args: A,
): String =
    try {
        json.encodeToString(serializer, args)
    } catch (failure: Exception) {
        throw SyncException.InvalidValue(
            "the arguments of \"$name\" cannot be stored: ${failure.javaClass.simpleName}",
            Unquoted(failure),
        )
    }
