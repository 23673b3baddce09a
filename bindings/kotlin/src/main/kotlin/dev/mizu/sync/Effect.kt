package dev.mizu.sync

import dev.mizu.sync.ffi.NativeEffect
import dev.mizu.sync.internal.Wakes
import dev.mizu.sync.internal.crossing
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.launch
import kotlin.coroutines.CoroutineContext
import kotlin.coroutines.EmptyCoroutineContext

/**
 * Runs [block] in this scope, and again whenever something that it has read is another one: a [Readable], an entity, a
 * query. It ends with the scope, or when the [Job] is cancelled.
 *
 * ```
 * lifecycleScope.effect { title.text = "${open.count()} to do" }
 * ```
 *
 * It runs on the dispatcher of the scope, never twice at the same time; of several changes while it waits for its turn it
 * sees the last. What it throws ends it, and goes where the exceptions of the scope go.
 *
 * @param context for its coroutine, such as another dispatcher.
 */
public fun CoroutineScope.effect(
    context: CoroutineContext = EmptyCoroutineContext,
    block: () -> Unit,
): Job =
    launch(context) {
        val wakes = Wakes()
        crossing { NativeEffect(wakes) }.use { effect ->
            try {
                do {
                    effect.read(block)
                } while (wakes.receiveCatching().isSuccess)
            } finally {
                effect.stop()
            }
        }
    }
