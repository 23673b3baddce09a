package dev.mizu.sync.internal

import dev.mizu.sync.SyncClient

/**
 * The JSON of an entity. From the second time that it is read on, a copy is kept here until the core recalls it: a handle
 * that is made, read once and dropped costs one call. So does one that is one too many for the core.
 */
internal class EntityCopy(
    private val client: SyncClient,
    private val collection: String,
    private val id: String,
) {
    @Volatile
    private var wasRead = false
    private val lease = Lease<String?>()
    private val entity by lazy { crossing { client.native.entity(collection, id, lease) } }

    /**
     * `null` when the entity is not visible. Whoever is tracked has to tell the core that it reads it. What runs in an
     * effect may have read of a commit already of which the core is yet to tell.
     */
    fun json(): String? {
        val native = client.native
        if (wasRead && !Tracking.isInside) {
            entity?.let { entity -> return lease.value { crossing { entity.lease() } } }
        }
        wasRead = true
        return crossing { native.get(collection, id) }
    }
}
