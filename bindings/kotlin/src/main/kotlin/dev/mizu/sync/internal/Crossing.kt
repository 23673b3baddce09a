package dev.mizu.sync.internal

import com.sun.jna.Native
import dev.mizu.sync.SyncException
import dev.mizu.sync.ffi.ApiException
import dev.mizu.sync.ffi.InternalException
import dev.mizu.sync.ffi.newId
import dev.mizu.sync.ffi.uniffiEnsureInitialized
import dev.mizu.sync.toException
import java.nio.charset.CharacterCodingException

/** Calls the core, whose errors become exceptions of the SDK. Every call goes through here, and no code of the app. */
internal inline fun <R> crossing(call: () -> R): R {
    Library.load()
    return try {
        call()
    } catch (failure: ApiException.Failed) {
        throw failure.problem.toException()
    } catch (failure: CharacterCodingException) {
        throw SyncException.InvalidValue(
            "a text is not valid: it has half of a character, a surrogate without the other, which nothing can store",
            failure,
        )
    } catch (failure: InternalException) {
        throw SyncException.Bug(
            "the SDK has failed, which is a bug; please report it: ${failure.message}",
            failure,
        )
    }
}

/** Loads the native library, or says what is missing. */
internal object Library {
    /** The first that knows pages of 16 KB, which Android needs. */
    private val oldestJna = listOf(5, 18, 1)

    private val loaded = lazy(::loadNow)

    /** Once a process. Until one thread has done it, no other may use JNA: its classes wait for each other. */
    fun load() {
        loaded.value
    }

    private fun loadNow() {
        val jna = jna()
        if (isOlder(jna)) {
            throw SyncException.NativeLibrary(
                "JNA $jna is too old: the SDK needs ${oldestJna.joinToString(".")} or newer, " +
                    "so let no other library force an older net.java.dev.jna:jna",
                UnsatisfiedLinkError(jna),
            )
        }
        try {
            CoreThreads.prepare()
            uniffiEnsureInitialized()
            // A first call, so that every class that a call needs is there when threads begin to call at once.
            newId()
        } catch (failure: LinkageError) {
            throw missing(failure)
        } catch (failure: InternalException) {
            throw missing(failure)
        }
    }

    private fun jna(): String =
        try {
            Native.VERSION
        } catch (failure: LinkageError) {
            throw SyncException.NativeLibrary(
                "JNA cannot be loaded for $platform: add net.java.dev.jna:jna, on Android its aar, " +
                    "and keep com.sun.jna when the app is shrunk (${failure.message?.firstLine()})",
                failure,
            )
        }

    /** Whether a version of JNA is too old. */
    internal fun isOlder(version: String): Boolean {
        val numbers = version.split('.').map { it.toIntOrNull() ?: 0 }
        val parts = oldestJna.indices.map { oldestJna[it] to numbers.getOrElse(it) { 0 } }
        val (needed, there) = parts.firstOrNull { (needed, there) -> needed != there } ?: return false
        return there < needed
    }

    private fun missing(failure: Throwable): SyncException {
        // The initialiser of a class tells what failed the first time only.
        val reason = failure.root
        return SyncException.NativeLibrary(
            "the native library mizu_sync_native cannot be loaded for $platform: the app must contain it for this " +
                "ABI (on Android in jniLibs, on a JVM on jna.library.path or as a resource), in the version of its " +
                "Kotlin classes (${reason.message?.firstLine()})",
            failure,
        )
    }

    private val platform: String
        get() = "${System.getProperty("os.name")} ${System.getProperty("os.arch")}"

    private fun String.firstLine(): String = lineSequence().first()
}
