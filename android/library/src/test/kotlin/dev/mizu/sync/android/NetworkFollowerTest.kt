package dev.mizu.sync.android

import android.content.Context
import android.net.ConnectivityManager
import android.net.Network
import android.net.NetworkCapabilities
import androidx.test.core.app.ApplicationProvider
import org.junit.Assert.assertEquals
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import org.robolectric.annotation.Implementation
import org.robolectric.annotation.Implements
import org.robolectric.shadows.ShadowConnectivityManager
import org.robolectric.shadows.ShadowNetwork
import org.robolectric.shadows.ShadowNetworkCapabilities

@RunWith(RobolectricTestRunner::class)
class NetworkFollowerTest {
    private val context: Context = ApplicationProvider.getApplicationContext()
    private val connectivity = checkNotNull(context.getSystemService(ConnectivityManager::class.java))
    private val told = mutableListOf<Boolean>()
    private val follower = NetworkFollower(connectivity) { told += it }
    private val wifi: Network = ShadowNetwork.newInstance(1)
    private val mobile: Network = ShadowNetwork.newInstance(2)

    @Test
    fun `that there is no network is told at the start`() {
        shadowOf(connectivity).setDefaultNetworkActive(false)
        shadowOf(connectivity).setActiveNetworkInfo(null)
        follower.start()
        assertEquals(listOf(false), told)
    }

    @Test
    @Config(shadows = [Refusing::class])
    fun `an Android that tells nothing of the network is no reason to believe that there is none`() {
        shadowOf(connectivity).setDefaultNetworkActive(false)
        shadowOf(connectivity).setActiveNetworkInfo(null)
        follower.start()
        assertEquals(listOf(false, true), told)
        follower.stop()
    }

    /** As versions of Android do whose own code fails the check of permissions. */
    @Implements(ConnectivityManager::class)
    class Refusing : ShadowConnectivityManager() {
        @Implementation
        override fun registerDefaultNetworkCallback(callback: ConnectivityManager.NetworkCallback?): Unit =
            throw SecurityException("Package android does not belong to 10123")
    }

    @Test
    fun `it is registered for as long as it is wanted`() {
        follower.start()
        assertEquals(1, shadowOf(connectivity).networkCallbacks.size)
        follower.stop()
        assertEquals(0, shadowOf(connectivity).networkCallbacks.size)
    }

    @Test
    fun `a network comes and goes`() {
        follower.onAvailable(wifi)
        follower.onLost(wifi)
        assertEquals(listOf(true, false), told)
    }

    @Test
    fun `a move to another network is an end of the first`() {
        follower.onAvailable(wifi)
        follower.onAvailable(mobile)
        // It comes late, and is about the one before.
        follower.onLost(wifi)
        assertEquals(listOf(true, false, true), told)
    }

    @Test
    fun `a sign-in to the network has everything tried again`() {
        follower.onAvailable(wifi)
        follower.onCapabilitiesChanged(wifi, capabilities(isValidated = false))
        follower.onCapabilitiesChanged(wifi, capabilities(isValidated = true))
        follower.onCapabilitiesChanged(wifi, capabilities(isValidated = true))
        assertEquals(listOf(true, true), told)
    }

    @Test
    fun `an app that may not use the network has none`() {
        follower.onAvailable(wifi)
        follower.onBlockedStatusChanged(wifi, true)
        follower.onBlockedStatusChanged(wifi, true)
        follower.onBlockedStatusChanged(wifi, false)
        assertEquals(listOf(true, false, true), told)
    }

    private fun capabilities(isValidated: Boolean): NetworkCapabilities {
        val capabilities = ShadowNetworkCapabilities.newInstance()
        if (isValidated) {
            shadowOf(capabilities).addCapability(NetworkCapabilities.NET_CAPABILITY_VALIDATED)
        }
        return capabilities
    }
}
