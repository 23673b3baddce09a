package dev.mizu.sync.android

import android.content.Context
import android.net.ConnectivityManager
import android.net.Network
import android.net.NetworkCapabilities
import android.net.NetworkRequest
import androidx.compose.runtime.Composable
import androidx.compose.runtime.State
import androidx.compose.runtime.produceState
import androidx.lifecycle.DefaultLifecycleObserver
import androidx.lifecycle.LifecycleOwner
import androidx.lifecycle.ProcessLifecycleInitializer
import androidx.lifecycle.ProcessLifecycleOwner
import androidx.startup.Initializer
import androidx.work.CoroutineWorker
import androidx.work.WorkerParameters
import dev.mizu.sync.Placeholder
import kotlinx.coroutines.channels.awaitClose
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.callbackFlow
import kotlinx.coroutines.flow.first

// All of this stands in until the Android layer is here.

public fun online(context: Context): Flow<Boolean> =
    callbackFlow {
        val connectivity = checkNotNull(context.getSystemService(ConnectivityManager::class.java))
        val callback =
            object : ConnectivityManager.NetworkCallback() {
                override fun onAvailable(network: Network) {
                    trySend(true)
                }

                override fun onLost(network: Network) {
                    trySend(false)
                }
            }
        val request =
            NetworkRequest
                .Builder()
                .addCapability(NetworkCapabilities.NET_CAPABILITY_INTERNET)
                .build()
        connectivity.registerNetworkCallback(request, callback)
        awaitClose { connectivity.unregisterNetworkCallback(callback) }
    }

public fun onForeground(changed: (Boolean) -> Unit) {
    val observer =
        object : DefaultLifecycleObserver {
            override fun onStart(owner: LifecycleOwner) {
                changed(true)
            }

            override fun onStop(owner: LifecycleOwner) {
                changed(false)
            }
        }
    ProcessLifecycleOwner.get().lifecycle.addObserver(observer)
}

public class PlaceholderInitializer : Initializer<Placeholder> {
    override fun create(context: Context): Placeholder {
        created = Placeholder(context.packageName)
        return created!!
    }

    override fun dependencies(): List<Class<out Initializer<*>>> =
        listOf(ProcessLifecycleInitializer::class.java)

    public companion object {
        public var created: Placeholder? = null
    }
}

public class PlaceholderWorker(
    context: Context,
    parameters: WorkerParameters,
) : CoroutineWorker(context, parameters) {
    override suspend fun doWork(): Result {
        ran += Placeholder("work").titles().first()
        return Result.success()
    }

    public companion object {
        public var ran: String = ""
    }
}

@Composable
public fun Placeholder.titleAsState(): State<String> =
    produceState("", this) {
        titles().collect { value = it }
    }
