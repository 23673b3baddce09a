//! Tests of what only this crate sees.

mod overtaken;
mod source;
