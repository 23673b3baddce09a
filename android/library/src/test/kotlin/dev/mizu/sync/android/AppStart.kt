package dev.mizu.sync.android

import android.app.Application
import androidx.lifecycle.ProcessLifecycleInitializer
import androidx.startup.AppInitializer
import androidx.startup.Initializer
import org.robolectric.util.ReflectionHelpers.getField
import org.robolectric.util.ReflectionHelpers.getStaticField
import org.robolectric.util.ReflectionHelpers.setStaticField
import java.io.File
import java.util.concurrent.atomic.AtomicBoolean
import javax.xml.parsers.DocumentBuilderFactory

/**
 * Starts [app] as androidx.startup does: creates what the manifests name.
 *
 * Its own provider cannot run: it needs the app's resources, which only the Android SDK compiles.
 */
internal fun start(app: Application) {
    // They were made to live as long as a process, which tests share.
    setStaticField(AppInitializer::class.java, "sInstance", null)
    getStaticField<AtomicBoolean>(
        Class.forName("androidx.lifecycle.LifecycleDispatcher"),
        "initialized",
    ).set(false)

    val named = manifestInitializers() + ProcessLifecycleInitializer::class.java.name
    val classes = named.map { initializer(it) }
    val initializer = AppInitializer.getInstance(app)
    getField<MutableSet<Class<*>>>(initializer, "mDiscovered") += classes
    classes.forEach { initializer.initializeComponent(it) }
}

private fun manifestInitializers(): List<String> {
    val manifest =
        DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(
            File("src/main/AndroidManifest.xml"),
        )
    val data = manifest.getElementsByTagName("meta-data")
    return (0..<data.length)
        .map { data.item(it).attributes }
        .filter { it.getNamedItem("android:value").nodeValue == "androidx.startup" }
        .map { it.getNamedItem("android:name").nodeValue }
}

@Suppress("UNCHECKED_CAST")
private fun initializer(name: String) = Class.forName(name) as Class<out Initializer<Any>>
