package dev.mizu.check

import android.content.Context
import androidx.startup.Initializer
import androidx.work.ListenableWorker
import androidx.work.WorkerParameters
import dev.mizu.sync.android.SyncWork

/** The Android layer of a shrunk app: what Android and WorkManager find by its name is there, under that name. */
public object Layer {
    /** What an app has that uses it. */
    public fun use(context: Context) {
        SyncWork.pullPeriodically(context)
    }

    @JvmStatic
    public fun main(args: Array<String>) {
        val worker = Class.forName("dev.mizu.sync.android.SyncWorker")
        check(ListenableWorker::class.java.isAssignableFrom(worker))
        worker.getConstructor(Context::class.java, WorkerParameters::class.java)
        val initializer = Class.forName("dev.mizu.sync.android.SyncInitializer").getDeclaredConstructor().newInstance()
        check((initializer as Initializer<*>).dependencies().isNotEmpty())
        println("layer: 2 passed, 0 failed")
    }
}
