package dev.mizu.sync.readme

import dev.mizu.sync.Computed
import dev.mizu.sync.SyncClient
import dev.mizu.sync.effect
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch

suspend fun show(client: SyncClient) =
    coroutineScope {
        val todos = client.collection<Todo>("todo")
        val left = Computed { todos.all().count { !it.value.done } }
        effect { println("${left.value} to do · ${client.status.value}") }

        launch {
            client.rejected.flow().collect { refused ->
                for (mutation in refused) {
                    println("$mutation")
                    client.discard(mutation.id) // or `retry`, or `retryWith` other arguments
                }
            }
        }
    }
