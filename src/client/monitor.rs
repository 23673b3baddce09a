//! What can be seen of the sync, shared between the thread that drives it and those that wait.

#[cfg(feature = "ffi")]
use std::sync::{Arc, Weak};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::model::{Counts, Replica};
use crate::store::Store;
use crate::sync::{Access, SyncState};

/// The state of the sync and of the queue, together.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub state: SyncState,
    pub queue: Counts,
    pub running: Running,
    /// How many tokens the app has set since the start. Those that [`SyncState::tokens`] has not, the engine has yet to
    /// hear of.
    pub tokens: u64,
}

/// Whether the sync runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Running {
    #[default]
    Stopped,
    Started,
    /// It ended by itself, by a panic.
    Panicked,
}

impl Running {
    /// That it runs, or why it does not.
    ///
    /// # Errors
    /// [`Error::NotStarted`], [`Error::Panicked`].
    pub const fn check(self) -> Result<()> {
        match self {
            Self::Started => Ok(()),
            Self::Stopped => Err(Error::NotStarted),
            Self::Panicked => Err(Error::Panicked),
        }
    }
}

#[derive(Default)]
pub struct Monitor {
    seen: Mutex<Seen>,
    updated: Condvar,
    observer: OnceLock<Box<dyn Fn() + Send + Sync>>,
    /// Those who wait without a thread.
    #[cfg(feature = "ffi")]
    wakers: Mutex<Vec<Weak<Waker>>>,
}

/// Called when it is worth looking again.
#[cfg(feature = "ffi")]
pub type Waker = dyn Fn() + Send + Sync;

/// What somebody waits for.
pub struct Wait {
    pub waiting_for: &'static str,
    /// How many failures there had been: of what is in the way, only what came up after them counts. Whoever asks for
    /// another attempt wants to know what comes of it.
    pub failures: u64,
    pub done: Box<dyn Fn(&Seen) -> bool + Send + Sync>,
}

impl Wait {
    /// That it did not happen in time.
    pub fn timed_out(&self, after: Duration, seen: &Seen) -> Error {
        Error::TimedOut { waiting_for: self.waiting_for, after, reason: seen.reason() }
    }
}

impl Monitor {
    /// Lets `observer` hear of every update, with no lock of this held. Only the first one hears.
    pub fn observe(&self, observer: impl Fn() + Send + Sync + 'static) {
        // A second one is a mistake of this crate's, and harmless.
        drop(self.observer.set(Box::new(observer)));
    }

    pub fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes what can be seen, and wakes those that wait, also when it is the same as before: they look at the
    /// store as well, which may have changed there and back.
    pub fn update(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        self.updated.notify_all();
        if let Some(observer) = self.observer.get() {
            observer();
        }
        #[cfg(feature = "ffi")]
        {
            let wakers = self.wakers.lock().unwrap_or_else(PoisonError::into_inner).clone();
            wakers.iter().filter_map(Weak::upgrade).for_each(|wake| wake());
        }
    }

