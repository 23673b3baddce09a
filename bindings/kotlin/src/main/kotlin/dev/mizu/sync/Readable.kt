package dev.mizu.sync

import dev.mizu.sync.ffi.NativeEffect
import dev.mizu.sync.internal.Called
import dev.mizu.sync.internal.Wakes
import dev.mizu.sync.internal.crossing
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.SharingStarted
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.distinctUntilChanged
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.stateIn

/**
 * A value that tells who has read it when it changes: a [Signal], a [Computed], the [status][SyncClient.status] of a
 * client.
 */
public interface Readable<out T> {
    /**
     * The value now. Read inside of an [effect] or a [Computed], it makes those run again when it is another one, and only
     * then.
     */
    public val value: T

    /** The value now, and whenever it is another one. A slow collector gets the newest. */
    public fun flow(): Flow<T> =
        flow {
            val wakes = Wakes()
            crossing { NativeEffect(wakes) }.use { effect ->
                try {
                    do {
                        emit(effect.read { value })
                    } while (wakes.receiveCatching().isSuccess)
                } finally {
                    effect.stop()
                }
            }
        }.distinctUntilChanged()

    /** The value as a [StateFlow], kept up to date in [scope] for as long as [started] says. */
    public fun stateIn(
        scope: CoroutineScope,
        started: SharingStarted = SharingStarted.WhileSubscribed(),
    ): StateFlow<@UnsafeVariance T> = flow().stateIn(scope, started, untrack { value })
}

/** Runs [read], whose reads make the effect due. */
internal fun <R> NativeEffect.read(read: () -> R): R {
    val called = Called(isTracked = true, isComputing = false, work = read)
    crossing { run(called) }
    return called.result()
}
