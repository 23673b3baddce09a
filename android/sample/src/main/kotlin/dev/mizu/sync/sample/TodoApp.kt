package dev.mizu.sync.sample

import android.app.Application
import dev.mizu.sync.SyncClient
import dev.mizu.sync.android.SyncPlatform
import dev.mizu.sync.android.SyncWork
import dev.mizu.sync.android.logToLogcat
import dev.mizu.sync.android.syncDatabase
import kotlinx.serialization.Serializable

/** What is synced. */
@Serializable
data class Todo(
    val title: String,
    val done: Boolean = false,
)

/** The one client of the process, which lives as long as that does: also when Android starts it for a worker. */
class TodoApp : Application() {
    lateinit var client: SyncClient
        private set

    override fun onCreate() {
        super.onCreate()
        // The emulator's name for the computer that it runs on, where `mizu-sync-server` listens.
        client =
            SyncClient("http://10.0.2.2:8080/_sync", scope = "user:demo") {
                database = syncDatabase("todos.db")
                allowCleartext = true
                index("todo", "done", "title")
                logToLogcat()
            }
        SyncPlatform.attach(client)
        SyncWork.pullPeriodically(this)
        client.start()
    }
}