    /// The app has set a token, of which the engine will hear: nothing to see for anybody yet.
    pub fn token_set(&self) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).tokens += 1;
    }

    /// Waits until it is done, for as long as the sync may get there by itself.
    ///
    /// # Errors
    /// As [`Self::look`], and [`Error::TimedOut`].
    pub fn wait(&self, store: &Store, wait: &Wait, timeout: Duration) -> Result<()> {
        let deadline = Instant::now().checked_add(timeout);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let now = Self::now(&seen, store);
            if now.is_done(wait)? {
                return Ok(());
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Err(wait.timed_out(timeout, &now));
            }
            seen = match left {
                None => self.updated.wait(seen).unwrap_or_else(PoisonError::into_inner),
                Some(left) => self.updated.wait_timeout(seen, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }

    /// What is seen now, with the queue as it is.
    #[cfg(feature = "ffi")]
    pub fn look(&self, store: &Store) -> Seen {
        Self::now(&self.seen(), store)
    }

    /// Wakes `waker` after each update, with no lock held, for as long as somebody else has it.
    #[cfg(feature = "ffi")]
    pub fn wake(&self, waker: &Arc<Waker>) {
        let mut wakers = self.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        wakers.retain(|waker| waker.strong_count() > 0);
        wakers.push(Arc::downgrade(waker));
    }

    fn now(seen: &Seen, store: &Store) -> Seen {
        // Local writes fill the queue without asking anybody; what empties it counts once the state that is shared here
        // shows the same. What is shared stays as the driver left it: others wait for its next change.
        let queue = store.counts().at_least(seen.queue);
        Seen { queue, ..seen.clone() }
    }
}

impl Seen {
    /// How many failures are over for somebody who waits without asking for another attempt: all, unless nothing is
    /// attempted any more.
    pub fn past_failures(&self) -> u64 {
        let tries_another_token = self.tokens > self.state.tokens;
        if self.state.access == Access::NeedsAuth && !tries_another_token { 0 } else { self.state.failures }
    }

    /// What is seen when a sync begins.
    pub fn starting(replica: &Replica, queue: Counts) -> Self {
        let (cursor, bootstrapped) = (replica.cursor, replica.bootstrapped);
        Self {
            state: SyncState { cursor, bootstrapped, ..SyncState::default() },
            queue,
            running: Running::Started,
            tokens: 0,
        }
    }

    /// Whether it has happened.
    ///
    /// # Errors
    /// [`Error::NotStarted`] when the sync is stopped, [`Error::Panicked`] when it panicked, [`Error::Sync`] when
    /// something needs action.
    pub fn is_done(&self, wait: &Wait) -> Result<bool> {
        self.running.check()?;
        if (wait.done)(self) {
            return Ok(true);
        }
        let failed = self.state.failures > wait.failures;
        match self.state.error.as_ref().filter(|error| failed && error.needs_action()) {
            Some(error) => Err(Error::Sync(error.clone())),
            None => Ok(false),
        }
    }

    /// Why the sync is not done, as far as is known.
    fn reason(&self) -> String {
        let Self { state, queue, .. } = self;
        if let Some(error) = &state.error {
            return error.to_string();
        }
        if state.access == Access::AwaitingToken {
            return "the server does not accept the token, and the app has not set another one".to_owned();
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};
    use std::thread;

    use super::*;
    use crate::model::{Edit, EntityKey, Intent, NewMutation};
    use crate::store::{Durability, Location, Owner};
    use crate::time::Timestamp;

    fn store() -> Store {
        let owner = Owner { scope: "user:1".to_owned(), principal: None, client: "client-1".to_owned() };
        Store::open(Location::Memory, owner, Durability::Relaxed).unwrap()
    }

    #[test]
    fn a_refusal_is_over_for_whoever_waits_after_another_token_was_set() {
        let state = SyncState { access: Access::NeedsAuth, failures: 3, tokens: 1, ..SyncState::default() };
        let mut seen = Seen { state, tokens: 1, ..Seen::default() };
        assert_eq!(seen.past_failures(), 0);
        seen.tokens = 2;
        assert_eq!(seen.past_failures(), 3);
    }

    #[test]
    fn whoever_waits_is_woken_when_a_write_is_discarded_before_the_driver_has_seen_it() {
        let (store, monitor) = (Arc::new(store()), Arc::new(Monitor::default()));
        monitor.update(|seen| seen.running = Running::Started);
        let intent = Intent::Entity(EntityKey::new("todo", "a"), Edit::Delete);
        let created_at = Timestamp::from_millis(0);
        store.write(vec![NewMutation { id: "m".to_owned(), created_at, intent }]).unwrap();
        let (look, looked) = mpsc::channel();
        let waiter = {
            let (store, monitor) = (Arc::clone(&store), Arc::clone(&monitor));
            let empty = move |seen: &Seen| {
                look.send(()).unwrap();
                seen.queue.pending == 0
            };
            let wait = Wait { waiting_for: "sent", failures: 0, done: Box::new(empty) };
            thread::spawn(move || monitor.wait(&store, &wait, Duration::from_secs(3600)))
        };
        // It has looked, and nothing is updated before it sleeps.
        looked.recv().unwrap();
        store.discard("m").unwrap();
        monitor.update(|seen| seen.queue = store.counts());
        looked.recv_timeout(Duration::from_secs(20)).expect("the waiter is woken");
        assert_eq!(waiter.join().unwrap(), Ok(()));
    }
}
