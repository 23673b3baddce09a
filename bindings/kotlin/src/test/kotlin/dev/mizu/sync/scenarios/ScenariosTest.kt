package dev.mizu.sync.scenarios

import dev.mizu.sync.scenarios.Scenario.Place
import dev.mizu.sync.support.ServerProcess
import dev.mizu.sync.testing.TestServer
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.DynamicContainer
import org.junit.jupiter.api.DynamicContainer.dynamicContainer
import org.junit.jupiter.api.DynamicTest.dynamicTest
import org.junit.jupiter.api.TestFactory
import java.io.File
import kotlin.io.path.createTempDirectory

/**
 * The scenarios of `tests/scenarios`, step by step as its README says: against the scripted server and against the server
 * as a process. With `-Dmizu.scenario=word` those whose names have the word.
 */
class ScenariosTest {
    @TestFactory
    fun scenarios(): List<DynamicContainer> {
        val word = System.getProperty("mizu.scenario").orEmpty()
        val chosen = Scenario.all().filter { word in it.name }
        check(chosen.isNotEmpty()) { "there is no scenario" }
        return Place.entries.map { place ->
            val here = chosen.filter { place in it.needs.places }
            dynamicContainer(place.name.lowercase(), here.map { dynamicTest(it.name) { run(it, place) } })
        }
    }

    private fun run(
        scenario: Scenario,
        place: Place,
    ) {
        val folder = createTempDirectory("scenario").toFile()
        try {
            when (place) {
                Place.ALONE -> {
                    run(scenario, World("http://127.0.0.1:9/_sync", null, folder))
                }

                Place.SCRIPTED -> {
                    TestServer().use { run(scenario, World(it.url, it, folder)) }
                }

                Place.PROCESS -> {
                    ServerProcess(folder).use {
                        run(scenario, World(it.url, null, File(folder, "devices").apply { mkdir() }))
                    }
                }
            }
        } finally {
            folder.deleteRecursively()
        }
    }

    private fun run(
        scenario: Scenario,
        world: World,
    ) {
        world.use { runBlocking { it.runAll(scenario.steps) } }
    }
}
