//! Values that tell who has read them when they change.
//!
//! ```
//! use mizu_sync::{Computed, Effect, Signal, batch};
//!
//! let (price, count) = (Signal::new(3), Signal::new(2));
//! let total = Computed::new({
//!     let (price, count) = (price.clone(), count.clone());
//!     move || price.get() * count.get()
//! });
//! let _printer = Effect::new({
//!     let total = total.clone();
//!     move || println!("{} to pay", total.get())
//! }); //                  6 to pay
//! price.set(4); //        8 to pay
//! batch(|| {
//!     price.set(2);
//!     count.set(4);
//! }); //                  nothing: it is still 8
//! assert_eq!(total.get(), 8);
//! ```
//!
//! # Idea
//! What a [`Computed`] or an [`Effect`] reads while it runs becomes its dependency. A write marks everything
//! above as possibly changed, and runs nothing but effects. Whatever is then read looks at what it was made of,
//! deepest first, and runs its closure only if a value there is really another.
//!
//! All of it can be used from any thread. There is one graph a process, under a lock that is held for moments
//! and never while code of the app runs: closures, comparisons, copies and drops may use the graph, write to
//! the store, panic, or wait for other threads.
//!
//! # Semantics
//! - **No glitches.** A node runs at most once an update, and a computed never gives a value made of a mixed state.
//! - **Lazy and cached.** A computed runs when it is read, if something that it has read has changed. A value
//!   equal to the one before is no change: by `PartialEq`, or a comparison of one's own.
//! - **Dynamic.** Dependencies are those of the last run. Reads inside of [`untrack`] are none.
//! - **Effects** run once when they are made, and then once after each write or [`batch`] that changes what
//!   they have read: on the thread that wrote, in the order in which they were made, never twice at the same
//!   time. A write in an effect works; what it makes due runs after it, before the outermost write returns. An
//!   effect made in another one ends with its next run.
//! - **Batches** are seen by other threads at once or not at all, and by their own thread from the start.
//! - **Panics.** A computed that panicked is run again when it is read again. When an effect panics the others still
//!   run, then the first panic passes on from the call that wrote. An effect that panicked runs again when something
//!   changes that it had read.
//! - **Errors.** An effect may return a `Result`; see [`set_error_handler`]. A computed that writes, or that
//!   needs itself, and effects that make each other due without end are mistakes in the app: they panic with a
//!   sentence that says where the nodes were made.
//! - **Memory.** A node leaves the graph when nobody has a handle of it and nobody observes it.
//!
//! # Limits
//! - An effect that reads while another thread writes may see some values from before and some from after. It is then
//!   run again at once, and what the first run returned, or panicked with, does not count. A computed is
//!   run again before anybody gets its value.
//! - An effect that data of the SDK has overtaken is run again by the client's thread for callbacks: the thread that
//!   ran it goes on, however fast the data changes.
//! - While data of the SDK changes faster than a computed runs, a read of it gives what its third run has made, which may
//!   be of several moments, but of none before the read began. Nobody else gets that value, and an effect that
//!   has read it runs again later.
//! - While other threads write *signals* without pause that a long closure reads, it runs again and again. A closure
//!   that lets another thread set what it has read itself, each time, never ends.
//! - When a write of a signal returns, its effects have run, except those that were running on another thread:
//!   that one runs them again.
//! - The first read of a computed goes through the closures of those that it reads, so a chain of many thousands
//!   that was never read needs a deep stack. After that the length does not matter.
//! - A computed may be run by several threads at the same time. It should depend on nothing but what it reads in the
//!   graph.
//! - A value that panics while it is dropped is logged. One that sets a signal while the variables of its thread
//!   are being dropped, at the thread's end, runs no effects.

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
mod source;
mod sync;
#[cfg(test)]
mod tests;
mod thread;
mod untrack;

pub use batch::batch;
pub use computed::Computed;
pub use effect::{Effect, EffectResult, on_cleanup};
#[cfg(feature = "ffi")]
pub(crate) use error::text_of;
pub use error::{EffectError, set_error_handler};
pub use signal::Signal;
pub(crate) use source::{Due, Origin, Source, WeakSource, is_computing, is_tracking};
pub(crate) use untrack::outside;
pub use untrack::untrack;

/// How much there is in the graph of this process. For tests that look for leaks.
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
