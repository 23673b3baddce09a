package dev.mizu.sync.android

import android.content.Context
import androidx.test.core.app.ApplicationProvider
import dev.mizu.sync.testing.TestServer
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.shadows.ShadowLog

@RunWith(RobolectricTestRunner::class)
class SyncOptionsTest {
    private val context: Context = ApplicationProvider.getApplicationContext()

    @Test
    fun `a database is where no backup takes it`() {
        assertEquals(context.noBackupFilesDir, context.syncDatabase("todos.db").parentFile)
    }

    @Test
    fun `what the SDK says is in Logcat`() =
        runBlocking {
            TestServer().use { server ->
                val configured = server.client("user:1") { logToLogcat("sync") }
                configured.use { client ->
                    server.putJson("user:1", "todo", "t1", "{}")
                    client.sync()
                    client.collection<Todo>("todo").all()
                    client.delivered()
                    assertTrue(ShadowLog.getLogsForTag("sync").isNotEmpty())
                }
            }
        }
}
