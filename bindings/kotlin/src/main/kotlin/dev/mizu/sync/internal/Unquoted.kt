package dev.mizu.sync.internal

/** What was thrown and where, without what it says: that may quote the user's data. */
internal class Unquoted(
    thrown: Throwable,
) : Exception(thrown.javaClass.name) {
    init {
        stackTrace = thrown.stackTrace
    }
}
