package dev.mizu.sync

import dev.mizu.sync.ffi.NativePending
import dev.mizu.sync.ffi.NativeRejected
import kotlin.time.Instant

/**
 * A write that the server has not confirmed. Its text names no data of the user.
 *
 * @property id the same for life, on the device and at the server.
 * @property name what it does: `todo.create`, `todo.patch`, `todo.delete`, or a mutation of the app's own.
 * @property args its arguments, as JSON.
 * @property createdAt when it was made.
 * @property isAcked whether the server has applied it, and only its effects are not here yet.
 * @property failures how often it failed for a reason that may pass.
 * @property error what the server said last of that.
 * @property retries the id of the rejected mutation that it retries.
 */
public class PendingMutation internal constructor(
    public val id: String,
    public val name: String,
    public val args: String,
    public val createdAt: Instant,
    public val isAcked: Boolean,
    public val failures: Int,
    public val error: String?,
    public val retries: String?,
) {
    internal constructor(native: NativePending) : this(
        native.id,
        native.name,
        native.args,
        Instant.fromEpochMilliseconds(native.createdAt),
        native.acked,
        native.failures.toInt(),
        native.error,
        native.retries,
    )

    override fun toString(): String = if (isAcked) "$name is applied" else "$name is on its way"
}

/**
 * A write that the server has refused. It was undone here, and waits to be retried or discarded, see [SyncClient.retry].
 * Its text is for a person.
 *
 * @property id the same for life, on the device and at the server.
 * @property name what it was to do: `todo.create`, `todo.patch`, `todo.delete`, or a mutation of the app's own.
 * @property args its arguments, as JSON.
 * @property code why not, for the app: one of the protocol's (`conflict`, `invalid_mutation`, `not_found`, `forbidden`,
 *   `unknown_mutation`), one of the SDK's (`outcome_unknown`, `keeps_failing`, `too_large`, `damaged`), or the server's own.
 * @property error why not, for a person.
 * @property rejectedAt when it was refused.
 * @property createdAt when it was made.
 * @property retries the id of the rejected mutation that it retried.
 */
public class RejectedMutation internal constructor(
    public val id: String,
    public val name: String,
    public val args: String,
    public val code: String,
    public val error: String,
    public val rejectedAt: Instant,
    public val createdAt: Instant,
    public val retries: String?,
    private val sentence: String,
) {
    internal constructor(native: NativeRejected) : this(
        native.id,
        native.name,
        native.args,
        native.code,
        native.error,
        Instant.fromEpochMilliseconds(native.rejectedAt),
        Instant.fromEpochMilliseconds(native.createdAt),
        native.retries,
        native.sentence,
    )

    override fun toString(): String = sentence
}
