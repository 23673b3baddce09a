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

pub use batch::batch;
pub use computed::Computed;
pub use effect::{Effect, EffectResult, on_cleanup};
pub use error::{EffectError, set_error_handler};
pub use signal::Signal;
#[allow(unused_imports, reason = "as above")]
pub(crate) use source::{Due, Origin, Source, WeakSource, is_computing, is_tracking};

/// Runs code of which nothing is tracked: what it reads does not make the running observer due.
///
/// ```
/// use mizu_sync::{Effect, Signal, untrack};
///
/// let (count, limit) = (Signal::new(1), Signal::new(10));
/// let _watch = Effect::new(move || {
///     // Runs again when the count changes, not when the limit does.
///     if count.get() > untrack(|| limit.get()) {
///         println!("too many");
///     }
/// });
/// ```
pub fn untrack<R>(work: impl FnOnce() -> R) -> R {
    let _untracked = thread::Untracked::enter();
    work()
}

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
