package dev.mizu.sync

import com.sun.jna.Function
import com.sun.jna.NativeLibrary
import com.sun.jna.Pointer
import dev.mizu.sync.internal.Library
import dev.mizu.sync.support.Jvm
import dev.mizu.sync.support.assertSentence
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Assumptions.assumeTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.condition.EnabledOnOs
import org.junit.jupiter.api.condition.OS
import org.junit.jupiter.api.io.TempDir
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.CsvSource
import java.io.File

class NativeLibraryTest {
    @Test
    fun `without its native library the SDK says what to package for this machine`() {
        val output = Jvm.run(MAIN, emptyMap())
        assertMissing(output, "resource")
    }

    @Test
    fun `a file that is no library is none`(
        @TempDir folder: File,
    ) {
        File(folder, "libmizu_sync_native.so").writeText("no library")
        assertMissing(Jvm.run(MAIN, mapOf("jna.library.path" to folder.path)), "jniLibs")
    }

    @Test
    @EnabledOnOs(OS.LINUX, architectures = ["amd64"])
    fun `a library of another version is told from a missing one`(
        @TempDir folder: File,
    ) {
        val other = File(folder, "libother.so")
        other.writeBytes(withAnotherVersion())
        val properties = mapOf("uniffi.component.mizu_sync.libraryOverride" to other.path)
        assertMissing(Jvm.run(MAIN, properties), "in the version of its Kotlin classes", "version mismatch")
    }

    @Test
    fun `with its native library it works`() {
        val output = Jvm.run(MAIN, mapOf("jna.library.path" to System.getProperty("jna.library.path")), listOf("open"))
        assertEquals("it ends", output.trim(), "and a client that is left open keeps no process alive")
    }

    @ParameterizedTest
    @CsvSource(
        "5.18.1, false",
        "5.18.2, false",
        "5.19.0, false",
        "6.0, false",
        "5.18.1-rc1, true",
        "5.18.0, true",
        "5.17.9, true",
        "4.99.99, true",
        "5.18, true",
        "unknown, true",
    )
    fun `a JNA that is too old is refused`(
        version: String,
        isTooOld: Boolean,
    ) = assertEquals(isTooOld, Library.isOlder(version))

    private fun assertMissing(
        output: String,
        vararg words: String,
    ) {
        val lines = output.trim().lines()
        assertEquals(
            listOf("onError", "read", "write", "signal", "server", "close"),
            lines.map { it.substringBefore(" ") },
        )
        assertEquals("close works", lines.last())
        for (line in lines.dropLast(1)) {
            assertEquals("NativeLibrary", line.substringAfter(" ").substringBefore(":"), output)
            val platform = "${System.getProperty("os.name")} ${System.getProperty("os.arch")}"
            assertSentence(line.substringAfter(": "), "cannot be loaded for $platform: the app must contain it", *words)
        }
    }

    /** The library, of which the function that tells its version gives another number. */
    private fun withAnotherVersion(): ByteArray {
        val library = NativeLibrary.getInstance("mizu_sync_native")
        val version: Function = library.getFunction("ffi_mizu_sync_uniffi_contract_version")
        val address = Pointer.nativeValue(version)
        val mapped =
            File("/proc/self/maps").readLines().map { it.split(Regex(" +")) }.first { (range) ->
                val (begin, end) = range.split('-').map { it.toULong(16).toLong() }
                address in begin..<end
            }
        val offset = address - mapped[0].substringBefore('-').toLong(16) + mapped[2].toLong(16)
        val bytes = library.file.readBytes()
        // `mov eax, 30`
        val isAsExpected = bytes[offset.toInt()] == 0xB8.toByte() && bytes[offset.toInt() + 1] == 30.toByte()
        assumeTrue(isAsExpected, "compiled in another way")
        bytes[offset.toInt() + 1] = 99
        assertTrue(bytes.size > 1_000_000)
        return bytes
    }

    private companion object {
        const val MAIN = "dev.mizu.sync.NativeLibraryProgramKt"
    }
}
