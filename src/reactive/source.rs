//! Sources: nodes without a value, for data that lives elsewhere.
//!
//! # Idea
//! Whoever reads data from elsewhere [tracks](Source::track) its source **first**, and then reads. When the
//! data has changed, [`Origin::invalidate`] marks the source, and gives the effects that are [`Due`] by it, to be run
//! on a thread of the caller's choice. A computed or effect that was overtaken between tracking and reading has
//! seen an old version of the source, so it runs again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use super::error::text_of;
use super::flush;
use super::graph::node::{Kind, NodeId, Token, is_same_origin, next_of_origin};
use super::handle::Handle;
use super::thread::{enter, with_thread};

/// Called when a source is gone, with what was a reference to it.
pub type Hook = Box<dyn FnOnce(WeakSource) + Send>;

/// A node that stands for data elsewhere. It lives as long as a handle or an observer of it does. Clones are handles
/// of the same one.
#[derive(Clone)]
pub struct Source {
    handle: Arc<Handle>,
}

impl Source {
    /// Makes a source.
    #[track_caller]
    pub fn new() -> Self {
        Self { handle: Arc::new(Handle::new(Location::caller(), Kind::Source(None))) }
    }

    /// Makes a source that says when it is gone: when neither a handle nor an observer of it is left. `gone` is
    /// called once, with no lock held, on the thread that let go of it.
    ///
    /// A registry that maps keys to sources removes its entry then, if that is still this source: between the
    /// end and the call another thread may have put a new one there.
    #[track_caller]
    pub fn new_with_drop_hook(gone: impl FnOnce(WeakSource) + Send + 'static) -> Self {
        Self { handle: Arc::new(Handle::new(Location::caller(), Kind::Source(Some(Box::new(gone))))) }
    }

    /// Notes that the observer that runs on this thread, if any, reads the data of this source. To be called
    /// before the data is read.
    pub fn track(&self) {
        if !is_tracking() {
            return;
        }
        let id = self.handle.id();
        enter(|graph, thread| {
            let version = graph.version(id);
            thread.note(graph, id, version);
        });
    }

    /// A reference that does not keep it.
    pub fn downgrade(&self) -> WeakSource {
        WeakSource { id: self.handle.id() }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").finish_non_exhaustive()
    }
}

/// A reference to a source that does not keep it. Two are equal if they are to the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WeakSource {
    id: NodeId,
}

impl WeakSource {
    /// To the source at a place that may be free by now.
    pub fn of(id: NodeId) -> Self {
        Self { id }
    }

    /// The source, if a handle or an observer still keeps it.
    pub fn upgrade(self) -> Option<Source> {
        Some(Source { handle: Arc::new(Handle::of(self.id)?) })
    }
}

/// Whether an observer runs on this thread, which notes what is read.
pub fn is_tracking() -> bool {
    with_thread(|thread| thread.observer().is_some())
}

/// Whether a computed runs on this thread: nothing may be written then.
pub fn is_computing() -> bool {
    with_thread(|thread| thread.computing().is_some())
}

/// Where changes of sources come from: a database, for instance. A cheap handle.
///
/// Effects that are due by one origin and wait to be run do not wait less or longer for another one.
#[derive(Clone)]
pub struct Origin {
    shared: Arc<Shared>,
}

struct Shared {
    /// The marks of this origin.
    token: AtomicU64,
    runner: OnceLock<Runner>,
}

/// Lets effects run, soon, and not on this thread's stack.
type Runner = Box<dyn Fn(Due) + Send + Sync>;

impl Origin {
    /// Another one than all others.
    pub fn new() -> Self {
        let token = AtomicU64::new(enter(|graph, _| graph.new_origin()));
        Self { shared: Arc::new(Shared { token, runner: OnceLock::new() }) }
    }

    /// From now on `run` gets the effects that are due by this origin and could not be run when their turn came,
    /// because another thread was running them; and those that were overtaken by a change of which nobody knew yet
    /// that it concerns them. It is called with no lock held, on the thread that ran them. It does not run them itself,
    /// but lets another thread do so. The first call counts.
    ///
    /// Without it the thread that has run such an effect runs it again at once, and so without end while changes come
    /// faster than it runs.
    pub fn set_runner(&self, run: impl Fn(Due) + Send + Sync + 'static) {
        if self.shared.runner.set(Box::new(run)).is_ok() {
            let origin = WeakOrigin { token: self.token(), shared: Arc::downgrade(&self.shared) };
            enter(|graph, _| graph.add_runner(origin));
        }
    }

