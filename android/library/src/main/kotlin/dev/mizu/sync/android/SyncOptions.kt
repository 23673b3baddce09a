package dev.mizu.sync.android

import android.content.Context
import android.util.Log
import dev.mizu.sync.LogLevel
import dev.mizu.sync.SyncOptions
import java.io.File

/**
 * A file for a client's data, in storage that is not backed up: a copy of it on another device would be taken for this one
 * by the server. The data comes from the server there.
 *
 * @param name one for each scope and user, such as `todos.db`.
 */
public fun Context.syncDatabase(name: String): File = File(noBackupFilesDir, name)

/** Writes what the SDK says for developers to Logcat. Never a token, and nothing of the user's data. */
public fun SyncOptions.logToLogcat(tag: String = "mizu-sync") {
    onLog { line ->
        val priority =
            when (line.level) {
                LogLevel.ERROR -> Log.ERROR
                LogLevel.WARN -> Log.WARN
                LogLevel.DEBUG -> Log.DEBUG
            }
        Log.println(priority, tag, "${line.target}: ${line.text}")
    }
}
