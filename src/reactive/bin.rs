//! What the graph has no use for any more: dropped outside of the lock, one after the other, and not as a part of
//! whatever runs just then.
//!
//! # Idea
//! The drop of a value may be code of the app that reads, sets and drops nodes. It runs when the lock is
//! released, tracked by nobody, and after the computed that this thread may be running: computeds do not write.
//! What a drop throws away is put behind it in the same bin, so that a chain of a hundred thousand nodes that
//! hold each other needs no deep stack.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::effect::Body;
use super::graph::node::{Compute, Kind, NodeId, Value};
use super::source::{Hook, WeakSource};
use super::thread::{Outside, with_thread};

pub enum Trash {
    Value(Value),
    /// The last share of a value that was being read.
    Read(Box<dyn Any + Send + Sync>),
    Compute(Arc<dyn Compute>),
    Body(Body),
    /// To be called with the source that is gone.
    Hook(Hook, WeakSource),
    /// Anything else.
    Other(Box<dyn Any + Send>),
}

impl From<Value> for Trash {
    fn from(value: Value) -> Self {
        Self::Value(value)
    }
}

impl Trash {
    /// What a freed node held.
    pub fn of(id: NodeId, kind: Kind) -> impl Iterator<Item = Self> {
        let (first, second) = match kind {
            Kind::Free | Kind::Source(None) => (None, None),
            Kind::Signal(value) => (Some(Self::Value(value)), None),
            Kind::Source(Some(hook)) => (Some(Self::Hook(hook, WeakSource::of(id))), None),
            Kind::Computed(computed) => {
                (Some(Self::Compute(computed.compute)), computed.value.map(Self::Value))
            }
            Kind::Effect(effect) => (effect.body.map(Self::Body), None),
        };
        first.into_iter().chain(second)
    }

    fn drop_it(self) {
        match self {
            Self::Hook(hook, source) => hook(source),
            Self::Value(value) => drop(value),
            Self::Read(value) => drop(value),
            Self::Compute(closure) => drop(closure),
            Self::Body(closure) => drop(closure),
            Self::Other(value) => drop(value),
        }
    }
}

/// Drops what is in this thread's bin, unless that is being done already or a computed runs.
pub fn empty() {
    let may = with_thread(|thread| {
        let may = !thread.bin.is_empty() && thread.keeps_bin == 0;
        if may {
            thread.keeps_bin += 1;
        }
        may
    });
    if !may {
        return;
    }
    let outside = Outside::enter();
    while let Some(trash) = with_thread(|thread| thread.bin.pop()) {
        drop_caught(trash);
    }
    drop(outside);
    with_thread(|thread| thread.keeps_bin -= 1);
}

/// A drop that panics must not tear the graph's own work apart.
pub fn drop_caught(trash: Trash) {
    if catch_unwind(AssertUnwindSafe(|| trash.drop_it())).is_err() {
        tracing::error!("a value of the reactive graph panicked while it was dropped");
    }
}

/// Drops a share of a value that was read.
pub fn discard<T: Send + Sync + 'static>(value: Arc<T>) {
    if !std::mem::needs_drop::<T>() {
        return;
    }
    if let Some(last) = Arc::into_inner(value) {
        throw(Trash::Read(Box::new(last)));
    }
}

/// Drops it in a moment.
pub fn throw(trash: Trash) {
    with_thread(|thread| thread.bin.push(trash));
    empty();
}
