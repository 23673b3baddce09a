package dev.mizu.sync.support

import java.io.File
import java.util.concurrent.TimeUnit
import kotlin.concurrent.thread

/** A `mizu-sync-server` on a free port of this machine. Closing it kills it. */
class ServerProcess(
    folder: File,
) : AutoCloseable {
    private val process: Process

    /** Its base URL. */
    val url: String

    init {
        val program = File(System.getProperty("mizu.server"))
        check(program.canExecute()) { "there is no $program: run cargo build -p mizu-sync-server first" }
        process =
            ProcessBuilder(program.path, "--listen", "127.0.0.1:0", "--db", File(folder, "server.db").path)
                .redirectError(File(folder, "server.log"))
                .start()
        val output = process.inputStream.bufferedReader()
        val first = output.readLine().orEmpty()
        check(first.startsWith("listening on ")) { "the server did not start: $first" }
        url = first.removePrefix("listening on ")
        // A full pipe would stop it.
        thread(isDaemon = true) { runCatching { output.forEachLine { } } }
    }

    override fun close() {
        process.destroyForcibly().waitFor(60, TimeUnit.SECONDS)
    }
}
