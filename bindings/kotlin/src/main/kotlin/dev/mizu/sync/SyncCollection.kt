package dev.mizu.sync

import dev.mizu.sync.ffi.Write
import dev.mizu.sync.ffi.newId
import dev.mizu.sync.internal.Codec
import dev.mizu.sync.internal.crossing
import kotlinx.coroutines.flow.Flow

/**
 * The entities of one name and class. Made by [SyncClient.collection]; making one reads nothing.
 *
 * What reads the file blocks for as long as SQLite needs, see [Query]. What writes suspends until it is on disk; when the
 * coroutine is cancelled meanwhile, the write may have been made or not.
 */
public class SyncCollection<T> internal constructor(
    internal val client: SyncClient,
    internal val codec: Codec<T>,
) {
    private val every = Query(client, codec, QueryBuilder().build())

    /** Its name. */
    public val name: String
        get() = codec.collection

    /** A handle on the entity with this id, whether there is one or not. */
    public operator fun get(id: String): Entity<T> = Entity(client, codec, id)

    /** Whether an entity with this id is visible. */
    public fun has(id: String): Boolean = get(id).exists()

    /** One entity with all that is known of it; `null` when it is not visible. */
    public fun row(id: String): Row<T>? = get(id).row()

    /** How many entities are visible. */
    public fun count(): Long = every.count()

    /** All visible entities, by id. One that does not fit the class is passed over, and told once by `onError`. */
    public fun all(): List<Row<T>> = every.all()

    /** The visible entities that [wanted] says yes to, by id. A [query] reads only what it asks for. */
    public fun find(wanted: (T) -> Boolean): List<Row<T>> = all().filter { wanted(it.value) }

    /** All entities now, and whenever they are others. */
    public fun flow(): Flow<List<Row<T>>> = every.flow()

    /** Some entities, in an order: see [QueryBuilder]. */
    public fun query(build: QueryBuilder.() -> Unit = {}): Query<T> =
        Query(client, codec, QueryBuilder().apply(build).build())

    /**
     * Adds a new entity under an id of the app's own. It is on disk when this returns.
     *
     * Choose ids that nobody else chooses, or use [add]: where two devices create one id, the server keeps the first, and
     * the creation of the other is rejected.
     *
     * @throws SyncException.AlreadyExists when one is visible under this id.
     */
    public suspend fun create(
        id: String,
        value: T,
    ): Entity<T> {
        client.writing { native -> native.write(Write.Create(name, id, codec.encode(native, id, value))) }
        return get(id)
    }

    /** Adds a new entity under a new id. It is on disk when this returns; for many at once see [SyncClient.batch]. */
    public suspend fun add(value: T): Entity<T> {
        client
            .writing { native ->
                val id = newId()
                native.write(Write.Create(name, id, codec.encode(native, id, value)))
                id
            }.let { return get(it) }
    }

    override fun toString(): String = name
}
