package dev.mizu.sync.android

import android.app.Application
import android.content.Context
import androidx.test.core.app.ApplicationProvider
import androidx.work.ListenableWorker.Result
import androidx.work.NetworkType
import androidx.work.WorkInfo
import androidx.work.WorkManager
import androidx.work.WorkerFactory
import androidx.work.WorkerParameters
import androidx.work.testing.TestListenableWorkerBuilder
import androidx.work.testing.WorkManagerTestInitHelper
import dev.mizu.sync.Status
import dev.mizu.sync.SyncClient
import dev.mizu.sync.testing.TestServer
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import java.util.concurrent.TimeUnit
import kotlin.time.Duration
import kotlin.time.Duration.Companion.hours
import kotlin.time.Duration.Companion.seconds

@RunWith(RobolectricTestRunner::class)
class SyncWorkTest {
    private val app: Application = ApplicationProvider.getApplicationContext()
    private val server = TestServer()
    private val manager by lazy { WorkManager.getInstance(app) }

    @Before
    fun start() {
        WorkManagerTestInitHelper.initializeTestWorkManager(app)
        start(app)
    }

    @After
    fun stop() {
        SyncPlatform.stop()
        server.close()
    }

    @Test
    fun `a worker sends what waits`() =
        runBlocking {
            SyncClient(server.url, "user:1").use { client ->
                client.collection<Todo>("todo").create("t1", Todo("Milk"))
                client.start()
                SyncPlatform.attach(client)
                assertEquals(Result.success(), worker().doWork())
                assertEquals(Todo("Milk"), server.get<Todo>("user:1", "todo", "t1"))
            }
        }

    @Test
    fun `a server that answers nothing takes no other client's time`() =
        runBlocking {
            TestServer().use { mute ->
                SyncClient(mute.url, "user:1").use { stuck ->
                    SyncClient(server.url, "user:1").use { client ->
                        listOf(stuck, client).forEach(SyncPlatform::attach)
                        listOf(stuck, client).forEach { it.start() }
                        listOf(stuck, client).forEach { it.waitForFirstSync() }
                        mute.hang()
                        server.put("user:1", "todo", "t1", Todo("Milk"))
                        val work = launch { worker().doWork() }
                        withTimeout(60.seconds) { client.collection<Todo>("todo")["t1"].flow().first { it != null } }
                        work.cancelAndJoin()
                    }
                }
            }
        }

    @Test
    fun `a worker without a client has nothing to do`() =
        runBlocking {
            assertEquals(Result.success(), worker().doWork())
        }

    @Test
    fun `what may pass by itself is tried again`() =
        runBlocking {
            server.goOffline()
            SyncClient(server.url, "user:1").use { client ->
                client.start()
                SyncPlatform.attach(client)
                assertEquals(Result.retry(), worker(limit = Duration.ZERO).doWork())
            }
        }

    @Test
    fun `what needs the app is not tried again`() =
        runBlocking {
            SyncClient(server.url, "user:1").use { client ->
                // It is not started.
                SyncPlatform.attach(client)
                assertEquals(Result.success(), worker().doWork())
            }
        }

    @Test
    fun `a token that only the app has is not waited for again and again`() =
        runBlocking {
            server.requireToken("newer")
            val client =
                SyncClient(server.url, "user:1") {
                    principal = "ann"
                    token = "older"
                    onTokenNeeded { }
                }
            client.use {
                client.start()
                SyncPlatform.attach(client)
                withTimeout(60.seconds) { client.status.flow().first { it.auth == Status.Auth.AWAITING_TOKEN } }
                assertEquals(Result.success(), worker(limit = Duration.ZERO).doWork())
            }
        }

    @Test
    fun `what is unsent waits for a network and is asked for once`() {
        SyncWork.flush(app)
        SyncWork.flush(app)
        val work = manager.getWorkInfosForUniqueWork(SyncWork.FLUSH).get().single()
        assertEquals(WorkInfo.State.ENQUEUED, work.state)
        assertEquals(NetworkType.CONNECTED, work.constraints.requiredNetworkType)
    }

    @Test
    fun `the newest interval for looking holds`() {
        SyncWork.pullPeriodically(app)
        SyncWork.pullPeriodically(app, every = 12.hours)
        val work = manager.getWorkInfosForUniqueWork(SyncWork.PULL).get().single()
        assertEquals(TimeUnit.HOURS.toMillis(12), work.periodicityInfo?.repeatIntervalMillis)
        assertEquals(true, work.constraints.requiresBatteryNotLow())
    }

    @Test
    fun `whoever signs out ends the work`() {
        SyncWork.flush(app)
        SyncWork.pullPeriodically(app)
        SyncWork.cancel(app)
        for (name in listOf(SyncWork.FLUSH, SyncWork.PULL)) {
            assertEquals(WorkInfo.State.CANCELLED, manager.getWorkInfosForUniqueWork(name).get().single().state)
        }
    }

    private fun worker(): SyncWorker = TestListenableWorkerBuilder<SyncWorker>(app).build()

    private fun worker(limit: Duration): SyncWorker {
        val impatient =
            object : WorkerFactory() {
                override fun createWorker(
                    appContext: Context,
                    workerClassName: String,
                    workerParameters: WorkerParameters,
                ) = SyncWorker(appContext, workerParameters, limit)
            }
        return TestListenableWorkerBuilder<SyncWorker>(app).setWorkerFactory(impatient).build()
    }
}
