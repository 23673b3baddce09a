package dev.mizu.sync

import dev.mizu.sync.support.refused
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Test
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.Arguments
import org.junit.jupiter.params.provider.Arguments.arguments
import org.junit.jupiter.params.provider.MethodSource
import kotlin.time.Duration
import kotlin.time.Duration.Companion.microseconds
import kotlin.time.Duration.Companion.seconds

class BadOptionsTest {
    @ParameterizedTest(name = "{0}")
    @MethodSource("urls")
    fun `a URL that cannot be is named`(
        url: String,
        words: String,
    ) {
        SyncClient(url, "user:1").use { client ->
            val failure = refused<SyncException.InvalidOption>(words) { client.clientId }
            assertFalse(CANARY in failure.stackTraceToString())
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("options")
    fun `an option that cannot be is named`(
        name: String,
        scope: String,
        configure: SyncOptions.() -> Unit,
        words: String,
    ) {
        SyncClient(URL, scope, configure).use { client ->
            val failure = refused<SyncException.InvalidOption>(words) { client.clientId }
            assertFalse(CANARY in failure.stackTraceToString(), name)
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("unusual")
    fun `an option that is only unusual is taken`(
        name: String,
        configure: SyncOptions.() -> Unit,
    ) {
        SyncClient("http://127.0.0.1:9/_sync", "user:1", configure).use { client ->
            runBlocking { client.todos.add(Todo(name)) }
            client.start()
            assertEquals(1, client.todos.count())
        }
    }

    @Test
    fun `a text with half of a character is refused`() {
        SyncClient(URL, "user:\uD800").use { client ->
            refused<SyncException.InvalidValue>("half of a character") { client.clientId }
        }
    }

    private companion object {
        const val URL = "https://api.example.com/_sync"
        const val CANARY = "canary-8d1f"

        @JvmStatic
        fun urls(): List<Arguments> =
            listOf(
                arguments("", "must begin with https://"),
                arguments("api.example.com/_sync", "not with \"api.example.com\""),
                arguments("ftp://api.example.com", "must begin with https://"),
                arguments("http://api.example.com/_sync", "in the clear"),
                arguments("https://", "not a URL"),
                arguments("https://ann:$CANARY@api.example.com", "must not contain a user name or password"),
                arguments("https://api.example.com:70000", "port"),
                arguments("https://api.example.com/_sync?token=$CANARY", "leave out what begins with '?'"),
            )

        fun option(
            name: String,
            words: String,
            scope: String = "user:1",
            configure: SyncOptions.() -> Unit = {},
        ): Arguments = arguments(name, scope, configure, words)

        @JvmStatic
        fun options() =
            listOf(
                option("no scope", "the option scope", scope = ""),
                option("a long scope", "1 to 1024 bytes", scope = "x".repeat(1_025)),
                option("a token without a user", "the option principal") { token = CANARY },
                option("a token that no header can carry", "visible ASCII") {
                    principal = "ann"
                    token = "$CANARY\n"
                },
                option("a name that no header has", "cannot be the name of a header") { header("x key", CANARY) },
                option("a value that no header has", "x-key has a line break") { header("x-key", "$CANARY\r\n") },
                option("a header of the SDK", "authorization is set by the SDK") { header("Authorization", CANARY) },
                option("no pull interval", "must not be zero") { pullInterval = Duration.ZERO },
                option("a negative pull interval", "pullInterval") { pullInterval = (-1).seconds },
                option("a negative push interval", "must not be negative") { pushInterval = (-1).seconds },
                option("an index of nothing", "1 to 32 fields") { index("todo", *emptyArray<String>()) },
                option("an index of too much", "1 to 32 fields") { index("todo", *Array(33) { "f$it" }) },
                option("an upcast to nothing", "version 2 or a later one") { upcast("todo", 0) { it } },
                option("an upcast to the first version", "version 2 or a later one") { upcast("todo", 1) { it } },
                option("an upcast to less than nothing", "version 2 or a later one") { upcast("todo", -7) { it } },
            )

        fun unusual(
            name: String,
            configure: SyncOptions.() -> Unit,
        ): Arguments = arguments(name, configure)

        @JvmStatic
        fun unusual() =
            listOf(
                unusual("intervals without end") {
                    pullInterval = Duration.INFINITE
                    pushInterval = Duration.INFINITE
                },
                unusual("intervals of less than a millisecond") {
                    pullInterval = 1.microseconds
                    pushInterval = 1.microseconds
                },
                unusual("cleartext, no socket, a version, a header") {
                    allowCleartext = true
                    live = false
                    appVersion = "1.2.3"
                    relaxedDurability = true
                    header("x-device", "phone")
                },
                unusual("an index that is declared twice") { repeat(2) { index("todo", "title") } },
                unusual("an upcast far away") { upcast("todo", Int.MAX_VALUE) { it } },
            )
    }
}
