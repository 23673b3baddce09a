package dev.mizu.sync.android

import android.content.Context
import androidx.work.BackoffPolicy
import androidx.work.Constraints
import androidx.work.ExistingPeriodicWorkPolicy
import androidx.work.ExistingWorkPolicy
import androidx.work.NetworkType
import androidx.work.OneTimeWorkRequestBuilder
import androidx.work.PeriodicWorkRequestBuilder
import androidx.work.WorkManager
import java.util.concurrent.TimeUnit
import kotlin.time.Duration
import kotlin.time.Duration.Companion.hours

/**
 * Syncs while the app is not seen, by WorkManager: [SyncWorker] in this process, once there is a network.
 */
public object SyncWork {
    /** The unique name of the work that sends what waits. */
    public const val FLUSH: String = "dev.mizu.sync.flush"

    /** The unique name of the work that looks for changes from time to time. */
    public const val PULL: String = "dev.mizu.sync.pull"

    private const val BACKOFF_SECONDS = 30L

    /** Sends what waits as soon as there is a network, also if the process dies before. What was asked for before stands. */
    public fun flush(context: Context) {
        val request =
            OneTimeWorkRequestBuilder<SyncWorker>()
                .setConstraints(connected())
                .setBackoffCriteria(BackoffPolicy.EXPONENTIAL, BACKOFF_SECONDS, TimeUnit.SECONDS)
                .build()
        WorkManager.getInstance(context).enqueueUniqueWork(FLUSH, ExistingWorkPolicy.KEEP, request)
    }

    /**
     * Syncs from time to time, so that the app has news when it is opened. Call it at each start of the app: the newest
     * interval holds.
     *
     * @param every at least 15 minutes, as WorkManager wants it.
     */
    public fun pullPeriodically(
        context: Context,
        every: Duration = 6.hours,
    ) {
        val request =
            PeriodicWorkRequestBuilder<SyncWorker>(every.inWholeMilliseconds, TimeUnit.MILLISECONDS)
                .setConstraints(Constraints.Builder(connected()).setRequiresBatteryNotLow(true).build())
                .build()
        val manager = WorkManager.getInstance(context)
        manager.enqueueUniquePeriodicWork(PULL, ExistingPeriodicWorkPolicy.UPDATE, request)
    }

    /** Ends both, for a user who signs out. */
    public fun cancel(context: Context) {
        val manager = WorkManager.getInstance(context)
        manager.cancelUniqueWork(FLUSH)
        manager.cancelUniqueWork(PULL)
    }

    private fun connected(): Constraints = Constraints.Builder().setRequiredNetworkType(NetworkType.CONNECTED).build()
}
