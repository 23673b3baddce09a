//! The reactive graph of the SDK under a model checker.
//!
//! # Idea
//! The same source files as in the SDK, with a lock and thread-locals that belong to
//! [shuttle](https://docs.rs/shuttle): it runs one thread at a time and chooses at each lock who goes on. A
//! scenario is run thousands of times, each in another order. What is found is repeated by the schedule that is
//! printed. Those of `recall` run once: they need a graph to themselves.
//!
//! # Limits
//! Orders are drawn at random, not enumerated. The graph has one lock and no atomics, so there is nothing between
//! two locks that could be ordered differently.

#![cfg(test)]

mod reactive;
mod scenarios;
