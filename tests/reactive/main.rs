//! The reactive graph, from outside: one module a subject, one test a behaviour.

mod batching;
mod cleanup;
mod cutoff;
mod cycles;
mod deep;
mod dynamic;
mod effects;
mod errors;
mod laziness;
mod log;
mod nesting;
mod panics;
mod propagation;
mod untracked;
mod writes;
