package dev.mizu.sync.support

import com.sun.jdi.Bootstrap
import com.sun.jdi.StringReference
import com.sun.jdi.VirtualMachine
import com.sun.jdi.event.EventSet
import com.sun.jdi.event.MethodEntryEvent
import com.sun.jdi.event.VMDisconnectEvent
import com.sun.jdi.request.EventRequest
import org.junit.jupiter.api.Assertions.assertEquals
import java.util.concurrent.CompletableFuture

/**
 * What one act of a program does over the boundary.
 *
 * @property calls functions of the core that it calls.
 * @property callbacks what the core calls meanwhile.
 * @property helpers what the generated code calls for those: buffers and references.
 */
data class Crossings(
    val calls: List<String>,
    val callbacks: List<String>,
    val helpers: Int,
) {
    constructor(names: List<String>) : this(
        names.mapNotNull { it.after("uniffi_mizu_sync_fn_method_") ?: it.after("uniffi_mizu_sync_fn_func_") },
        names.mapNotNull { it.after("callback ") },
        names.count { "rustbuffer" in it || "_fn_clone_" in it },
    )

    private companion object {
        fun String.after(start: String) = if (startsWith(start)) removePrefix(start) else null
    }
}

/**
 * Looks at a program from outside, as a debugger does, so that nothing in the SDK counts.
 */
object Looking {
    private const val LIBRARY = "dev.mizu.sync.ffi.UniffiLib"
    private const val CALLBACKS = "dev.mizu.sync.ffi.uniffiCallbackInterface"
    private const val ACT = "dev.mizu.sync.Act"

    /** Runs the `main` of this file of tests, and gives what happens in each of its acts. */
    fun at(
        main: String,
        properties: Map<String, String>,
    ): Map<String, Crossings> {
        val connector = Bootstrap.virtualMachineManager().defaultConnector()
        val arguments = connector.defaultArguments()
        val options = properties.map { (name, value) -> "-D$name=$value" }
        arguments.getValue("main").setValue(main)
        arguments.getValue("options").setValue("-cp ${Jvm.classPath()} ${options.joinToString(" ")}")
        val machine = connector.launch(arguments)
        val output = CompletableFuture.supplyAsync { machine.process().errorStream.bufferedReader().readText() }
        try {
            return acts(machine).also { assertEquals(0, machine.process().waitFor(), output.get()) }
        } finally {
            machine.process().destroyForcibly()
        }
    }

    private fun acts(machine: VirtualMachine): Map<String, Crossings> {
        // Whoever tells of an act waits, so that its name can be read; the others need not.
        watch(machine, ACT, EventRequest.SUSPEND_EVENT_THREAD)
        watch(machine, LIBRARY, EventRequest.SUSPEND_NONE)
        watch(machine, "$CALLBACKS*", EventRequest.SUSPEND_NONE)
        val seen = linkedMapOf<String, MutableList<String>>()
        var act: MutableList<String>? = null
        while (true) {
            val events: EventSet = machine.eventQueue().remove()
            for (event in events) {
                if (event is VMDisconnectEvent) return seen.mapValues { Crossings(it.value) }
                if (event !is MethodEntryEvent) continue
                val method = event.method()
                val type = method.declaringType().name()
                when {
                    type == ACT && method.name() == "begins" -> act = seen.getOrPut(name(event)) { mutableListOf() }
                    type == ACT && method.name() == "ends" -> act = null
                    type == LIBRARY -> act?.add(method.name())
                    method.name() != "callback" || "\$uniffi" in type -> Unit
                    else -> act?.add("callback ${type.removePrefix(CALLBACKS).replace('$', '.')}")
                }
            }
            events.resume()
        }
    }

    private fun watch(
        machine: VirtualMachine,
        classes: String,
        suspends: Int,
    ) {
        machine.eventRequestManager().createMethodEntryRequest().run {
            addClassFilter(classes)
            setSuspendPolicy(suspends)
            enable()
        }
    }

    private fun name(event: MethodEntryEvent): String {
        val argument = event.thread().frame(0).argumentValues.first()
        return (argument as StringReference).value()
    }
}
