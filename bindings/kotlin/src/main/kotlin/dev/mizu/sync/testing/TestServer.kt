package dev.mizu.sync.testing

import dev.mizu.sync.DefaultJson
import dev.mizu.sync.SyncClient
import dev.mizu.sync.SyncOptions
import dev.mizu.sync.ffi.NativeEndpoint
import dev.mizu.sync.ffi.NativeServer
import dev.mizu.sync.internal.crossing
import kotlinx.serialization.json.JsonElement
import kotlin.time.Duration

/**
 * A small server of the sync protocol, in memory, that does what a test tells it: for tests of what an app does when it is
 * offline, refused, signed out, or not alone. Real HTTP on a free port of this machine, so that the whole client is tested.
 *
 * ```
 * TestServer().use { server ->
 *     val phone = server.client("user:1")
 *     server.goOffline()
 *     phone.collection<Todo>("todo").add(Todo("Milk"))
 *     server.goOnline()
 *     phone.flush()
 *     assertEquals(1, server.count("user:1", "todo"))
 * }
 * ```
 *
 * All of its functions can be called at any time from any thread; none of them waits for a client but those whose names
 * say so, for a minute at most. It is for tests: it keeps everything that it was ever asked.
 */
public class TestServer : AutoCloseable {
    private val native: NativeServer = crossing { NativeServer.start() }

    /** Its base URL, for [SyncClient]. */
    public val url: String
        get() = crossing { native.url() }

    /** A client of this server, in memory unless told otherwise, that has synced once and goes on syncing: a device. */
    public suspend fun client(
        scope: String,
        configure: SyncOptions.() -> Unit = {},
    ): SyncClient {
        val client = SyncClient(url, scope, configure)
        try {
            client.start()
            client.waitForFirstSync()
        } catch (failure: Throwable) {
            client.close()
            throw failure
        }
        return client
    }

    /** Makes an entity [value], as if another device had. */
    public inline fun <reified T> put(
        scope: String,
        collection: String,
        id: String,
        value: T,
    ) {
        putJson(scope, collection, id, DefaultJson.encodeToString(value))
    }

    /** Makes an entity what [json] says, as if another device had. */
    public fun putJson(
        scope: String,
        collection: String,
        id: String,
        json: String,
    ) {
        crossing { native.put(scope, collection, id, json) }
    }

    /** Deletes an entity, as if another device had. Whether there was one. */
    public fun delete(
        scope: String,
        collection: String,
        id: String,
    ): Boolean = crossing { native.delete(scope, collection, id) }

    /** An entity as it is at the server; `null` when there is none. */
    public inline fun <reified T> get(
        scope: String,
        collection: String,
        id: String,
    ): T? = getJson(scope, collection, id)?.let { DefaultJson.decodeFromString<T>(it) }

    /** The JSON of an entity as it is at the server; `null` when there is none. */
    public fun getJson(
        scope: String,
        collection: String,
        id: String,
    ): String? = crossing { native.get(scope, collection, id) }

    /** How many entities a collection has. */
    public fun count(
        scope: String,
        collection: String,
    ): Long = crossing { native.count(scope, collection) }.toLong()

    /** The mutations that it has applied, in order. */
    public val mutations: List<AppliedMutation>
        get() =
            crossing { native.mutations() }.map {
                AppliedMutation(it.id, it.name, it.scope, DefaultJson.parseToJsonElement(it.args))
            }

    /** How often an endpoint was asked. */
    public fun requests(endpoint: Endpoint): Long = crossing { native.requests(endpoint.native) }.toLong()

    /** Waits until an endpoint was asked so often. */
    public fun waitForRequests(
        endpoint: Endpoint,
        times: Long,
    ) {
        crossing { native.waitForRequests(endpoint.native, times.toULong()) }
    }

    /** Waits until a client listens to a scope, and is told of changes within a blink. */
    public fun waitForSubscription(scope: String) {
        crossing { native.waitForSubscription(scope) }
    }

    /** Refuses mutations of this name for ever; [code]: `conflict`, `invalid_mutation`, `not_found`, `forbidden`. */
    public fun reject(
        mutation: String,
        code: String,
        message: String,
    ) {
        crossing { native.reject(mutation, code, message) }
    }

    /** Refuses mutations of this name for now. */
    public fun fail(
        mutation: String,
        message: String,
    ) {
        crossing { native.fail(mutation, message) }
    }

    /** Accepts mutations of this name again. */
    public fun accept(mutation: String) {
        crossing { native.accept(mutation) }
    }

