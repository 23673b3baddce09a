//! Batches: writes that others see all at once.
//!
//! # Idea
//! What a batch writes stays in a buffer of its thread, at which this thread's reads look first. At the end of
//! the outermost batch all of it enters the graph in one critical section. No lock is held and no turn is taken
//! before, so a batch may wait for other threads that write. What is computed on top of the buffer is a
//! [`guess`].

mod buffer;
pub mod guess;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

pub use buffer::{Buffer, SignalCell, Write};

use super::bin::{self, Trash};
use super::flush;
use super::thread::{Outside, enter, with_thread};

/// Lets the writes inside become visible to everybody at once, at its end, and then runs the effects that they made
/// due, each once.
///
/// ```
/// use mizu_sync::{Computed, Effect, Signal, batch};
///
/// let (first, last) = (Signal::new("Ada"), Signal::new("Byron"));
/// let name = Computed::new({
///     let (first, last) = (first.clone(), last.clone());
///     move || format!("{} {}", first.get(), last.get())
/// });
/// let _printer = Effect::new({
///     let name = name.clone();
///     move || println!("{}", name.get())
/// });
/// batch(|| {
///     first.set("Augusta");
///     last.set("King");
///     assert_eq!(name.get(), "Augusta King");
/// }); // prints once
/// ```
///
/// This thread sees its own writes inside; no other one sees any, and none ever sees a part of them. Batches
/// nest: the outermost one counts. Of two threads that batch writes to the same signal the one that ends later
/// wins, with [`Signal::update`](super::Signal::update) too.
///
/// # Panics
/// A panic inside passes on, after what was written before it has become visible: a batch groups, it does not
/// roll back. The first panic of an effect that ran at the end passes on too.
pub fn batch<R>(work: impl FnOnce() -> R) -> R {
    with_thread(|thread| thread.batches += 1);
    let result = catch_unwind(AssertUnwindSafe(work));
    let is_outermost = with_thread(|thread| {
        if thread.batches > 1 {
            thread.batches -= 1;
            return false;
        }
        true
    });
    if is_outermost {
        commit();
    }
    match result {
        Ok(result) => {
            flush::run_due();
            result
        }
        Err(payload) => {
            flush::run_due_and_log();
            resume_unwind(payload)
        }
    }
}

/// Lets the buffer enter the graph.
fn commit() {
    loop {
        let to_compare = enter(|graph, thread| {
            let to_compare = thread.buffer.overtaken(graph);
            if to_compare.is_empty() {
                thread.batches = 0;
                let written = buffer::apply(graph, thread);
                return Err(written);
            }
            Ok(to_compare)
        });
        let to_compare = match to_compare {
            Ok(to_compare) => to_compare,
            Err(None) => return,
            Err(Some(written)) => return bin::throw(Trash::Other(written)),
        };
        // Another thread has written to the same signals since: is it still a change?
        let outside = Outside::enter();
        for write in to_compare {
            let same = catch_unwind(AssertUnwindSafe(|| write.cell.is_same(&write.base, &write.value)));
            enter(|graph, thread| thread.buffer.compared(graph, write, same.unwrap_or(false)));
        }
        drop(outside);
    }
}
