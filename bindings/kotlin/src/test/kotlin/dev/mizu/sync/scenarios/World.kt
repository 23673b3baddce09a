package dev.mizu.sync.scenarios

import dev.mizu.sync.Computed
import dev.mizu.sync.Readable
import dev.mizu.sync.SyncClient
import dev.mizu.sync.SyncException
import dev.mizu.sync.batch
import dev.mizu.sync.testing.TestServer
import kotlinx.coroutines.CoroutineExceptionHandler
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.onEach
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeoutOrNull
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import java.io.File
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicReference
import kotlin.time.Duration.Companion.seconds

/** Longer than anything in a scenario takes. */
val SOON = 60.seconds

/** A client, and which classes its collections have. */
class Device(
    val client: SyncClient,
    val models: Map<String, String>,
)

/**
 * What a scenario has made so far, and how a step is run: what it gives is compared with what it is to give.
 *
 * @property server the scripted server, where there is one.
 */
class World(
    val url: String,
    val server: TestServer?,
    private val folder: File,
) : AutoCloseable {
    private val variables = ConcurrentHashMap<String, JsonElement>()
    private val devices = ConcurrentHashMap<String, Device>()
    private val logs = ConcurrentHashMap<String, Log>()
    private val cells = ConcurrentHashMap<String, Readable<JsonElement>>()

    /** What failed where nobody waits for it: in a callback, or an effect. */
    private val wrong = AtomicReference<Throwable?>()

    /** Where effects and watchers run. */
    val scope =
        CoroutineScope(
            SupervisorJob() + Dispatchers.Default +
                CoroutineExceptionHandler { _, failure -> wrong.compareAndSet(null, failure) },
        )

    fun file(name: String) = File(folder, name)

    fun device(name: String): Device = devices[name] ?: throw Wrong("no device has the name \"$name\"")

    fun add(
        name: String,
        device: Device,
    ) {
        devices[name] = device
    }

    fun log(name: String): Log = logs[name] ?: throw Wrong("no watcher has the name \"$name\"")

    fun add(
        name: String,
        log: Log,
    ) {
        logs[name] = log
    }

    fun cell(name: String): Readable<JsonElement> = cells[name] ?: throw Wrong("no signal has the name \"$name\"")

    fun add(
        name: String,
        cell: Readable<JsonElement>,
    ) {
        cells[name] = cell
    }

    /** Runs all steps of a scenario. What fails says which. */
    suspend fun runAll(steps: List<JsonObject>) {
        steps.forEachIndexed { index, step ->
            try {
                run(step)
                wrong.getAndSet(null)?.let { throw it }
            } catch (failure: Throwable) {
                val text = if (failure is SyncException) "it fails: ${failure.kind} ($failure)" else failure.message
                throw AssertionError("step ${index + 1} ($step): $text", failure)
            }
        }
    }

    /** Runs the steps of a callback. The next step of the scenario fails where one of them does not hold. */
    fun runInCallback(steps: List<JsonObject>) {
        for (step in steps) {
            if (step["do"] == JsonPrimitive("throw")) throw IllegalStateException("the scenario wants it")
            try {
                runNow(step)
            } catch (failure: Throwable) {
                wrong.compareAndSet(null, AssertionError("in a callback, $step: $failure", failure))
                return
            }
        }
    }

    /** Runs a step where a coroutine cannot. */
    fun runNow(step: JsonObject): JsonElement = runBlocking { run(step) }

    /** Runs one step, and checks what it gives. */
    suspend fun run(json: JsonObject): JsonElement =
        checked(json) { step -> step.optional("becomes")?.let { become(step.take(), it) } ?: act(step) }

    /** Takes from a step what every step may have, and compares what [act] makes of the rest. */
    inline fun checked(
        json: JsonObject,
        act: (Step) -> JsonElement,
    ): JsonElement {
        val step = Step.of(json, ::variable)
        val wanted = step.optional("is")
        val fails = step.optionalText("fails")
        val keep = step.optionalText("as")
        val result =
            try {
                act(step)
            } catch (failure: SyncException) {
                if (failure.kind != fails) throw failure
                step.end()
                return JsonNull
            }
        step.end()
        if (fails != null) throw Wrong("it is to fail with $fails, and gives $result")
        if (wanted != null && !same(wanted, result)) throw Wrong("it gives $result, not $wanted")
        if (keep != null) keep(keep, result)
        return result
    }

    fun variable(name: String): JsonElement? = variables[name]

    fun keep(
        name: String,
        value: JsonElement,
    ) {
        variables[name] = value
    }

    private suspend fun act(step: Step): JsonElement =
        runDevice(step) ?: runWrite(step) ?: runWatcher(step) ?: runScript(step) ?: runControl(step) ?: read(step)

    /** Reads. Tracked where something watches. */
    fun read(step: Step): JsonElement = runRead(step) ?: throw Wrong("there is no step \"${step.name}\" here")

    /** As [read], of a step whose variables are filled in. */
    fun read(json: JsonElement): JsonElement {
        val step = Step.of(json as JsonObject)
        return read(step).also { step.end() }
    }

    /** Waits until a read gives this. */
    private suspend fun become(
        read: Step,
        wanted: JsonElement,
    ): JsonElement {
        val computed =
            Computed(::same) {
                val step = read.copy()
                try {
                    read(step).also { step.end() }
                } catch (failure: SyncException) {
                    failed(failure)
                }
            }
        var last: JsonElement? = null
        return withTimeoutOrNull(SOON) {
            computed.flow().onEach { last = it }.first { same(it, wanted) }
        } ?: throw Wrong("it does not become $wanted; last it was $last")
    }

    /** Steps that hold other steps. */
    private suspend fun runControl(step: Step): JsonElement? {
        when (step.name) {
            "repeat" -> {
                val (times, steps) = step.number("times") to step.steps("steps")
                for (n in 1..times) {
                    keep("n", JsonPrimitive(n))
                    steps.forEach { run(it) }
                }
            }

            "together" -> {
                val steps = step.steps("steps")
                batch { steps.forEach { runNow(it) } }
            }

            else -> {
                return null
            }
        }
        return JsonNull
    }

    override fun close() {
        scope.cancel()
        devices.values.forEach { it.client.close() }
    }
}

/** What a failure is in a log of values. */
fun failed(failure: SyncException): JsonElement = JsonObject(mapOf("fails" to JsonPrimitive(failure.kind)))
