package dev.mizu.sync.support

import org.junit.jupiter.api.Assertions.fail
import java.io.File
import java.util.concurrent.TimeUnit

/** A program in a process of its own. */
object Jvm {
    /** Runs the `main` of this file of tests to its end, and gives what it has said. */
    fun run(
        main: String,
        properties: Map<String, String>,
        arguments: List<String> = emptyList(),
    ): String {
        val java = File(System.getProperty("java.home"), "bin/java").path
        val options = properties.map { (name, value) -> "-D$name=$value" }
        val process =
            ProcessBuilder(listOf(java, "-Xshare:auto") + options + listOf("-cp", classPath(), main) + arguments)
                .redirectErrorStream(true)
                // Cargo, which may have called this, says there where the native library is.
                .apply { environment() -= setOf("LD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH") }
                .start()
        try {
            // Not more than a pipe holds.
            val hasEnded = process.waitFor(SOON.inWholeSeconds, TimeUnit.SECONDS)
            if (!hasEnded) fail<Unit>("it does not end by itself. Its threads:\n${threads(process)}")
            return process.inputStream.bufferedReader().readText()
        } finally {
            process.destroyForcibly()
        }
    }

    /** What they are in the midst of. */
    private fun threads(process: Process): String =
        ProcessBuilder(File(System.getProperty("java.home"), "bin/jstack").path, "${process.pid()}")
            .redirectErrorStream(true)
            .start()
            .inputStream
            .bufferedReader()
            .readText()

    fun classPath(): String = System.getProperty("surefire.test.class.path") ?: System.getProperty("java.class.path")
}
