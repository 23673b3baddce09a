package dev.mizu.sync

import dev.mizu.sync.testing.testClient
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking

/** What whoever looks on from outside hears: between the two is what the act of this name does. */
internal object Act {
    @Suppress("UNUSED_PARAMETER")
    fun begins(name: String) = Unit

    fun ends() = Unit
}

/** Acts of an app. What is made at the first time only is no part of them. */
fun main() =
    runBlocking {
        testClient().use { client ->
            val todos = client.todos
            val kept = todos.create("kept", Todo("Milk"))
            val filter = Signal("")
            val length = Computed { filter.value.length }
            val count = Computed { todos.count() }

            suspend fun act(
                name: String,
                times: Int = 2,
                work: suspend (time: Int) -> Unit,
            ) {
                repeat(times - 1) { work(it) }
                client.delivered()
                Act.begins(name)
                work(times)
                Act.ends()
            }

            act("create") { todos.create("$it", Todo("Milk")) }
            act("add") { todos.add(Todo("Milk")) }
            act("update") { time -> kept.update { it.copy(title = "$time") } }
            act("delete") { todos["$it"].delete() }
            act("batch of 10") { time ->
                client.batch { repeat(10) { create(todos, "$time/$it", Todo("Milk")) } }
            }
            act("all") { todos.all() }
            act("get by another handle") { todos["kept"].get() }
            act("get", times = 3) { kept.get() }
            act("update of what is kept") { time ->
                kept.update { it.copy(title = "again $time") }
                if (time == 0) kept.get()
            }
            act("set of what nobody has read") { Signal(0).value = 1 }
            act("signal") { filter.value }
            act("computed") { length.value }
            act("set of what a kept value is made of") { time ->
                filter.value = "$time"
                if (time == 0) length.value
            }
            act("computed of data") { count.value }

            val shown = Channel<String>(Channel.UNLIMITED)
            val job = launch(Dispatchers.Default) { kept.flow().collect { shown.send(it?.title.orEmpty()) } }
            shown.receive()
            act("update that is shown") { time ->
                kept.update { it.copy(title = "shown $time") }
                while (shown.receive() != "shown $time");
            }
            job.cancel()
            val lists = Channel<List<Row<Todo>>>(Channel.UNLIMITED)
            val list = launch(Dispatchers.Default) { todos.flow().collect { lists.send(it) } }
            lists.receive()
            act("batch of 10 that is shown") { time ->
                client.batch { repeat(10) { create(todos, "shown $time/$it", Todo("Milk")) } }
                while (lists.receive().none { it.id == "shown $time/9" });
            }
            list.cancel()
        }
    }
