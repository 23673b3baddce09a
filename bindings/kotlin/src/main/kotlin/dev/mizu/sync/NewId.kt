package dev.mizu.sync

import dev.mizu.sync.internal.crossing
import dev.mizu.sync.ffi.newId as nativeNewId

/** A new id for an entity: a UUID of version 7, so that ids made later are greater. */
public fun newId(): String = crossing { nativeNewId() }
