//! The primitives of threads that the graph stands on, in one place so that a model checker can put its own in.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::graph::Graph;

pub use std::thread_local;

static GRAPH: Mutex<Graph> = Mutex::new(Graph::new());

/// The graph, locked. No code of the app runs while it is.
pub fn lock() -> MutexGuard<'static, Graph> {
    GRAPH.lock().unwrap_or_else(PoisonError::into_inner)
}
