//! As `src/reactive/mod.rs` of the SDK, with other primitives.

#![allow(dead_code, unused_imports, reason = "not all of it is needed here")]

#[path = "../../src/reactive/batch/mod.rs"]
mod batch;
#[path = "../../src/reactive/bin.rs"]
mod bin;
#[path = "../../src/reactive/computed.rs"]
mod computed;
#[path = "../../src/reactive/effect.rs"]
mod effect;
#[path = "../../src/reactive/error.rs"]
mod error;
#[path = "../../src/reactive/flush.rs"]
mod flush;
#[path = "../../src/reactive/graph/mod.rs"]
mod graph;
#[path = "../../src/reactive/handle.rs"]
mod handle;
#[path = "../../src/reactive/run.rs"]
mod run;
#[path = "../../src/reactive/signal.rs"]
mod signal;
#[path = "../../src/reactive/source.rs"]
mod source;
mod sync;
#[path = "../../src/reactive/thread.rs"]
mod thread;
#[path = "../../src/reactive/untrack.rs"]
mod untrack;

pub use batch::batch;
pub use computed::Computed;
pub use effect::{Effect, on_cleanup};
pub use error::set_error_handler;
pub use signal::Signal;
pub use source::{Due, Origin, Source, WeakSource};
pub use untrack::untrack;

/// How many nodes, links and effects there are.
pub fn counts() -> (usize, usize, usize) {
    thread::enter(|graph, _| graph.counts())
}
