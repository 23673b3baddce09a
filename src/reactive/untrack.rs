//! Reads of which nobody takes note.

use super::thread::{Outside, Untracked};

/// Runs code that has nothing to do with the observer that runs: nothing is tracked, and what is made belongs to nobody.
pub(crate) fn outside<R>(work: impl FnOnce() -> R) -> R {
    let _outside = Outside::enter();
    work()
}

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
    let _untracked = Untracked::enter();
    work()
}
