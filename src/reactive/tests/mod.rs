//! Tests of what only this crate sees.

#[cfg(feature = "ffi")]
mod lease;
mod overtaken;
mod source;
