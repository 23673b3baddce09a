package dev.mizu.sync

import dev.mizu.sync.support.blocking
import dev.mizu.sync.support.refused
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.condition.EnabledOnOs
import org.junit.jupiter.api.condition.OS
import org.junit.jupiter.api.io.TempDir
import java.io.File

class BadFilesTest {
    @TempDir
    lateinit var folder: File

    private val file
        get() = File(folder, "todos.db")

    private fun open(
        file: File = this.file,
        configure: SyncOptions.() -> Unit = {},
    ) = SyncClient("https://api.example.com/_sync", "user:1") {
        database = file
        configure()
    }

    private fun assertRefused(
        reason: StorageReason,
        vararg words: String,
        file: File = this.file,
    ) {
        open(file).use { client ->
            val failure = refused<SyncException.Storage>(*words) { client.todos.count() }
            assertEquals(reason, failure.reason, failure.message)
        }
    }

    @Test
    fun `a file that is no database is not touched`() {
        val text = "a shopping list\n".repeat(500).toByteArray()
        file.writeBytes(text)
        assertRefused(StorageReason.WRONG_FILE, "todos.db is not a Mizu Sync database", "another path")
        assertArrayEquals(text, file.readBytes())
    }

    @Test
    fun `a damaged file is set aside and the next client begins with a new one`() =
        blocking {
            open().use { client -> client.batch { repeat(500) { add(client.todos, Todo("todo $it")) } } }
            val bytes = file.readBytes()
            for (index in 4096 until bytes.size) if (index % 3 == 0) bytes[index] = 0x5A
            file.writeBytes(bytes)
            assertRefused(StorageReason.DAMAGED, "todos.db is damaged", "set aside as", "open again")
            assertTrue(folder.list().orEmpty().any { it != "todos.db" && it.startsWith("todos.db") })
            open().use { assertEquals(0, it.todos.count()) }
        }

    @Test
    fun `a folder that is not there is not made`() {
        val nowhere = File(folder, "a/b/todos.db")
        assertRefused(StorageReason.UNUSABLE, "todos.db", "folder does not exist", file = nowhere)
        assertEquals(false, nowhere.parentFile.exists())
    }

    @Test
    fun `a folder is no file`() = assertRefused(StorageReason.WRONG_FILE, folder.name, file = folder)

    @Test
    @EnabledOnOs(OS.LINUX)
    fun `a folder in which nothing can be written is named`() =
        assertRefused(StorageReason.UNUSABLE, "todos.db cannot be used", file = File("/proc/self/todos.db"))

    @Test
    fun `a name that no file has is refused`() =
        assertRefused(StorageReason.UNUSABLE, "cannot be used", file = File("to\u0000dos"))

    @Test
    fun `a file of a newer version is not touched`() =
        blocking {
            open().use { it.todos.add(Todo("Milk")) }
            // SQLite keeps the version that an app gives, `user_version`, at byte 60.
            val bytes = file.readBytes()
            bytes[60] = 0x10
            file.writeBytes(bytes)
            assertRefused(StorageReason.WRONG_FILE, "todos.db was written by a newer version", "update the app")
            assertArrayEquals(bytes, file.readBytes())
        }

    @Test
    fun `a user's file is refused to nobody and to another user`() =
        blocking {
            open { principal = "ann" }.use { it.todos.add(Todo("Milk")) }
            assertRefused(StorageReason.WRONG_FILE, "another user")
            open { principal = "bob" }.use { client ->
                refused<SyncException.Storage>("another user") { client.todos.count() }
            }
        }
}
