package dev.mizu.sync.support

import dev.mizu.sync.ffi.FfiConverterTypeBody
import dev.mizu.sync.ffi.FfiConverterTypeChange
import dev.mizu.sync.ffi.FfiConverterTypeCompute
import dev.mizu.sync.ffi.FfiConverterTypeListener
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
import kotlin.time.TimeSource

/**
 * What this process holds.
 *
 * @property nodes nodes of the graph.
 * @property handles objects of this side that the core holds on to.
 * @property coreThreads threads of clients in the core.
 * @property threads threads of the SDK on this side.
 * @property databases open files of databases.
 * @property sockets open sockets.
 */
data class Held(
    val nodes: Long,
    val handles: Int,
    val coreThreads: Int,
    val threads: Int,
    val databases: Int,
    val sockets: Int,
) {
    /** Whether nothing is more than it was, but for so many nodes. */
    fun isWithin(
        before: Held,
        slack: Int = 0,
    ): Boolean =
        nodes <= before.nodes + slack &&
            handles <= before.handles &&
            coreThreads <= before.coreThreads &&
            threads <= before.threads &&
            databases <= before.databases &&
            sockets <= before.sockets

    companion object {
        fun now(): Held {
            val files =
                File(
                    "/proc/self/fd",
                ).listFiles().orEmpty().mapNotNull { runCatching { it.canonicalPath }.getOrNull() }
            val core =
                File("/proc/self/task").listFiles().orEmpty().map {
                    runCatching { File(it, "comm").readText() }.getOrDefault("")
                }
            return Held(
                graphCounts().toLong(),
                handles(),
                core.count { it.startsWith("mizu-") && !it.startsWith("mizu-open") },
                Thread.getAllStackTraces().keys.count { it.name.startsWith("mizu-open") },
                files.count { ".db" in it.substringAfterLast('/') },
                files.count { "socket:" in it },
            )
        }

        private fun handles(): Int =
            listOf(
                FfiConverterTypeBody.handleMap,
                FfiConverterTypeChange.handleMap,
                FfiConverterTypeCompute.handleMap,
                FfiConverterTypeListener.handleMap,
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
            while (same < 3) {
                collect()
                val next = now()
                if (next == held) same++ else same = 0
                held = next
            }
            return held
        }

        /** Expects that soon nothing more is held than [before], but for so many nodes. */
        fun assertNoMoreThan(
            before: Held,
            slack: Int = 0,
        ) {
            val begun = TimeSource.Monotonic.markNow()
            var held = now()
            while (!held.isWithin(before, slack) && begun.elapsedNow() < SOON) {
                collect()
                held = now()
            }
            assertTrue(held.isWithin(before, slack), "$held is more than $before")
        }

        /** Memory that this process has of the system, in bytes. */
        fun memory(): Long {
            collect()
            return File("/proc/self/statm").readText().split(' ')[1].toLong() * 4096
        }

        private val nobody = ReferenceQueue<Any>()

        /** Collects garbage, and gives the cleaners a moment. */
        private fun collect() {
            System.gc()
            nobody.remove(20)
        }
    }
}
