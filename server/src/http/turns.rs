//! Whose work is begun: the others wait without a thread, and are forgotten when their client hangs up.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests that are worked on at once. Writers wait for each other anyway.
pub(super) const WORKERS: usize = 64;
/// Of these, the snapshots in one body: nobody knows how much memory one takes before it is made.
const WHOLE_SNAPSHOTS: usize = 4;

pub(super) struct Turns {
    workers: Arc<Semaphore>,
    whole_snapshots: Arc<Semaphore>,
}

/// The right to be worked for, until it is dropped.
pub(super) struct Turn {
    _worker: Option<OwnedSemaphorePermit>,
    _whole_snapshot: Option<OwnedSemaphorePermit>,
}

impl Turns {
    pub(super) fn new() -> Self {
        let workers = Arc::new(Semaphore::new(WORKERS));
        Self { workers, whole_snapshots: Arc::new(Semaphore::new(WHOLE_SNAPSHOTS)) }
    }

    pub(super) async fn next(&self) -> Turn {
        Turn { _worker: acquire(&self.workers).await, _whole_snapshot: None }
    }

    pub(super) async fn next_whole_snapshot(&self) -> Turn {
        let whole_snapshot = acquire(&self.whole_snapshots).await;
        Turn { _whole_snapshot: whole_snapshot, ..self.next().await }
    }
}

/// `None` never: these are not closed.
async fn acquire(semaphore: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    Arc::clone(semaphore).acquire_owned().await.ok()
}
