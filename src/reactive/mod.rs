//! The reactive graph.

mod batch;
mod bin;
mod computed;
mod effect;
mod error;
mod flush;
mod graph;
mod handle;
mod run;
mod signal;
#[allow(dead_code, reason = "for the SDK's data sources, which do not use it yet")]
mod source;
mod sync;
#[cfg(test)]
mod tests;
mod thread;
mod untrack;

pub use batch::batch;
pub use computed::Computed;
pub use effect::{Effect, EffectResult, on_cleanup};
pub use error::{EffectError, set_error_handler};
pub use signal::Signal;
#[allow(unused_imports, reason = "as above")]
pub(crate) use source::{Due, Origin, Source, WeakSource, is_computing, is_tracking};
pub use untrack::untrack;

/// How much there is in the graph of this process, to find leaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Signals, computeds, effects and sources.
    pub nodes: usize,
    /// Which of them has read which.
    pub links: usize,
    /// Effects.
    pub effects: usize,
}

/// Counts what is in the graph of this process.
#[must_use]
pub fn counts() -> Counts {
    let (nodes, links, effects) = thread::enter(|graph, _| graph.counts());
    Counts { nodes, links, effects }
}
