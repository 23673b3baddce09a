package dev.mizu.sync.scenarios

import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import java.io.File

/** A scenario as data: see `tests/scenarios/README.md`. */
@Serializable
class Scenario(
    val name: String,
    val covers: List<String>,
    val promises: List<String> = emptyList(),
    val needs: Needs,
    val steps: List<JsonObject>,
) {
    @Serializable
    enum class Needs(
        val places: List<Place>,
    ) {
        @SerialName("nothing")
        NOTHING(listOf(Place.ALONE)),

        @SerialName("server")
        SERVER(listOf(Place.SCRIPTED, Place.PROCESS)),

        @SerialName("script")
        SCRIPT(listOf(Place.SCRIPTED)),
    }

    /** Where a scenario runs. */
    enum class Place { ALONE, SCRIPTED, PROCESS }

    companion object {
        fun all(): List<Scenario> {
            val folder = File(System.getProperty("mizu.scenarios") ?: "../../tests/scenarios")
            val files = folder.listFiles { file -> file.extension == "json" && file.name != "api.json" }
            checkNotNull(files) { "there is no folder ${folder.absolutePath}: give -Dmizu.scenarios" }
            return files.sorted().flatMap { Json.decodeFromString<List<Scenario>>(it.readText()) }
        }
    }
}