    /**
     * Says what a mutation of the app's own does, or what a generic one does instead. Without this the server knows
     * `<collection>.create`, `.update`, `.patch` and `.delete`, and refuses any other as `unknown_mutation`.
     *
     * ```
     * server.onMutation("account.withdraw") {
     *     val bank = get<Account>("account", "bank") ?: refuse("not_found", "there is no bank")
     *     val left = bank.cents - args<Long>()
     *     if (left < 0) refuse("conflict", "there is less in the bank")
     *     put("account", "bank", Account(left))
     * }
     * ```
     *
     * [apply] runs again if something else has changed meanwhile.
     */
    public fun onMutation(
        name: String,
        apply: ServerTransaction.() -> Unit,
    ) {
        crossing { native.onMutation(name, Rule(apply)) }
    }

    /** Whether it acts as a server that knows none of this project's additions to the protocol. */
    public fun plain(isOn: Boolean) {
        crossing { native.plain(isOn) }
    }

    /** Answers the next so many requests with this status, and does nothing else. Several calls follow each other. */
    public fun answerStatus(
        endpoint: Endpoint,
        status: Int,
        times: Int = 1,
        retryAfter: Duration? = null,
    ) {
        val seconds = retryAfter?.inWholeSeconds?.toULong()
        crossing { native.answerStatus(endpoint.native, status.toUShort(), seconds, times.toULong()) }
    }

    /** Answers as it should again. */
    public fun answerNormally() {
        crossing { native.answerNormally() }
    }

    /** Lets in only whoever has this token. Sockets are closed. */
    public fun requireToken(token: String) {
        crossing { native.requireToken(token) }
    }

    /** Lets nobody in before [requireToken] says which token is the new one. */
    public fun expireTokens() {
        crossing { native.expireTokens() }
    }

    /** Refuses a scope to everybody. */
    public fun forbid(scope: String) {
        crossing { native.forbid(scope) }
    }

    /** Ends [forbid]. */
    public fun allow(scope: String) {
        crossing { native.allow(scope) }
    }

    /** Loses everything, as if its database had been deleted. */
    public fun reset() {
        crossing { native.reset() }
    }

    /** Remembers what it has, for [restore]. */
    public fun backUp() {
        crossing { native.backUp() }
    }

    /** Goes back to what it remembered. */
    public fun restore() {
        crossing { native.restore() }
    }

    /** Forgets its log but for the newest mutation of each scope: who was away for longer takes a snapshot. */
    public fun trim() {
        crossing { native.trim() }
    }

    /** Nobody reaches it. */
    public fun goOffline() {
        crossing { native.goOffline() }
    }

    /** It is reached again. A client finds out at its next attempt, or when it is told [SyncClient.setNetwork]. */
    public fun goOnline() {
        crossing { native.goOnline() }
    }

    /** Takes requests, and answers none before [release]. */
    public fun hang() {
        crossing { native.hang() }
    }

    /** Ends [hang]: what was taken is applied and answered now. */
    public fun release() {
        crossing { native.release() }
    }

    /** Applies the next so many requests, and loses the replies. */
    public fun loseReplies(
        endpoint: Endpoint,
        times: Int = 1,
    ) {
        crossing { native.loseReplies(endpoint.native, times.toULong()) }
    }

    /** Whether everything is answered by a page that wants a sign-in, as in a hotel. */
    public fun captivePortal(isOn: Boolean) {
        crossing { native.captivePortal(isOn) }
    }

    /** Whether it takes live sockets. */
    public fun live(isOn: Boolean) {
        crossing { native.live(isOn) }
    }

    /** Stops it, and frees its port. */
    override fun close() {
        crossing { native.stop() }
    }

    /** What a server is asked for. */
    public enum class Endpoint(
        internal val native: NativeEndpoint,
    ) {
        /** To take mutations. */
        PUSH(NativeEndpoint.PUSH),

        /** For changes. */
        PULL(NativeEndpoint.PULL),

        /** For everything. */
        SNAPSHOT(NativeEndpoint.SNAPSHOT),
    }

    /**
     * A mutation that the server has applied.
     *
     * @property id its id, which its client made.
     * @property name `todo.create`, for instance.
     * @property scope the scope that it belongs to.
     * @property args its arguments.
     */
    public class AppliedMutation internal constructor(
        public val id: String,
        public val name: String,
        public val scope: String,
        public val args: JsonElement,
    )
}
