package dev.mizu.sync.bench

import dev.mizu.sync.DefaultJson
import dev.mizu.sync.Signal
import dev.mizu.sync.SyncClient
import dev.mizu.sync.SyncCollection
import dev.mizu.sync.effect
import dev.mizu.sync.testing.testClient
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.Serializable
import org.junit.jupiter.api.Tag
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import java.io.File
import kotlin.time.Duration
import kotlin.time.DurationUnit
import kotlin.time.TimeSource

/** A row of about 190 bytes of JSON. */
@Serializable
data class Task(
    val title: String,
    val notes: String,
    val done: Boolean,
    val priority: Int,
    val due: String?,
    val tags: List<String>,
)

/**
 * Figures, not checks: `mvn test -Dgroups=figures -DexcludedGroups=none` prints them. Each is a ratio to a floor that was
 * measured in the same run, or a latency.
 */
@Tag("figures")
class Figures {
    @Test
    fun `all of 10,000 typed rows against kotlinx's decoding of the same bytes`() =
        runBlocking {
            testClient().use { client ->
                val tasks = client.collection<Task>("task")
                fill(client, tasks, 10_000)
                val array = DefaultJson.encodeToString(tasks.all().map { it.value }).encodeToByteArray()
                val decode = { DefaultJson.decodeFromString<List<Task>>(array.decodeToString()).size }
                val all = { tasks.all().size }
                repeat(20) { check(all() == decode()) }
                val rounds = List(15) { time(decode) to time(all) }
                val floor = median(rounds.map { it.first })
                val ours = median(rounds.map { it.second })
                println("all() of 10,000 rows: $ours, kotlinx alone: $floor, ratio ${"%.2f".format(ours / floor)}")
            }
        }

    @Test
    fun `from a write to the emission of a flow`(
        @TempDir folder: File,
    ) = runBlocking {
        for (file in listOf(null, File(folder, "tasks.db"))) {
            testClient { database = file }.use { client ->
                val tasks = client.collection<Task>("task")
                val one = tasks.create("one", task(0))
                val emitted = Channel<Int>(Channel.UNLIMITED)
                coroutineScope {
                    val collector =
                        launch(Dispatchers.Default) {
                            one.flow().collect { emitted.send(checkNotNull(it).priority) }
                        }
                    emitted.receive()
                    val times =
                        List(2_000) { round ->
                            val start = TimeSource.Monotonic.markNow()
                            one.update { it.copy(priority = round + 1) }
                            check(emitted.receive() == round + 1)
                            start.elapsedNow()
                        }
                    collector.cancel()
                    val sorted = times.drop(500).sorted()
                    val where = if (file == null) "in memory" else "on disk"
                    println("write to emission, $where: p50 ${micros(sorted, 50)} µs, p99 ${micros(sorted, 99)} µs")
                }
            }
        }
    }

    @Test
    fun `from a signal to its effect`() =
        runBlocking {
            val signal = Signal(0)
            val ran = Channel<Int>(Channel.UNLIMITED)
            val effect = effect(Dispatchers.Default) { ran.trySend(signal.value) }
            ran.receive()
            val times =
                List(5_000) { round ->
                    val start = TimeSource.Monotonic.markNow()
                    signal.value = round + 1
                    check(ran.receive() == round + 1)
                    start.elapsedNow()
                }
            effect.cancel()
            val sorted = times.drop(1_000).sorted()
            println("signal to effect: p50 ${micros(sorted, 50)} µs, p99 ${micros(sorted, 99)} µs")
        }

    private suspend fun fill(
        client: SyncClient,
        tasks: SyncCollection<Task>,
        count: Int,
    ) {
        for (chunk in (0 until count).chunked(1_000)) {
            client.batch { chunk.forEach { create(tasks, "task-%05d".format(it), task(it)) } }
        }
    }

    private fun task(number: Int) =
        Task(
            title = "Task number $number of a long list",
            notes = "Something that has to be remembered about number $number",
            done = number % 3 == 0,
            priority = number % 5,
            due = if (number % 2 == 0) "2027-01-01T10:00:00Z" else null,
            tags = listOf("home", "errand"),
        )

    private fun time(work: () -> Any): Duration {
        val start = TimeSource.Monotonic.markNow()
        work()
        return start.elapsedNow()
    }

    private fun median(times: List<Duration>): Duration = times.sorted()[times.size / 2]

    private fun micros(
        sorted: List<Duration>,
        percent: Int,
    ): Long = sorted[sorted.size * percent / 100].toLong(DurationUnit.MICROSECONDS)
}
