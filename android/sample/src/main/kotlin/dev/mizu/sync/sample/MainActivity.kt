package dev.mizu.sync.sample

import android.os.Bundle
import androidx.activity.ComponentActivity
import androidx.activity.compose.setContent
import androidx.activity.enableEdgeToEdge
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.lazy.LazyColumn
import androidx.compose.foundation.lazy.items
import androidx.compose.material3.Checkbox
import androidx.compose.material3.ExperimentalMaterial3Api
import androidx.compose.material3.FloatingActionButton
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.OutlinedTextField
import androidx.compose.material3.Scaffold
import androidx.compose.material3.Text
import androidx.compose.material3.TopAppBar
import androidx.compose.runtime.Composable
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.remember
import androidx.compose.runtime.setValue
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.unit.dp
import androidx.lifecycle.compose.collectAsStateWithLifecycle
import dev.mizu.sync.Placeholder
import dev.mizu.sync.android.online
import dev.mizu.sync.android.titleAsState
import kotlinx.serialization.Serializable

@Serializable
data class Todo(
    val title: String,
    val done: Boolean = false,
)

class MainActivity : ComponentActivity() {
    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        enableEdgeToEdge()
        setContent { MaterialTheme { Todos(listOf(Todo("Milk"))) } }
    }
}

@OptIn(ExperimentalMaterial3Api::class)
@Composable
private fun MainActivity.Todos(todos: List<Todo>) {
    var text by remember { mutableStateOf("") }
    val title by Placeholder("Todos").titleAsState()
    val flow = remember { online(this) }
    val online by flow.collectAsStateWithLifecycle(false)
    Scaffold(
        topBar = { TopAppBar(title = { Text(if (online) title else "$title, offline") }) },
        floatingActionButton = { FloatingActionButton(onClick = { text = "" }) { Text("+") } },
    ) { padding ->
        LazyColumn(Modifier.padding(padding).fillMaxWidth()) {
            item { OutlinedTextField(text, { text = it }, Modifier.padding(8.dp)) }
            items(todos) {
                Row(verticalAlignment = Alignment.CenterVertically) {
                    Checkbox(it.done, onCheckedChange = null)
                    Text(it.title, style = MaterialTheme.typography.bodyLarge)
                }
            }
        }
    }
}
