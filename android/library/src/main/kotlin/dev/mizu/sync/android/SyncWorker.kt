package dev.mizu.sync.android

import android.content.Context
import androidx.work.CoroutineWorker
import androidx.work.WorkerParameters
import dev.mizu.sync.Status
import dev.mizu.sync.SyncClient
import dev.mizu.sync.SyncException
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.coroutineScope
import kotlin.time.Duration
import kotlin.time.Duration.Companion.minutes

/**
 * Syncs all clients that are attached to [SyncPlatform] once. It runs in the app's process, with the clients that the app
 * itself uses: a file has one client. So an app attaches its clients in `Application.onCreate`, where they are also made
 * when Android starts the process for this alone. Without one it does nothing.
 *
 * It is to be tried again when something is in the way that may pass; what needs the app or the user is told to them by the
 * client, and no retry helps.
 */
public class SyncWorker internal constructor(
    context: Context,
    parameters: WorkerParameters,
    private val limit: Duration,
) : CoroutineWorker(context, parameters) {
    /** As WorkManager makes it. */
    public constructor(context: Context, parameters: WorkerParameters) : this(context, parameters, LIMIT)

    override suspend fun doWork(): Result {
        // At once: a server that answers nothing takes no other client's time.
        val failures = coroutineScope { SyncPlatform.clients.map { async { sync(it) } }.awaitAll() }
        return if (failures.any { it?.isPassing == true }) Result.retry() else Result.success()
    }

    /** Why it did not sync, if it did not. */
    private suspend fun sync(client: SyncClient): SyncException? =
        try {
            client.sync(timeout = limit)
            null
        } catch (failure: SyncException) {
            failure.takeUnless { it is SyncException.TimedOut && needsToken(client) }
        }

    /** For a token that only the app or the user has, no retry is of use. */
    private fun needsToken(client: SyncClient): Boolean =
        try {
            client.status.value.auth != Status.Auth.GRANTED
        } catch (_: SyncException) {
            false
        }

    private companion object {
        /** Long for a queue, and short for a battery that waits for a server that does not answer. What is left is retried. */
        val LIMIT = 2.minutes
    }
}
