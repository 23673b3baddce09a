//! Effects: closures that run again when what they have read changes.

use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};

use super::flush::{self, Flushed};
use super::graph::links::NO_LINK;
use super::graph::node::{EffectNode, Kind, NOBODY, NodeId};
use super::run::Payload;
use super::thread::{Outside, enter, with_thread};

/// An error of the app, as an effect returns it.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// The closure of an effect.
pub type Body = Box<dyn FnMut() -> Result<(), BoxError> + Send>;

/// What ends with a run of an effect, in the order in which it was registered.
pub type Scope = Vec<ScopeItem>;

pub enum ScopeItem {
    Cleanup(Box<dyn FnOnce() + Send>),
    /// An effect made inside.
    Effect(NodeId),
}

/// What an effect may return: nothing, or a `Result` whose error goes to the handler of errors.
///
/// These two alone, so that a closure which uses `?` and ends in `Ok(())` needs no annotation.
pub trait EffectResult: sealed::Sealed {
    #[doc(hidden)]
    fn into_result(self) -> Result<(), BoxError>;
}

impl EffectResult for () {
    fn into_result(self) -> Result<(), BoxError> {
        Ok(())
    }
}

impl EffectResult for Result<(), BoxError> {
    fn into_result(self) -> Result<(), BoxError> {
        self
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for () {}
    impl Sealed for Result<(), super::BoxError> {}
}

/// Code that runs at once, and again whenever something that it has read has changed.
///
/// ```
/// use mizu_sync::{Effect, Signal};
///
/// let count = Signal::new(0);
/// let printer = Effect::new({
///     let count = count.clone();
///     move || println!("{}", count.get())
/// });                 // prints 0
/// count.set(1);       // prints 1
/// printer.stop();
/// count.set(2);       // prints nothing
/// ```
///
/// It runs on the thread that made it, and later on the thread whose write made it due, before the call that
/// wrote returns; after a [`batch`](super::batch) at its end. Effects that are due together run in the order in
/// which they were made. One never runs twice at the same time: when it is due while another thread runs it,
/// that thread runs it again.
///
/// It stops when this handle is dropped. An effect made while another one runs also stops when that one runs again or
/// stops, whatever became of its handle.
#[must_use = "an effect stops when its handle is dropped; keep it, or call `detach`"]
pub struct Effect {
    id: NodeId,
    is_detached: bool,
}

impl Effect {
    /// Makes an effect and runs it for the first time. An error that it returns goes to the handler set by
    /// [`set_error_handler`](super::set_error_handler).
    ///
    /// # Panics
    /// When the first run panics; the effect is stopped then. When one panics that the first run made due.
    #[track_caller]
    pub fn new<R: EffectResult>(mut run: impl FnMut() -> R + Send + 'static) -> Self {
        let place = Location::caller();
        let body: Body = Box::new(move || run().into_result());
        let id = enter(|graph, thread| {
            let effect = EffectNode {
                order: graph.new_number(),
                body: Some(body),
                scope: Scope::new(),
                is_running: true,
                run_again: false,
                hand_over: NOBODY,
                is_stopped: false,
                has_failed: false,
                flush: 0,
                runs: 0,
            };
            let id = graph.add(place, Kind::Effect(Box::new(effect)));
            if let Some(owner) = thread.owner() {
                owner.scope.push(ScopeItem::Effect(id));
            }
            id
        });
        // From here on a panic stops it.
        let effect = Self { id, is_detached: false };
        let panic = flush::run(id);
        if panic.is_some() {
            drop(effect);
            flush::run_due_and_log();
            flush::resume(panic);
            return Self { id, is_detached: true };
        }
        flush::run_due();
        effect
    }

    /// Stops it: it does not run any more, and what it registered by [`on_cleanup`] is run. Once stopped it stays so.
    ///
    /// If it is running just now, here or on another thread, that run goes on to its end, and the thread that runs it
    /// cleans up then. This call does not wait for it.
    pub fn stop(&self) {
        flush::resume(stop(self.id));
        flush::run_due();
    }

    /// Lets it run without a handle: until the effect that it was made in runs again or stops, or for as long
    /// as the program runs.
    pub fn detach(mut self) {
        self.is_detached = true;
    }
}

impl Drop for Effect {
    fn drop(&mut self) {
        if !self.is_detached {
            self.stop();
        }
    }
}

impl fmt::Debug for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Effect").finish_non_exhaustive()
    }
}

/// Registers what is to be done before the running effect runs the next time, and when it stops: the last registered
/// first. Nothing that it reads is tracked.
///
/// ```
/// use mizu_sync::{Effect, Signal, reactive::on_cleanup};
///
/// let room = Signal::new("kitchen");
/// let _listener = Effect::new(move || {
///     let name = room.get();
///     println!("entering {name}");
///     on_cleanup(move || println!("leaving {name}"));
/// });
/// ```
///
/// # Panics
/// When no effect is running on this thread, or a computed is inside of it: there is no moment at which it could run.
#[track_caller]
pub fn on_cleanup(cleanup: impl FnOnce() + Send + 'static) {
    let item = ScopeItem::Cleanup(Box::new(cleanup));
    if with_thread(|thread| thread.own(item)).is_err() {
        panic!("on_cleanup was called outside of an effect; call it in the closure of one");
    }
}

/// Stops an effect and what was made in it. Gives the first panic of a cleanup.
fn stop(id: NodeId) -> Option<Payload> {
    end_scope(vec![ScopeItem::Effect(id)])
}

/// Ends what was registered in a run, the last first. Gives the first panic.
pub fn end_scope(mut scope: Scope) -> Option<Payload> {
    if scope.is_empty() {
        return None;
    }
    let mut flushed = Flushed::default();
    let outside = Outside::enter();
    while let Some(item) = scope.pop() {
        match item {
            ScopeItem::Cleanup(cleanup) => flushed.keep(catch_unwind(AssertUnwindSafe(cleanup)).err()),
            ScopeItem::Effect(id) => scope.extend(take_apart(id)),
        }
    }
    drop(outside);
    flushed.panic
}

/// Takes an effect out of the graph. Gives what it had registered, unless it runs: then that is for who runs it.
fn take_apart(id: NodeId) -> Scope {
    enter(|graph, _| {
        let Some(effect) = graph.get_mut(id).and_then(|node| node.effect_mut()) else { return Scope::new() };
        effect.is_stopped = true;
        if effect.is_running {
            let mut unused = vec![];
            graph.cut_links(id.index, &mut unused);
            unused.into_iter().for_each(|index| graph.free_unused(index));
            debug_assert!(graph.at(id.index).first_dependency == NO_LINK);
            return Scope::new();
        }
        let scope = std::mem::take(&mut effect.scope);
        graph.remove_effect(id.index);
        scope
    })
}
