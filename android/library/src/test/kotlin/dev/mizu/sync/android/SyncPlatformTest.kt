package dev.mizu.sync.android

import android.app.Activity
import android.app.Application
import android.net.ConnectivityManager
import androidx.test.core.app.ApplicationProvider
import androidx.work.WorkInfo
import androidx.work.WorkManager
import androidx.work.impl.WorkManagerImpl
import androidx.work.testing.WorkManagerTestInitHelper
import dev.mizu.sync.Status
import dev.mizu.sync.SyncClient
import dev.mizu.sync.testing.TestServer
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf
import org.robolectric.shadows.ShadowLooper
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.TimeUnit
import kotlin.time.Duration.Companion.seconds

@RunWith(RobolectricTestRunner::class)
class SyncPlatformTest {
    private val app: Application = ApplicationProvider.getApplicationContext()
    private val server = TestServer()

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
    fun `the app's start begins it and a client is told of the network`() =
        runBlocking {
            server.client("user:1").use { client ->
                SyncPlatform.attach(client)
                val connectivity = checkNotNull(app.getSystemService(ConnectivityManager::class.java))
                val callback = shadowOf(connectivity).networkCallbacks.single()
                val network = checkNotNull(connectivity.activeNetwork)
                callback.onAvailable(network)
                callback.onLost(network)
                client.reaches(Status.Connection.OFFLINE)
                callback.onAvailable(network)
                client.reaches(Status.Connection.ONLINE)
            }
        }

    @Test
    fun `a client that is attached in the background has no live socket until the app is seen`() =
        runBlocking {
            SyncClient(server.url, "user:1").use { client ->
                SyncPlatform.attach(client)
                client.start()
                client.waitForFirstSync()
                assertEquals(false, client.status.value.isLive)
                val activity = Robolectric.buildActivity(Activity::class.java).setup()
                server.waitForSubscription("user:1")
                activity.pause().stop()
                ShadowLooper.idleMainLooper(1, TimeUnit.SECONDS)
                withTimeout(60.seconds) { client.status.flow().first { !it.isLive } }
                Unit
            }
        }

    @Test
    fun `an app that goes to the background with something unsent has it sent by a worker`() =
        runBlocking {
            SyncClient(server.url, "user:1").use { client ->
                SyncPlatform.attach(client)
                client.collection<Todo>("todo").add(Todo("Milk"))
                comeAndGo()
                SyncPlatform.settle()
                val work = WorkManager.getInstance(app).getWorkInfosForUniqueWork(SyncWork.FLUSH).get()
                assertEquals(listOf(WorkInfo.State.ENQUEUED), work.map { it.state })
            }
        }

    @Test
    fun `what is written while nobody sees the app is sent by a worker`() =
        runBlocking {
            SyncClient(server.url, "user:1").use { client ->
                SyncPlatform.attach(client)
                comeAndGo()
                SyncPlatform.settle()
                client.collection<Todo>("todo").add(Todo("Milk"))
                val work = WorkManager.getInstance(app).getWorkInfosForUniqueWorkFlow(SyncWork.FLUSH)
                withTimeout(60.seconds) { work.first { it.isNotEmpty() } }
                Unit
            }
        }

    @Test
    fun `an app that goes to the background with nothing unsent asks for no work`() =
        runBlocking {
            SyncClient(server.url, "user:1").use { client ->
                SyncPlatform.attach(client)
                comeAndGo()
                SyncPlatform.settle()
                assertEquals(0, WorkManager.getInstance(app).getWorkInfosForUniqueWork(SyncWork.FLUSH).get().size)
            }
        }

    @Test
    fun `an app in which WorkManager was not initialised goes to the background with something unsent and lives`() =
        runBlocking {
            WorkManagerImpl.setDelegate(null)
            val before = Thread.getDefaultUncaughtExceptionHandler()
            val failures = CopyOnWriteArrayList<Throwable>()
            Thread.setDefaultUncaughtExceptionHandler { _, failure -> failures += failure }
            try {
                SyncClient(server.url, "user:1").use { client ->
                    SyncPlatform.attach(client)
                    client.collection<Todo>("todo").add(Todo("Milk"))
                    comeAndGo()
                    SyncPlatform.settle()
                }
            } finally {
                Thread.setDefaultUncaughtExceptionHandler(before)
            }
            assertEquals(emptyList<Throwable>(), failures)
        }

    @Test
    fun `a client that is closed is forgotten`() {
        val client = SyncClient(server.url, "user:1")
        SyncPlatform.attach(client)
        client.close()
        comeAndGo()
        assertEquals(emptySet<SyncClient>(), SyncPlatform.clients)
    }

    /** The app is seen, and then is not. Whether it was left for good shows after a moment: it could be just a rotation. */
    private fun comeAndGo() {
        Robolectric.buildActivity(Activity::class.java).setup().pause().stop()
        ShadowLooper.idleMainLooper(1, TimeUnit.SECONDS)
    }

    private suspend fun SyncClient.reaches(connection: Status.Connection) {
        withTimeout(60.seconds) { status.flow().first { it.connection == connection } }
    }
}
