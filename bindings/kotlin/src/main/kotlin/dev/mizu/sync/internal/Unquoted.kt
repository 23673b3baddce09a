package dev.mizu.sync.internal

/** What was thrown and where, without what it says: that may quote the user's data. */
internal class Unquoted private constructor(
    name: String,
    place: Array<StackTraceElement>,
) : Exception(name) {
    constructor(thrown: Throwable) : this(thrown.root.javaClass.name, thrown.root.stackTrace)

    init {
        stackTrace = place
    }
}

/** What led to all that was made of it. */
internal val Throwable.root: Throwable
    get() = generateSequence(this) { it.cause }.last()
