package dev.mizu.sync.readme

import dev.mizu.sync.SyncOptions
import dev.mizu.sync.support.ServerProcess
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import java.io.File
import java.util.concurrent.TimeUnit
import dev.mizu.sync.SyncClient as RealClient

/** Leads the program to the server of the test. A declaration of the same package is nearer than a star import. */
@Suppress("ktlint:standard:function-naming")
internal fun SyncClient(
    url: String,
    scope: String,
    configure: SyncOptions.() -> Unit,
): RealClient {
    check(url == "http://127.0.0.1:8080/_sync") { "where the server listens by default" }
    return RealClient(System.getProperty("mizu.url"), scope, configure)
}

class FirstProgramTest {
    @Test
    fun `the Kotlin program of README is this one`() {
        val readme = File("../../README.md").readText()
        val printed = readme.substringAfter("```kotlin\n").substringBefore("```")
        val here = File("src/test/kotlin/dev/mizu/sync/readme/FirstProgram.kt").readText()
        assertEquals(printed, here.substringAfter("server of the test.\n"))
    }

    @Test
    fun `it runs against the server and another device sees what it did`(
        @TempDir folder: File,
    ) {
        ServerProcess(folder).use { server ->
            val program = run(folder, server.url)
            assertTrue(program.waitFor(60, TimeUnit.SECONDS), "it ends by itself")
            val output = File(folder, "output").readText()
            assertEquals(0, program.exitValue(), output)
            assertTrue(Regex("([01] to do\n)+").matches(output), output)
            RealClient(server.url, "user:demo").use { other ->
                other.start()
                runBlocking { other.sync() }
                assertEquals(listOf(Todo("Milk", done = true)), other.collection<Todo>("todo").all().map { it.value })
            }
        }
    }

    /** Runs it in a process of its own, for it keeps its file where it is run. */
    private fun run(
        folder: File,
        url: String,
    ): Process {
        val java = File(System.getProperty("java.home"), "bin/java").path
        val properties =
            mapOf("mizu.url" to url, "jna.library.path" to System.getProperty("jna.library.path"))
                .map { (name, value) -> "-D$name=$value" }
        val command = listOf(java) + properties + listOf("-cp", classPath(), "dev.mizu.sync.readme.FirstProgramKt")
        return ProcessBuilder(command)
            .directory(folder)
            .redirectErrorStream(true)
            .redirectOutput(File(folder, "output"))
            .start()
    }

    private fun classPath(): String =
        System.getProperty("surefire.test.class.path") ?: System.getProperty("java.class.path")
}
