package dev.mizu.sync.readme

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import java.io.File

class GuideTest {
    @Test
    fun `what the guide to Kotlin shows is compiled`() {
        val guide = File("../../docs/kotlin.md").readText()
        val shown = Regex("```kotlin\n(.*?)```", RegexOption.DOT_MATCHES_ALL).findAll(guide).toList()
        val here = File("src/test/kotlin/dev/mizu/sync/readme/Guide.kt").readText()
        assertEquals(listOf(here.substringAfter("launch\n\n")), shown.map { it.groupValues[1] })
    }

    @Test
    fun `it names the version that is built`() {
        val pom = File("pom.xml").readText()
        val version =
            pom
                .substringAfter(
                    "<artifactId>mizu-sync</artifactId>",
                ).substringAfter("<version>")
                .substringBefore('<')
        val kotlin = pom.substringAfter("<kotlin.version>").substringBefore('<')
        val guide = File("../../docs/kotlin.md").readText()
        assertEquals(
            setOf(version),
            Regex("dev.mizu:mizu-sync:([0-9.]+)").findAll(guide).map { it.groupValues[1] }.toSet(),
        )
        val named =
            Regex("""version "(.*?)"|<version>(2.*?)<""").findAll(guide).map {
                it.groupValues[1] +
                    it.groupValues[2]
            }
        assertEquals(setOf(kotlin), named.toSet())
    }
}
