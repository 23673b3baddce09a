package dev.mizu.sync

import dev.mizu.sync.ffi.NativeClient
import dev.mizu.sync.ffi.News
import dev.mizu.sync.ffi.Write
import dev.mizu.sync.internal.Codec
import dev.mizu.sync.internal.EntityCopy
import dev.mizu.sync.internal.crossing
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.distinctUntilChanged
import kotlinx.coroutines.flow.map

/**
 * A handle on one entity, whether it is there or not. Made by [SyncCollection.get]; making one reads nothing.
 *
 * @property id its id.
 */
public class Entity<T> internal constructor(
    private val client: SyncClient,
    private val codec: Codec<T>,
    public val id: String,
) {
    private val native: NativeClient
        get() = client.native

    private val copy = EntityCopy(client, codec.collection, id)

    /**
     * Its value, another object each time; `null` when it is not visible. A handle that was read before reads again without
     * a call into the core, until the entity is changed: keep the handle of what is read often.
     */
    public fun get(): T? = copy.json()?.let { codec.decode(native, id, it) }

    /** It with all that is known of it; `null` when it is not visible. */
    public fun row(): Row<T>? = crossing { native.row(codec.collection, id) }?.let { codec.row(native, id, it) }

    /** Whether it is visible. */
    public fun exists(): Boolean = crossing { native.has(codec.collection, id) }

    /** Its value now, and whenever it is another one; `null` when it is not visible. */
    public fun flow(): Flow<T?> = rowFlow().map { it?.value }.distinctUntilChanged()

    /** It now, and whenever it is another one or its marks are; `null` when it is not visible. */
    public fun rowFlow(): Flow<Row<T>?> =
        client.watch({ native, wakes -> native.watchEntity(codec.collection, id, wakes) }) { native, news ->
            (news as News.Entity).row?.let { codec.row(native, id, it) }
        }

    /**
     * Replaces it as a whole. Fields that this version of the app does not know stay as they are. On disk when this
     * returns.
     *
     * @throws SyncException.NotFound when it is not visible.
     */
    public suspend fun set(value: T) {
        client.writing { native ->
            codec.set(native, id, value).passedTo { native.change(codec.collection, id, whole = true, it) }
        }
    }

    /**
     * Changes it: only the properties that are different afterwards are written and sent, so that changes of others by
     * others survive. Nothing happens when none is. On disk when this returns.
     *
     * [change] runs on a thread for writes, and again if the entity was changed meanwhile, so that none of two changes at
     * the same time is lost; not after the coroutine was cancelled.
     *
     * @throws SyncException.NotFound when it is not visible.
     */
    public suspend fun update(change: (T) -> T) {
        val caller = currentCoroutineContext()
        client.writing { native ->
            codec
                .update(native, id) {
                    caller.ensureActive()
                    change(it)
                }.passedTo { native.change(codec.collection, id, whole = false, it) }
        }
    }

    /**
     * Deletes it, here at once and at the server when it gets there. That it is not visible here is no error: it may exist
     * at the server.
     */
    public suspend fun delete() {
        client.writing { it.write(Write.Delete(codec.collection, id)) }
    }

    /** Handles on the same entity of the same client are equal, so that a screen can remember what it made of one. */
    override fun equals(other: Any?): Boolean =
        other is Entity<*> && client === other.client && id == other.id && codec.collection == other.codec.collection

    override fun hashCode(): Int = 31 * codec.collection.hashCode() + id.hashCode()

    override fun toString(): String = "${codec.collection}/$id"
}
