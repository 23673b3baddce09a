//! What the app holds: a node, or a share of a value.

use std::any::Any;
use std::sync::Arc;

use super::bin;
use super::graph::node::{Kind, NodeId, Place, Value};
use super::thread::enter;

/// Keeps a node in the graph.
pub struct Handle {
    id: NodeId,
}

impl Handle {
    pub fn new(place: Place, kind: Kind) -> Self {
        Self {
            id: enter(|graph, _| {
                let id = graph.add(place, kind);
                graph.hold(id);
                id
            }),
        }
    }

    /// A further one, of a node that may be gone.
    pub fn of(id: NodeId) -> Option<Self> {
        enter(|graph, _| graph.hold(id)).then_some(Self { id })
    }

    pub fn id(&self) -> NodeId {
        self.id
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        enter(|graph, _| graph.release(self.id));
    }
}

/// A share of a value that is being read. If it is the last one when it goes, the value goes into the bin.
pub struct Share<T: Send + Sync + 'static>(Option<Arc<T>>);

impl<T: Send + Sync + 'static> Share<T> {
    pub fn new(value: Value) -> Self {
        let value: Arc<dyn Any + Send + Sync> = value;
        let value = value.downcast().unwrap_or_else(|_| unreachable!("a node's values are of its type"));
        Self(Some(value))
    }

    pub fn lend<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        match &self.0 {
            Some(value) => read(value),
            None => unreachable!("it is there until it is dropped"),
        }
    }
}

impl<T: Send + Sync + 'static> Drop for Share<T> {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(bin::discard);
    }
}
