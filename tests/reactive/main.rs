//! The reactive graph, from outside: one module a subject, one test a behaviour.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod batching;
mod cleanup;
mod cutoff;
mod cycles;
mod deep;
mod drops;
mod dynamic;
mod effects;
mod errors;
mod laziness;
mod log;
mod nesting;
mod oracle;
mod page;
mod panics;
mod propagation;
mod seeds;
mod threads;
mod untracked;
mod writes;
