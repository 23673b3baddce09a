package dev.mizu.sync.internal

import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.Dispatchers

private const val THREADS = 64

/**
 * Threads that may wait for the disk. They are none of the app's: an app that has all threads of [Dispatchers.IO] wait for a
 * slow network goes on reading and writing.
 */
internal val waiting: CoroutineDispatcher = Dispatchers.IO.limitedParallelism(THREADS, "mizu")
