package dev.mizu.sync.support

import dev.mizu.sync.Readable
import dev.mizu.sync.SyncClient
import dev.mizu.sync.SyncException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.assertThrows
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import kotlin.time.Duration.Companion.seconds

/** Longer than anything in a test takes. */
val SOON = 60.seconds

/** Runs a test that suspends. One that hangs fails. */
fun blocking(test: suspend CoroutineScope.() -> Unit) = runBlocking { withTimeout(SOON) { test() } }

/** Expects [call] to fail with an exception of the SDK, in one sentence that has these words. */
inline fun <reified E : SyncException> refused(
    vararg words: String,
    call: () -> Unit,
): E {
    val failure = assertThrows<E> { call() }
    assertSentence(failure.message, *words)
    return failure
}

/** Expects one sentence for a person, with these words. */
fun assertSentence(
    text: String?,
    vararg words: String,
) {
    val sentence = text.orEmpty()
    assertTrue(sentence.length > 10 && sentence.lines().size == 1, "one sentence: $text")
    for (technical in listOf("dev.mizu", "Exception", "Native", "src/", ".rs", "::")) {
        assertTrue(technical !in sentence, "$technical is not for a person: $sentence")
    }
    for (word in words) assertTrue(word in sentence, "\"$word\" is not in: $sentence")
}

/** Waits until a value is as wanted, and gives it. */
suspend fun <T> Readable<T>.until(isWanted: (T) -> Boolean): T = flow().first(isWanted)

/** Waits until the server answers this client. */
suspend fun SyncClient.online() {
    status.until { it.isOnline }
}

/** Waits for another thread. */
fun CountDownLatch.soon() = assertTrue(await(SOON.inWholeSeconds, TimeUnit.SECONDS), "it did not happen")
