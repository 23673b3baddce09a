package dev.mizu.sync.scenarios

import dev.mizu.sync.Computed
import dev.mizu.sync.Readable
import dev.mizu.sync.Signal
import dev.mizu.sync.SyncException
import dev.mizu.sync.effect
import kotlinx.coroutines.Job
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.distinctUntilChanged
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.launch
import kotlinx.coroutines.withTimeoutOrNull
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.longOrNull
import java.util.concurrent.atomic.AtomicLong

/** Values in the order in which they came. */
class Log {
    private val values = Channel<JsonElement>(Channel.UNLIMITED)
    private var isStopped = false

    /** What adds to it. */
    var job: Job? = null

    fun add(value: JsonElement) {
        values.trySend(value)
    }

    suspend fun stop() {
        job?.cancelAndJoin()
        isStopped = true
    }

    /** Waits for the next value, or for one that is [wanted]. */
    suspend fun next(wanted: JsonElement? = null): JsonElement {
        var last: JsonElement? = null
        return withTimeoutOrNull(SOON) {
            var value = values.receive()
            while (wanted != null && !same(value, wanted)) {
                last = value
                value = values.receive()
            }
            value
        } ?: throw Wrong("${wanted ?: "another value"} does not come; the last was $last")
    }

    /** How many values nobody has asked for, once none are added any more. */
    fun left(): Int {
        if (!isStopped) throw Wrong("it has to be stopped first: others may still come")
        return generateSequence { values.tryReceive().getOrNull() }.count()
    }
}

/** A computed value that counts how often it was computed. */
private class Counted(
    compute: () -> JsonElement,
    val runs: AtomicLong = AtomicLong(),
    computed: Computed<JsonElement> =
        Computed(::same) {
            runs.incrementAndGet()
            compute()
        },
) : Readable<JsonElement> by computed

/** Runs a step if it is about watchers or signals. */
suspend fun World.runWatcher(step: Step): JsonElement? {
    when (step.name) {
        "watch" -> {
            return watch(step)
        }

        "effect" -> {
            return runEffect(step)
        }

        "next" -> {
            val log = log(step.text("of"))
            step.list("values").forEachIndexed { index, wanted ->
                val value = log.next()
                if (!same(value, wanted)) throw Wrong("value ${index + 1} is $value, not $wanted")
            }
        }

        "reach" -> {
            return log(step.text("of")).next(step.value("value"))
        }

        "stop_watching" -> {
            log(step.text("of")).stop()
        }

        "left" -> {
            return JsonPrimitive(log(step.text("of")).left())
        }

        "signal" -> {
            add(step.text("name"), Signal(step.value("value"), ::same))
        }

        "assign" -> {
            signal(step.text("of")).value = step.value("value")
        }

        "computed" -> {
            add(step.text("name"), Counted(expression(step)))
        }

        "runs" -> {
            val counted = cell(step.text("of")) as? Counted ?: throw Wrong("a signal does not run")
            return JsonPrimitive(counted.runs.get())
        }

        else -> {
            return null
        }
    }
    return JsonNull
}

private fun World.signal(name: String): Signal<JsonElement> =
    cell(name) as? Signal<JsonElement> ?: throw Wrong("a computed value cannot be set")

/** What a computed value is made of: the sum of reads, a list of them, or one of two by a third. */
private fun World.expression(step: Step): () -> JsonElement {
    if (step.has("sum")) {
        val parts = step.list("sum")
        return { JsonPrimitive(parts.sumOf { (read(it) as? JsonPrimitive)?.longOrNull ?: 0 }) }
    }
    if (step.has("list")) {
        val parts = step.list("list")
        return { JsonArray(parts.map { read(it) }) }
    }
    val parts = step.list("choose")
    if (parts.size != 3) throw Wrong("it is computed by sum, list, or choose of three")
    return { read(if (read(parts[0]) == JsonPrimitive(true)) parts[1] else parts[2]) }
}

/** Watches as an app would. Gives the first value. */
private suspend fun World.watch(step: Step): JsonElement {
    val (name, read) = step.text("name") to step.value("read")
    val log = Log()
    val flow = flow(read as JsonObject).distinctUntilChanged(::same)
    log.job = scope.launch { flow.collect(log::add) }
    add(name, log)
    return log.next()
}

private fun World.flow(read: JsonObject): Flow<JsonElement> {
    val what = Step.of(read)
    val flow =
        when (what.name) {
            "row" -> rows(what).rowFlow(what.text("id"))
            "get" -> rows(what).flow(what.text("id"))
            "query" -> rows(what).flow(Asked(what))
            "changes" -> rows(what).changes(Asked(what))
            "count" -> rows(what).countFlow(Asked(what))
            "status" -> Shown(what).let { shown -> client(what).status.flow().map { shown.of(json(it)) } }
            "pending" -> Shown(what).let { shown -> client(what).pending.flow().map { shown.ofEach(it.map(::json)) } }
            "rejected" -> Shown(what).let { shown -> client(what).rejected.flow().map { shown.ofEach(it.map(::json)) } }
            "value" -> cell(what.text("of")).flow()
            else -> throw Wrong("${what.name} cannot be watched")
        }
    what.end()
    return flow
}

/** Reads in an effect, and keeps what each run has read. Gives the first. */
private suspend fun World.runEffect(step: Step): JsonElement {
    val (name, read) = step.text("name") to step.value("read")
    val assigned = step.optionalText("assign")?.let(::signal)
    val log = Log()
    log.job =
        scope.effect {
            val value =
                try {
                    read(read)
                } catch (failure: SyncException) {
                    failed(failure)
                }
            assigned?.value = value
            log.add(value)
        }
    add(name, log)
    return log.next()
}
