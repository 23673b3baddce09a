package dev.mizu.sync.internal

import com.sun.jna.Callback
import com.sun.jna.CallbackThreadInitializer
import com.sun.jna.Native
import com.sun.jna.Structure
import dev.mizu.sync.ffi.uniffiCallbackInterfaceBody
import dev.mizu.sync.ffi.uniffiCallbackInterfaceChange
import dev.mizu.sync.ffi.uniffiCallbackInterfaceCompute
import dev.mizu.sync.ffi.uniffiCallbackInterfaceListener
import dev.mizu.sync.ffi.uniffiCallbackInterfaceMutate
import dev.mizu.sync.ffi.uniffiCallbackInterfaceOnError
import dev.mizu.sync.ffi.uniffiCallbackInterfaceOnLog
import dev.mizu.sync.ffi.uniffiCallbackInterfaceOnOffline
import dev.mizu.sync.ffi.uniffiCallbackInterfaceOnOnline
import dev.mizu.sync.ffi.uniffiCallbackInterfaceOnRejected
import dev.mizu.sync.ffi.uniffiCallbackInterfaceOnSync
import dev.mizu.sync.ffi.uniffiCallbackInterfaceOnTokenNeeded
import dev.mizu.sync.ffi.uniffiCallbackInterfaceUpcast

/**
 * How threads of the core become threads of the JVM when they first call this side. They stay that until they end, for
 * becoming one costs more than most callbacks. And they keep no process alive: a program may end without closing clients.
 */
internal object CoreThreads : CallbackThreadInitializer(true, false, "mizu-core") {
    /** To be called before the core knows of what it may call. */
    fun prepare() {
        listOf(
            uniffiCallbackInterfaceBody.vtable,
            uniffiCallbackInterfaceChange.vtable,
            uniffiCallbackInterfaceCompute.vtable,
            uniffiCallbackInterfaceListener.vtable,
            uniffiCallbackInterfaceMutate.vtable,
            uniffiCallbackInterfaceOnError.vtable,
            uniffiCallbackInterfaceOnLog.vtable,
            uniffiCallbackInterfaceOnOffline.vtable,
            uniffiCallbackInterfaceOnOnline.vtable,
            uniffiCallbackInterfaceOnRejected.vtable,
            uniffiCallbackInterfaceOnSync.vtable,
            uniffiCallbackInterfaceOnTokenNeeded.vtable,
            uniffiCallbackInterfaceUpcast.vtable,
        ).flatMap(::callbacks).forEach { Native.setCallbackThreadInitializer(it, this) }
    }

    private fun callbacks(table: Structure): List<Callback> =
        table.javaClass.fields.mapNotNull {
            it.get(table) as? Callback
        }
}
