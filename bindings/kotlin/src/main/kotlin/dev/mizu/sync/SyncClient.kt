package dev.mizu.sync

import dev.mizu.sync.ffi.Expected
import dev.mizu.sync.ffi.Goal
import dev.mizu.sync.ffi.Listener
import dev.mizu.sync.ffi.NativeClient
import dev.mizu.sync.ffi.NativeFeed
import dev.mizu.sync.ffi.News
import dev.mizu.sync.ffi.Write
import dev.mizu.sync.internal.Codec
import dev.mizu.sync.internal.Opening
import dev.mizu.sync.internal.Tracking
import dev.mizu.sync.internal.Wakes
import dev.mizu.sync.internal.closed
import dev.mizu.sync.internal.crossing
import dev.mizu.sync.internal.open
import dev.mizu.sync.internal.waiting
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.buffer
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.flowOn
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeoutOrNull
import kotlinx.serialization.KSerializer
import kotlinx.serialization.json.Json
import kotlinx.serialization.serializer
import java.util.concurrent.ConcurrentHashMap
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds

/**
 * A local database that syncs one scope with a server.
 *
 * ```
 * val client = SyncClient("https://api.example.com/_sync", scope = "user:123") {
 *     database = File(context.noBackupFilesDir, "todos.db")
 *     onRejected { Log.w("sync", "not accepted: $it") }
 * }
 * client.start()
 * ```
 *
 * Making one does no I/O: the file is opened on a thread of its own. Whatever reads or writes waits for that, and throws
 * what has failed there. Share one client; [close] it when the user signs out. All of its functions can be called from any
 * thread, in callbacks too.
 *
 * @property scope the data partition that it syncs, such as `user:123`.
 */
