package dev.mizu.sync.android

import android.content.Context
import dev.mizu.sync.SyncClient
import dev.mizu.sync.testing.TestServer
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import java.io.File

/** What docs/android.md shows is compiled, here or in the sample, and Gradle builds what is checked. */
@RunWith(RobolectricTestRunner::class)
class GuideTest {
    @Test
    fun `what is written in a tunnel arrives`() =
        runBlocking {
            TestServer().use { server ->
                server.client("user:1").use { phone ->
                    server.goOffline()
                    phone.collection<Todo>("todo").create("t1", Todo("Milk"))
                    server.goOnline()
                    phone.setNetwork(true)
                    phone.flush()
                    assertEquals(Todo("Milk"), server.get<Todo>("user:1", "todo", "t1"))
                }
            }
        }

    @Test
    fun `every snippet of the guide is compiled`() {
        val android = File("..")
        val compiled = listOf("sample/src/main/kotlin", "library/src/test/kotlin").map(android::resolve)
        val sources = compiled.flatMap { folder -> folder.walk().filter(File::isFile).map { it.readText() } }
        val snippets = Regex("```kotlin\n(.*?)```", RegexOption.DOT_MATCHES_ALL).findAll(guide(android))
        val shown = snippets.map { it.groupValues[1] }.toList()
        assertTrue("the guide has snippets", shown.size > 4)
        shown.forEach { snippet -> assertTrue(snippet, sources.any { snippet in it }) }
    }

    @Test
    fun `what is checked has the versions that Gradle takes`() {
        val catalog = File("../gradle/libs.versions.toml").readText()
        val pom = File("../check/pom.xml").readText()
        for (name in listOf("compose", "coroutines", "kotlin", "lifecycle", "robolectric", "work")) {
            val taken = Regex("(?m)^$name = \"(.*)\"$").find(catalog)?.groupValues?.get(1)
            val checked = Regex("<$name.version>(.*)</").find(pom)?.groupValues?.get(1)
            assertEquals(name, taken, checked)
            assertTrue("$name has a version", taken != null)
        }
    }

    private fun guide(android: File): String = android.resolve("../docs/android.md").readText()
}

suspend fun signOut(
    context: Context,
    client: SyncClient,
) {
    SyncPlatform.detach(client)
    SyncWork.cancel(context)
    client.wipe(loseUnsent = false)
}
