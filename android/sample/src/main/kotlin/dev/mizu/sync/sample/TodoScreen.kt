package dev.mizu.sync.sample

import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.lazy.LazyColumn
import androidx.compose.foundation.lazy.items
import androidx.compose.material3.Checkbox
import androidx.compose.material3.ExperimentalMaterial3Api
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.OutlinedTextField
import androidx.compose.material3.Scaffold
import androidx.compose.material3.Text
import androidx.compose.material3.TextButton
import androidx.compose.material3.TopAppBar
import androidx.compose.runtime.Composable
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.remember
import androidx.compose.runtime.rememberCoroutineScope
import androidx.compose.runtime.setValue
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.unit.dp
import dev.mizu.sync.RejectedMutation
import dev.mizu.sync.SyncClient
import dev.mizu.sync.android.collectAsState
import kotlinx.coroutines.launch
import dev.mizu.sync.Row as TodoRow

/** All todos, a field for a new one, and what the sync is doing. */
@OptIn(ExperimentalMaterial3Api::class)
@Composable
fun TodoScreen(client: SyncClient) {
    val scope = rememberCoroutineScope()
    val todos = remember(client) { client.collection<Todo>("todo") }
    val rows by remember(todos) {
        todos.query {
            orderBy("done")
            orderBy("title")
        }
    }.collectAsState()
    val status by client.status.collectAsState()
    val rejected by client.rejected.collectAsState()
    Scaffold(topBar = { TopAppBar(title = { Text("$status") }) }) { padding ->
        LazyColumn(Modifier.padding(padding).fillMaxWidth()) {
            item { NewTodo { title -> scope.launch { todos.add(Todo(title)) } } }
            items(rejected, key = { it.id }) { mutation ->
                Refused(mutation) { scope.launch { client.discard(mutation.id) } }
            }
            items(rows, key = { it.id }) { row ->
                TodoLine(row) { done -> scope.launch { todos[row.id].update { it.copy(done = done) } } }
            }
        }
    }
}

@Composable
private fun NewTodo(add: (title: String) -> Unit) {
    var title by remember { mutableStateOf("") }
    Row(verticalAlignment = Alignment.CenterVertically) {
        OutlinedTextField(title, { title = it }, Modifier.padding(8.dp))
        TextButton(
            enabled = title.isNotBlank(),
            onClick = {
                add(title)
                title = ""
            },
        ) { Text("Add") }
    }
}

@Composable
private fun TodoLine(
    row: TodoRow<Todo>,
    onDone: (Boolean) -> Unit,
) {
    Row(verticalAlignment = Alignment.CenterVertically) {
        Checkbox(row.value.done, onDone)
        Text(row.value.title, style = MaterialTheme.typography.bodyLarge)
        if (row.pending) Text(" · unsent", style = MaterialTheme.typography.bodySmall)
    }
}

@Composable
private fun Refused(
    mutation: RejectedMutation,
    onDismiss: () -> Unit,
) {
    Column(Modifier.padding(8.dp)) {
        Text("$mutation", color = MaterialTheme.colorScheme.error)
        TextButton(onClick = onDismiss) { Text("Dismiss") }
    }
}