public class SyncClient internal constructor(
    public val scope: String,
    options: SyncOptions,
    open: () -> NativeClient,
) : AutoCloseable {
    /**
     * Opens a client that syncs [scope] with the server at [url], such as `https://api.example.com/_sync`.
     *
     * @param configure the options.
     */
    public constructor(url: String, scope: String, configure: SyncOptions.() -> Unit = {}) :
        this(url, scope, SyncOptions().apply(configure))

    private constructor(url: String, scope: String, options: SyncOptions) :
        this(scope, options, { open(url, scope, options) })

    @PublishedApi
    internal val json: Json = options.json

    private val opening = Opening(options.callbacks::notOpened)

    /** Those who watch something, and hear of nothing more once this is closed. */
    private val watching: MutableSet<Wakes> = ConcurrentHashMap.newKeySet()

    /** What the client is doing. Shown, it is a line for a person. */
    public val status: Readable<Status> =
        Watched(this, { Status(it.status()) }, { native, wakes -> native.watchStatus(wakes) }) {
            Status((it as News.Status).status)
        }

    /** The writes that are not confirmed, in order. */
    public val pending: Readable<List<PendingMutation>> =
        Watched(
            this,
            { it.pending().map(::PendingMutation) },
            { native, wakes -> native.watchPending(wakes) },
        ) {
            (it as News.Pending).mutations.map(::PendingMutation)
        }

    /** The writes that the server refused, in order, until they are retried or discarded. */
    public val rejected: Readable<List<RejectedMutation>> =
        Watched(
            this,
            { it.rejected().map(::RejectedMutation) },
            { native, wakes -> native.watchRejected(wakes) },
        ) {
            (it as News.Rejected).mutations.map(::RejectedMutation)
        }

    init {
        // Last: the app may be told of a failure before the constructor has returned, and use all of this there.
        options.callbacks.belongTo(this)
        opening.begin(open)
    }

    /** Whether it was [closed][close] or [wiped][wipe]. */
    public val isClosed: Boolean
        get() = opening.isClosed

    /** How far the server's log has been pulled. */
    public val cursor: Long
        get() = crossing { native.cursor() }.toLong()

    /** Whether the server answers. */
    public val isOnline: Boolean
        get() = crossing { native.isOnline() }

    /** The name under which the file is known to servers: for support, to find this device's mutations in a log. */
    public val clientId: String
        get() = crossing { native.clientId() }

    /** The collection of this name, whose values are of the class [T]. */
    public inline fun <reified T> collection(name: String): SyncCollection<T> =
        collection(name, json.serializersModule.serializer<T>())

    /** The collection of this name, whose values become JSON by [serializer]. */
    public fun <T> collection(
        name: String,
        serializer: KSerializer<T>,
    ): SyncCollection<T> = SyncCollection(this, Codec(name, serializer, json))

    /**
     * Starts the sync, which goes on in the background; as soon as the file is open. Never waits for the network.
     *
     * @throws SyncException.AlreadyStarted where that is known at once; otherwise `onError` is told.
     */
    public fun start() {
        opening.whenOpen { crossing { it.start() } }
    }

    /**
     * Stops the sync, within a second. No callback starts after it; reads and writes go on working. Of a closed client
     * nothing is left to stop.
     */
    public suspend fun stop() {
        try {
            writing { it.stop() }
        } catch (_: SyncException.Closed) {
            // As it is to be.
        }
    }

    /**
     * Stops the sync if it runs, and releases the file with all its locks: for an app that is about to be suspended.
     * Returns when the writes that are under way are on disk. Reads and writes fail until it is [resumed][resume].
     */
    public suspend fun pause() {
        writing { it.pause() }
    }

    /** Takes the file again after [pause], and starts the sync if it ran. */
    public suspend fun resume() {
        writing { it.resume() }
    }

    /**
     * Stops the sync and frees the file for good. Flows end; whatever is called later throws [SyncException.Closed]. No
     * callback starts after it.
     */
    override fun close() {
        opening.close()
        watching.forEach(Wakes::end)
    }

    /**
     * Closes the client and deletes its file, for a user who signs out.
     *
     * @param loseUnsent whether writes may be lost that the server has not confirmed.
     * @throws SyncException.Unsent when writes would be lost; then nothing has happened.
     */
    public suspend fun wipe(loseUnsent: Boolean = false) {
        writing {
            it.wipe(loseUnsent)
            // Here, where no cancelled coroutine misses it.
            close()
        }
    }

    /**
     * Syncs now, and waits until everything is sent, its effects are seen, and the server's changes up to this call are
     * here. Cancelling the coroutine ends the wait, not the sync.
     *
     * @throws SyncException.TimedOut with the reason.
     */
    public suspend fun sync(timeout: Duration = 30.seconds) {
        wait(Goal.SYNCED, timeout)
    }

    /** Waits until every write is sent and its effects are seen. Otherwise as [sync]. */
    public suspend fun flush(timeout: Duration = 30.seconds) {
        wait(Goal.SENT, timeout)
    }

    /** Waits until the server's data has been here once. Returns at once if it has, in an earlier process even. */
    public suspend fun waitForFirstSync(timeout: Duration = 30.seconds) {
        wait(Goal.FIRST_SYNC, timeout)
    }

    /** Waits until every callback and watcher has heard of what happened before this call: for tests. */
    public suspend fun delivered(timeout: Duration = 30.seconds) {
        val wakes = Wakes()
        heard(wakes) {
            writing { it.whenDelivered(wakes) }
            val told =
                within(timeout) { wakes.receiveCatching() }
                    ?: throw SyncException.TimedOut("not delivered after $timeout: a callback has not returned")
            if (told.isClosed) throw closed()
        }
    }

    /**
     * Several writes that are kept together or not at all, consecutive in the queue. Inside, reads through the batch see
     * its writes; everybody else sees them when this returns. What [block] throws undoes all of them, and so does a
     * cancellation of the coroutine that is there when it returns. It runs on a thread for writes.
     *
     * @throws SyncException.ChangedMeanwhile when somebody else, the sync for instance, has meanwhile changed an entity
     *   that the block updates: nothing was written then, and the call can be made again.
     */
    public suspend fun <R> batch(block: Batch.() -> R): R {
        val caller = currentCoroutineContext()
        return onThread { native ->
            crossing { native.batch() }.use { gathered ->
                val result = gathering(Batch(native, gathered, json), block)
                caller.ensureActive()
                crossing { gathered.commit() }
                result
            }
        }
    }

    /** Queues a mutation of the app's own, with no effect here before the server's changes arrive. Gives its id. */
    public suspend inline fun <reified A> mutate(
        name: String,
        args: A,
    ): String = mutate(name, json.serializersModule.serializer<A>(), args, null)

    /**
     * Queues a mutation of the app's own. What [expect] does to entities, the server is expected to do: it is shown at
     * once, and replaced by the server's own changes when they arrive, or undone when it refuses. Gives its id.
     */
    public suspend inline fun <reified A> mutate(
        name: String,
        args: A,
        noinline expect: Edits.() -> Unit,
    ): String = mutate(name, json.serializersModule.serializer<A>(), args, expect)

    /** As the others, with the serializer of the arguments. */
    public suspend fun <A> mutate(
        name: String,
        serializer: KSerializer<A>,
        args: A,
        expect: (Edits.() -> Unit)?,
    ): String =
        onThread { native ->
            val text = encodeArgs(json, name, serializer, args)
            crossing { native.batch() }.use { gathered ->
                if (expect != null) gathering(Edits(native, gathered), expect)
                crossing { gathered.commitAs(Expected(name, text)) }
            }
        }

    /** Queues a rejected mutation again, at the end. Gives the id of the new one. */
    public suspend fun retry(id: String): String = writing { it.retry(id, null) }

    /** As [retry], with other arguments: those of [RejectedMutation.args], mended, as JSON. */
    public suspend fun retryWith(
        id: String,
        args: String,
    ): String = writing { it.retry(id, args) }

    /** Forgets a mutation that was rejected or is still pending, and undoes what it did here. */
    public suspend fun discard(id: String) {
        writing { it.discard(id) }
    }

    /**
     * Replaces the token. Requests to come have it, the live socket is opened anew with it, and a sync that waits for a
     * token goes on.
     */
    public fun setToken(token: String) {
        opening.whenOpen { crossing { it.setToken(token) } }
    }

    /**
     * What the platform says of the network. On Android the library for it calls this. May be called at any time: of a
     * client that is closed it is no concern, and so with the next two.
     */
    public fun setNetwork(isUp: Boolean) {
        opening.ifOpen { crossing { it.setNetwork(isUp) } }
    }

    /** Whether the app is seen. On Android the library for it calls this. */
    public fun setForeground(isForeground: Boolean) {
        opening.ifOpen { crossing { it.setForeground(isForeground) } }
    }

    /** For an app that hears of changes by itself, by a push notification say: the server's log has grown up to here. */
    public fun notifyLive(cursor: Long) {
        opening.ifOpen { crossing { it.notifyLive(cursor.toULong()) } }
    }

    override fun toString(): String = "SyncClient($scope)"

    /** The open client; waits for it. */
    internal val native: NativeClient
        get() = opening.client

    /** Calls what waits for the disk, or for the client to be opened, on a thread that may. */
    internal suspend fun <R> writing(call: (NativeClient) -> R): R = onThread { crossing { call(it) } }

    /** As [writing], for what calls code of the app on its way. */
    private suspend fun <R> onThread(work: (NativeClient) -> R): R {
        Tracking.mayWrite()
        val native = opening.await()
        return withContext(waiting) { work(native) }
    }

    /** Emits what a feed of the core has news of. */
    internal fun <R> watch(
        feed: (NativeClient, Listener) -> NativeFeed,
        read: (NativeClient, News) -> R,
    ): Flow<R> =
        watching { native, wakes, emit ->
            crossing { feed(native, wakes) }.use {
                try {
                    do {
                        crossing { it.next() }?.let { news -> emit(read(native, news)) }
                    } while (wakes.receiveCatching().isSuccess)
                } finally {
                    it.stop()
                }
            }
        }

    /**
     * A flow that ends when this is closed. It reads, and decodes, on threads for that.
     *
     * @param isConflated whether only the newest counts; otherwise the next is not read before the last is collected.
     */
    internal fun <R> watching(
        isConflated: Boolean = true,
        collect: suspend (NativeClient, Wakes, suspend (R) -> Unit) -> Unit,
    ): Flow<R> =
        flow {
            val wakes = Wakes()
            heard(wakes) { collect(opening.await(), wakes) { emit(it) } }
        }.buffer(if (isConflated) Channel.CONFLATED else Channel.RENDEZVOUS).flowOn(waiting)

    private suspend fun wait(
        goal: Goal,
        timeout: Duration,
    ) {
        val wakes = Wakes()
        heard(wakes) {
            writing { it.wait(goal, wakes) }.use { wait ->
                val isDone = { crossing { wait.isDone() } }
                if (isDone()) return
                val isTimedOut =
                    null ==
                        within(timeout) {
                            while (!isDone()) if (wakes.receiveCatching().isClosed) throw closed()
                        }
                val after = timeout.coerceAtLeast(Duration.ZERO).inWholeMilliseconds.toULong()
                if (isTimedOut) wait.timedOut(after)?.let { crossing { throw it } }
            }
        }
    }

    /** By the clock of the world, also where the caller's dispatcher has another one: that of a test leaps. */
    private suspend fun <R> within(
        timeout: Duration,
        wait: suspend () -> R,
    ): R? = withContext(waiting) { withTimeoutOrNull(timeout) { wait() } }

    private inline fun <R> heard(
        wakes: Wakes,
        block: () -> R,
    ): R {
        watching += wakes
        try {
            return block()
        } finally {
            watching -= wakes
        }
    }
}

/** Something that the core knows of a client. */
private class Watched<T>(
    private val client: SyncClient,
    private val now: (NativeClient) -> T,
    private val feed: (NativeClient, Listener) -> NativeFeed,
    private val read: (News) -> T,
) : Readable<T> {
    override val value: T
        get() = crossing { now(client.native) }

    override fun flow(): Flow<T> = client.watch(feed) { _, news -> read(news) }
}
