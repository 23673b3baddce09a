//! What can be seen of the sync, shared between the thread that drives it and those that wait.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::model::{Counts, Replica};
use crate::store::Store;
use crate::sync::{Access, SyncState};

/// The state of the sync and of the queue, together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    pub state: SyncState,
    pub queue: Counts,
    pub started: bool,
}

#[derive(Default)]
pub struct Monitor {
    seen: Mutex<Seen>,
    changed: Condvar,
}

impl Monitor {
    pub fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes what can be seen, and wakes those that wait if it is something else then.
    pub fn update(&self, change: impl FnOnce(&mut Seen)) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let before = seen.clone();
        change(&mut seen);
        let changed = *seen != before;
        drop(seen);
        if changed {
            self.changed.notify_all();
        }
    }

    /// Waits until `done`, for as long as the sync may get there by itself.
    ///
    /// # Errors
    /// [`Error::NotStarted`] when the sync is stopped, [`Error::Sync`] when something needs action,
    /// [`Error::TimedOut`].
    pub fn wait(
        &self,
        store: &Store,
        waiting_for: &'static str,
        timeout: Duration,
        done: impl Fn(&Seen) -> bool,
    ) -> Result<Seen> {
        let deadline = Instant::now().checked_add(timeout);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let failures = seen.state.failures;
        loop {
            // Local writes fill the queue without asking anybody; what empties it counts once the state that is
            // shared here shows the same. What is shared stays as the driver left it: others wait for its next
            // change.
            let queue = store.counts().at_least(seen.queue);
            let now = Seen { queue, ..seen.clone() };
            if !now.started {
                return Err(Error::NotStarted);
            }
            if done(&now) {
                return Ok(now);
            }
            let failed = seen.state.failures > failures || seen.state.access == Access::NeedsAuth;
            if let Some(error) = seen.state.error.as_ref().filter(|error| failed && error.needs_action()) {
                return Err(Error::Sync(error.clone()));
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Err(Error::TimedOut { waiting_for, after: timeout, reason: now.reason() });
            }
            seen = match left {
                None => self.changed.wait(seen).unwrap_or_else(PoisonError::into_inner),
                Some(left) => self.changed.wait_timeout(seen, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }
}

impl Seen {
    /// What is seen when a sync begins.
    pub fn starting(replica: &Replica, queue: Counts) -> Self {
        let (cursor, bootstrapped) = (replica.cursor, replica.bootstrapped);
        Self { state: SyncState { cursor, bootstrapped, ..SyncState::default() }, queue, started: true }
    }

    /// Why the sync is not done, as far as is known.
    fn reason(&self) -> String {
        let Self { state, queue, .. } = self;
        if let Some(error) = &state.error {
            return error.to_string();
        }
        if let Some(reason) = &state.blocked {
            return format!("{} mutations are blocked: {reason}", queue.pending);
        }
        let unsent = queue.pending + queue.acked;
        if unsent > 0 {
            return format!("{unsent} mutations are still on their way");
        }
        "the server's changes are still being fetched".to_owned()
    }
}
