package dev.mizu.sync.testing

import dev.mizu.sync.DefaultJson
import dev.mizu.sync.SyncException
import dev.mizu.sync.ffi.Mutate
import dev.mizu.sync.ffi.NativeRefusal
import dev.mizu.sync.ffi.NativeTransaction
import dev.mizu.sync.internal.crossing

/**
 * A mutation of the app's own at work in a [TestServer]: what it was sent with, and the entities of its scope. What it
 * does is kept if the rule returns, and undone if that refuses it.
 */
public class ServerTransaction internal constructor(
    private val native: NativeTransaction,
) {
    /** The scope that the mutation belongs to. */
    public val scope: String
        get() = crossing { native.scope() }

    /** The mutation's arguments, as JSON. */
    public val argsJson: String
        get() = crossing { native.args() }

    /** The mutation's arguments. Where they do not fit [T], the mutation is refused. */
    public inline fun <reified T> args(): T = DefaultJson.decodeFromString(argsJson)

    /** An entity; `null` when there is none. */
    public inline fun <reified T> get(
        collection: String,
        id: String,
    ): T? = getJson(collection, id)?.let { DefaultJson.decodeFromString<T>(it) }

    /** The JSON of an entity; `null` when there is none. */
    public fun getJson(
        collection: String,
        id: String,
    ): String? = crossing { native.get(collection, id) }

    /** Stores an entity, whether it exists or not. */
    public inline fun <reified T> put(
        collection: String,
        id: String,
        value: T,
    ) {
        putJson(collection, id, DefaultJson.encodeToString(value))
    }

    /** Stores an entity as JSON, whether it exists or not. */
    public fun putJson(
        collection: String,
        id: String,
        json: String,
    ) {
        crossing { native.put(collection, id, json) }
    }

    /** Deletes an entity. Whether there was one. */
    public fun delete(
        collection: String,
        id: String,
    ): Boolean = crossing { native.delete(collection, id) }

    /** Refuses the mutation for ever; [code]: `conflict`, `invalid_mutation`, `not_found`, `forbidden`. */
    public fun refuse(
        code: String,
        message: String,
    ): Nothing = throw Refused(NativeRefusal(code, message))

    /** Refuses the mutation for now: the client tries it again. */
    public fun fail(message: String): Nothing = throw Refused(NativeRefusal(null, message))
}

/** A mutation is not to be applied. */
private class Refused(
    val refusal: NativeRefusal,
) : RuntimeException(refusal.message)

/** What a test says that a mutation does. */
internal class Rule(
    private val apply: ServerTransaction.() -> Unit,
) : Mutate {
    override fun mutate(transaction: NativeTransaction): NativeRefusal? =
        try {
            transaction.use { ServerTransaction(it).apply() }
            null
        } catch (refused: Refused) {
            refused.refusal
        } catch (failure: SyncException.InvalidValue) {
            NativeRefusal("invalid_mutation", failure.message.orEmpty())
        } catch (failure: IllegalArgumentException) {
            // What kotlinx.serialization throws where something does not fit.
            NativeRefusal("invalid_mutation", "the arguments do not fit this mutation: ${failure.message}")
        } catch (failure: Throwable) {
            NativeRefusal(null, "the rule of the test has thrown: $failure")
        }
}
