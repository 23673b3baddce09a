package dev.mizu.sync.android

import android.app.Activity
import android.app.Application
import androidx.test.core.app.ApplicationProvider
import org.junit.Assert.assertEquals
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.shadows.ShadowLooper
import java.util.concurrent.TimeUnit

@RunWith(RobolectricTestRunner::class)
class StartTest {
    private val app: Application = ApplicationProvider.getApplicationContext()

    @Before
    fun start() {
        start(app)
    }

    @Test
    fun `the app's start initialises`() {
        assertEquals(app.packageName, PlaceholderInitializer.created?.title)
    }

    @Test
    fun `the app comes to the front and goes`() {
        val seen = mutableListOf<Boolean>()
        onForeground { seen += it }
        val activity = Robolectric.buildActivity(Activity::class.java).setup()
        activity.pause().stop()
        // It could be just a rotation.
        assertEquals(listOf(true), seen)
        ShadowLooper.idleMainLooper(1, TimeUnit.SECONDS)
        assertEquals(listOf(true, false), seen)
    }

    @Test
    fun `the app comes to the front and goes once more`() {
        `the app comes to the front and goes`()
    }
}
