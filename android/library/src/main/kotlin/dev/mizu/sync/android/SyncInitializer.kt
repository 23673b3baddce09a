package dev.mizu.sync.android

import android.content.Context
import androidx.lifecycle.ProcessLifecycleInitializer
import androidx.startup.Initializer

/** Starts [SyncPlatform] with the process, before the app's own code. */
public class SyncInitializer : Initializer<SyncPlatform> {
    override fun create(context: Context): SyncPlatform {
        SyncPlatform.start(context)
        return SyncPlatform
    }

    override fun dependencies(): List<Class<out Initializer<*>>> = listOf(ProcessLifecycleInitializer::class.java)
}
