package dev.mizu.sync.android

import android.content.Context
import android.net.ConnectivityManager
import androidx.test.core.app.ApplicationProvider
import androidx.work.Constraints
import androidx.work.ExistingWorkPolicy
import androidx.work.ListenableWorker
import androidx.work.NetworkType
import androidx.work.OneTimeWorkRequestBuilder
import androidx.work.WorkInfo
import androidx.work.WorkManager
import androidx.work.testing.TestListenableWorkerBuilder
import androidx.work.testing.WorkManagerTestInitHelper
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.test.UnconfinedTestDispatcher
import kotlinx.coroutines.test.runTest
import org.junit.Assert.assertEquals
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf

@RunWith(RobolectricTestRunner::class)
class PlaceholderTest {
    private val context: Context = ApplicationProvider.getApplicationContext()

    @Test
    fun `the network comes and goes`() =
        runTest(UnconfinedTestDispatcher()) {
            val connectivity = checkNotNull(context.getSystemService(ConnectivityManager::class.java))
            var seen = emptyList<Boolean>()
            val job = launch { seen = online(context).take(2).toList() }
            val callback = shadowOf(connectivity).networkCallbacks.single()
            callback.onAvailable(connectivity.activeNetwork!!)
            callback.onLost(connectivity.activeNetwork!!)
            job.join()
            assertEquals(listOf(true, false), seen)
            assertEquals(0, shadowOf(connectivity).networkCallbacks.size)
        }

    @Test
    fun `a worker works`() =
        runTest {
            val worker = TestListenableWorkerBuilder<PlaceholderWorker>(context).build()
            assertEquals(ListenableWorker.Result.success(), worker.doWork())
        }

    @Test
    fun `unique work is enqueued and runs once its constraints are met`() {
        WorkManagerTestInitHelper.initializeTestWorkManager(context)
        val manager = WorkManager.getInstance(context)
        PlaceholderWorker.ran = ""
        val request =
            OneTimeWorkRequestBuilder<PlaceholderWorker>()
                .setConstraints(Constraints.Builder().setRequiredNetworkType(NetworkType.CONNECTED).build())
                .build()
        manager.enqueueUniqueWork("sync", ExistingWorkPolicy.KEEP, request).result.get()
        assertEquals(WorkInfo.State.ENQUEUED, manager.getWorkInfosForUniqueWork("sync").get().single().state)
        WorkManagerTestInitHelper.getTestDriver(context)!!.setAllConstraintsMet(request.id)
        assertEquals(WorkInfo.State.SUCCEEDED, manager.getWorkInfosForUniqueWork("sync").get().single().state)
        assertEquals("work", PlaceholderWorker.ran)
    }
}