    /// Hands an effect to whoever runs those of this origin.
    pub fn run_later(&self, effect: DueEffect) {
        if let Some(run) = self.shared.runner.get() {
            run(Due { effects: BinaryHeap::from([Reverse(effect)]), origin: self.clone() });
        }
    }

    fn token(&self) -> Token {
        self.shared.token.load(Ordering::SeqCst)
    }

    /// Says that the data of these sources has changed, all at once. Whoever reads a computed of them after this has
    /// returned, on whatever thread, gets the new value. Effects are not run, but given back.
    ///
    /// May be called in an effect and in a batch; it is not part of the batch.
    #[must_use = "effects that are due have to be run"]
    pub fn invalidate<'a>(&self, sources: impl IntoIterator<Item = &'a Source>) -> Due {
        let ids: Vec<NodeId> = sources.into_iter().map(|source| source.handle.id()).collect();
        let mut due = Vec::new();
        if !ids.is_empty() {
            enter(|graph, _| {
                let token = self.token();
                graph.commits += 1;
                for id in ids {
                    let version = graph.new_number();
                    graph.changed(id.index, version, token, &mut due);
                }
            });
        }
        Due { effects: due.into_iter().map(Reverse).collect(), origin: self.clone() }
    }

    /// What was marked so far does not count as known any more.
    fn forget_marks(&self) {
        let next = |token| Some(next_of_origin(token));
        let _ = self.shared.token.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next);
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origin").finish_non_exhaustive()
    }
}

/// A reference to an origin that does not keep it.
pub struct WeakOrigin {
    /// One of its tokens.
    token: Token,
    shared: Weak<Shared>,
}

impl WeakOrigin {
    pub fn is_of(&self, token: Token) -> bool {
        is_same_origin(self.token, token)
    }

    pub fn is_alive(&self) -> bool {
        self.shared.strong_count() > 0
    }

    pub fn upgrade(&self) -> Option<Origin> {
        Some(Origin { shared: self.shared.upgrade()? })
    }
}

/// An effect that may have to run. The one made first comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DueEffect {
    pub order: u64,
    pub id: NodeId,
    /// Who made it due: a thread, or an origin.
    pub by: Token,
}

/// Effects that are due because of sources. When it is dropped without being run, they do not run before something that
/// they have read changes once more.
#[derive(Debug)]
#[must_use = "effects that are due have to be run"]
pub struct Due {
    effects: BinaryHeap<Reverse<DueEffect>>,
    origin: Origin,
}

/// What [`Due::run_next`] did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ran {
    /// How many runs of effects there were, those included that were made due by the run.
    pub runs: usize,
    /// The text of the first panic. The others are logged.
    pub panic: Option<String>,
}

impl Due {
    pub fn is_empty(&self) -> bool {
        self.effects.is_empty()
    }

    /// Runs the effect that was made first, if it is still due, and what its run makes due on this thread. The rest waits:
    /// the run may be the end of what they are to see. Never panics.
    ///
    /// In an effect or a batch it runs when that is over, and is not counted here. Not for a computed, at whose end nothing
    /// runs: there it would wait for what else this thread makes due.
    pub fn run_next(&mut self) -> Ran {
        let Some(effect) = self.effects.pop() else { return Ran::default() };
        with_thread(|thread| thread.due.push(effect));
        let flushed = flush::flush();
        let panic = flushed.panic.map(|panic| {
            let text = text_of(&*panic);
            super::bin::throw(super::bin::Trash::Other(panic));
            text
        });
        Ran { runs: flushed.runs, panic }
    }

    /// Runs all of them.
    #[cfg(test)]
    pub fn run(mut self) -> Ran {
        let mut all = Ran::default();
        while !self.is_empty() {
            let ran = self.run_next();
            all.runs += ran.runs;
            all.panic = all.panic.or(ran.panic);
        }
        all
    }
}

impl Drop for Due {
    fn drop(&mut self) {
        if !self.effects.is_empty() {
            self.origin.forget_marks();
        }
    }
}
