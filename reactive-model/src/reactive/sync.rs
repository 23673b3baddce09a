//! The model checker's primitives in the place of the standard library's.

use shuttle::sync::{Mutex, MutexGuard};

use super::graph::Graph;

pub use shuttle::thread_local;

shuttle::lazy_static! {
    static ref GRAPH: Mutex<Graph> = Mutex::new(Graph::new());
}

/// The graph, locked.
pub fn lock() -> MutexGuard<'static, Graph> {
    GRAPH.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
