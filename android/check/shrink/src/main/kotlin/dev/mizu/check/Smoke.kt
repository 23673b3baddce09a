package dev.mizu.check

import dev.mizu.sync.Placeholder
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking

/** An app that is shrunk and must still work: it goes through everything that the rules keep. */
public object Smoke {
    @JvmStatic
    public fun main(args: Array<String>) {
        val title = runBlocking { Placeholder("Milk").titles().first() }
        check(title == "Milk")
        println("The shrunk app works.")
    }
}
