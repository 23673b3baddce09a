//! Waiting for what the operating system cannot be told to stop.
//!
//! A read from a socket ends when the socket is shut down. Looking up a name and opening a connection do not
//! end that way, so they run on threads of their own, and the request waits for them here, where an
//! [`Interrupt`] reaches it. A thread whose result nobody waits for any more finishes unheard.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Locks a mutex. What the mutexes of this module guard is whole between any two statements, so that a
/// thread that panicked while holding one has not spoiled it.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Rings whenever something that a request may wait for has changed. One serves a whole transport: there are
/// hardly ever more than two that listen.
#[derive(Debug, Default)]
pub(super) struct Bell {
    lock: Mutex<()>,
    rung: Condvar,
}

impl Bell {
    /// Wakes all who wait, so that they look again. Call it after the change, with no lock held.
    pub(super) fn ring(&self) {
        // Whoever has looked but does not sleep yet holds the lock: without it here, this would be missed.
        drop(locked(&self.lock));
        self.rung.notify_all();
    }
}

/// Tells the request of one session that it shall end. Raised once, for good.
#[derive(Debug)]
pub(super) struct Interrupt {
    raised: AtomicBool,
    bell: Arc<Bell>,
}

impl Interrupt {
    pub(super) fn new(bell: Arc<Bell>) -> Self {
        Self { raised: AtomicBool::new(false), bell }
    }

    pub(super) fn raise(&self) {
        self.raised.store(true, Ordering::SeqCst);
        self.bell.ring();
    }

    pub(super) fn is_raised(&self) -> bool {
        self.raised.load(Ordering::SeqCst)
    }

    /// Waits until `ready` gives something: it is asked now and after each ring of the bell.
    ///
    /// # Errors
    /// A timeout of this `phase` after `limit`; any other error when the interrupt is raised.
    pub(super) fn wait<T>(
        &self,
        limit: Duration,
        phase: ureq::Timeout,
        mut ready: impl FnMut() -> Option<T>,
    ) -> Result<T, ureq::Error> {
        let start = Instant::now();
        let mut guard = locked(&self.bell.lock);
        loop {
            if self.is_raised() {
                return Err(io::Error::from(io::ErrorKind::ConnectionAborted).into());
            }
            if let Some(value) = ready() {
                return Ok(value);
            }
            let left = limit.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Err(ureq::Error::Timeout(phase));
            }
            guard = self.bell.rung.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Runs `work` on a thread of its own and waits for its result.
    ///
    /// # Errors
    /// As [`Interrupt::wait`]; the thread is then left behind.
    pub(super) fn aside<T: Send + 'static>(
        &self,
        limit: Duration,
        phase: ureq::Timeout,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ureq::Error> {
        let result = Arc::new(Mutex::new(None));
        let (theirs, bell) = (Arc::clone(&result), Arc::clone(&self.bell));
        thread::Builder::new().name("mizu-connect".to_owned()).spawn(move || {
            let value = work();
            *locked(&theirs) = Some(value);
            bell.ring();
        })?;
        self.wait(limit, phase, || locked(&result).take())
    }
}
