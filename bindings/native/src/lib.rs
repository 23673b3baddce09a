//! The library that Kotlin and Swift load: the SDK with its feature `ffi`, and nothing else.
//!
//! A crate of its own, so that Rust apps do not build a dynamic library that they have no use for.

mizu_sync::uniffi_reexport_scaffolding!();
