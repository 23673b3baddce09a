package dev.mizu.sync.support

import dev.mizu.sync.ffi.FfiConverterTypeBody
import dev.mizu.sync.ffi.FfiConverterTypeChange
import dev.mizu.sync.ffi.FfiConverterTypeCompute
import dev.mizu.sync.ffi.FfiConverterTypeListener
import dev.mizu.sync.ffi.FfiConverterTypeMutate
import dev.mizu.sync.ffi.FfiConverterTypeOnError
import dev.mizu.sync.ffi.FfiConverterTypeOnLog
import dev.mizu.sync.ffi.FfiConverterTypeOnOffline
import dev.mizu.sync.ffi.FfiConverterTypeOnOnline
import dev.mizu.sync.ffi.FfiConverterTypeOnRejected
import dev.mizu.sync.ffi.FfiConverterTypeOnSync
import dev.mizu.sync.ffi.FfiConverterTypeOnTokenNeeded
import dev.mizu.sync.ffi.FfiConverterTypeUpcast
import dev.mizu.sync.ffi.graphCounts
import org.junit.jupiter.api.Assertions.assertTrue
import java.io.File
import java.lang.ref.ReferenceQueue
import java.nio.file.Files
import kotlin.time.TimeSource

/**
 * What this process holds.
 *
 * @property nodes nodes of the graph.
 * @property handles objects of this side that the core holds on to.
 * @property coreThreads threads of clients in the core.
 * @property attached those of them that are threads of the JVM too.
 * @property opening threads that open clients.
 * @property databases open files of databases.
 * @property sockets open sockets.
 */
data class Held(
    val nodes: Long,
    val handles: Int,
    val coreThreads: Int,
    val attached: Int,
    val opening: Int,
    val databases: Int,
    val sockets: Int,
) {
    private fun isWithin(before: Held): Boolean =
        nodes <= before.nodes &&
            handles <= before.handles &&
            coreThreads <= before.coreThreads &&
            attached <= coreThreads &&
            opening <= before.opening &&
            databases <= before.databases &&
            sockets <= before.sockets

    /** Memory of this process and of its heap, in MiB. */
    data class Memory(
        val process: Long,
        val heap: Long,
    )

    companion object {
        fun now(): Held {
            val core = names("/proc/self/task") { File(it, "comm").readText() }
            val files = names("/proc/self/fd") { Files.readSymbolicLink(it.toPath()).toString() }
            val threads = Thread.getAllStackTraces().keys.map { it.name }
            return Held(
                graphCounts().toLong(),
                handles(),
                core.count { it.startsWith("mizu-") && !it.startsWith("mizu-open") },
                threads.count { it.startsWith("mizu-core") },
                threads.count { it.startsWith("mizu-open") },
                files.count { ".db" in it.substringAfterLast('/') },
                files.count { it.startsWith("socket:") },
            )
        }

        /** Of what may go at any time. */
        private fun names(
            folder: String,
            name: (File) -> String,
        ): List<String> = File(folder).listFiles().orEmpty().mapNotNull { runCatching { name(it) }.getOrNull() }

        private fun handles(): Int =
            listOf(
                FfiConverterTypeBody.handleMap,
                FfiConverterTypeChange.handleMap,
                FfiConverterTypeCompute.handleMap,
                FfiConverterTypeListener.handleMap,
                FfiConverterTypeMutate.handleMap,
                FfiConverterTypeOnError.handleMap,
                FfiConverterTypeOnLog.handleMap,
                FfiConverterTypeOnOffline.handleMap,
                FfiConverterTypeOnOnline.handleMap,
                FfiConverterTypeOnRejected.handleMap,
                FfiConverterTypeOnSync.handleMap,
                FfiConverterTypeOnTokenNeeded.handleMap,
                FfiConverterTypeUpcast.handleMap,
            ).sumOf { it.size }

        /** What is held when nothing is collected any more. */
        fun atRest(): Held {
            var held = now()
            var same = 0
            while (same < 5) {
                collect()
                val next = now()
                if (next == held) same++ else same = 0
                held = next
            }
            return held
        }

        /** Expects that soon nothing more is held than [before]. */
        fun assertNoMoreThan(before: Held) {
            val begun = TimeSource.Monotonic.markNow()
            var held = now()
            while (!held.isWithin(before) && begun.elapsedNow() < SOON) {
                collect()
                held = now()
            }
            assertTrue(held.isWithin(before), "$held is more than $before")
        }

        /** The least that it has when garbage is collected again and again. */
        fun memory(): Memory {
            val measured = List(10) { measured() }
            return Memory(measured.minOf { it.process }, measured.minOf { it.heap })
        }

        private fun measured(): Memory {
            collect()
            val pages = File("/proc/self/statm").readText().split(' ')[1].toLong()
            val heap = Runtime.getRuntime().run { totalMemory() - freeMemory() }
            return Memory(pages * 4096 shr 20, heap shr 20)
        }

        private val nobody = ReferenceQueue<Any>()

        /** Collects garbage, and gives the cleaners a moment. */
        private fun collect() {
            System.gc()
            nobody.remove(20)
        }
    }
}
