package dev.mizu.sync.android

import android.net.ConnectivityManager
import android.net.Network
import android.net.NetworkCapabilities
import android.util.Log

internal const val TAG: String = "mizu-sync"

/**
 * Tells whether the device has a network, now and whenever that changes. When it moves from one network to another it
 * tells that there is none in between: connections do not move.
 */
internal class NetworkFollower(
    private val connectivity: ConnectivityManager,
    private val changed: (isUp: Boolean) -> Unit,
) : ConnectivityManager.NetworkCallback() {
    private var isRegistered = false
    private var current: Network? = null
    private var isBlocked = false
    private var isValidated = false

    /** Begins. What is so now is told on this thread, later changes on one of the system's. */
    fun start() {
        // Of a network that is not there nothing is told.
        if (connectivity.activeNetwork == null) changed(false)
        try {
            connectivity.registerDefaultNetworkCallback(this)
            isRegistered = true
        } catch (failure: RuntimeException) {
            // Some versions of Android refuse it, by bugs of theirs, and it has a limit for each app. Clients then find out
            // by themselves.
            Log.w(TAG, "Android tells nothing of the network", failure)
            changed(true)
        }
    }

    fun stop() {
        if (isRegistered) connectivity.unregisterNetworkCallback(this)
        isRegistered = false
    }

    override fun onAvailable(network: Network) {
        if (current != null && current != network) changed(false)
        current = network
        isValidated = false
        if (!isBlocked) changed(true)
    }

    override fun onLost(network: Network) {
        if (network != current) return
        current = null
        changed(false)
    }

    /** The user has signed in to a network that had let nobody through, say: what waits is tried at once. */
    override fun onCapabilitiesChanged(
        network: Network,
        capabilities: NetworkCapabilities,
    ) {
        if (network != current) return
        val was = isValidated
        isValidated = capabilities.hasCapability(NetworkCapabilities.NET_CAPABILITY_VALIDATED)
        if (isValidated && !was && !isBlocked) changed(true)
    }

    /** The system lets this app use the network, or not: it saves data, or battery. */
    override fun onBlockedStatusChanged(
        network: Network,
        blocked: Boolean,
    ) {
        if (network != current || blocked == isBlocked) return
        isBlocked = blocked
        changed(!blocked)
    }
}
