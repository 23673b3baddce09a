//! Waiting for what goes on in the background.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::monitor::{Seen, Wait};
use super::{Client, platform};
use crate::error::{Error, Result};
use crate::sync::Event;

impl Client {
    /// Syncs now, and waits until everything is sent, its effects are seen, and the server's changes up to
    /// this call are here.
    ///
    /// # Errors
    /// [`Error::NotStarted`], or that the client is paused or closed; [`Error::Sync`] when something needs
    /// action; [`Error::TimedOut`] with the reason; [`Error::Panicked`]. But for the last, the sync goes on in the
    /// background all the same.
    pub fn sync(&self, timeout: Duration) -> Result<()> {
        self.wait(&self.begin_sync()?, timeout)
    }

    /// Waits until every write is sent and its effects are seen.
    ///
    /// # Errors
    /// As [`Client::sync`].
    pub fn flush(&self, timeout: Duration) -> Result<()> {
        self.wait(&self.begin_flush()?, timeout)
    }

    /// Waits until the server's data has been here once. Returns at once if it has, in an earlier process even.
    ///
    /// # Errors
    /// As [`Client::sync`].
    pub fn wait_for_first_sync(&self, timeout: Duration) -> Result<()> {
        match self.begin_first_sync()? {
            Some(wait) => self.wait(&wait, timeout),
            None => Ok(()),
        }
    }

    /// Waits until every callback, effect and listener has run that what happened before this call has made due: for
    /// tests and scripts. What they write makes others due, for which it does not wait. Nor does it wait for an effect that
    /// is just running on another thread, where a signal has made it due: it runs once more, there or after this call.
    ///
    /// # Errors
    /// [`Error::TimedOut`]: one of them has not returned, or this is called by one of them, which would wait for itself.
    /// That the client is paused or closed.
    pub fn delivered(&self, timeout: Duration) -> Result<()> {
        let available = || match self.core.not_running() {
            Error::NotStarted => Ok(()),
            error => Err(error),
        };
        available()?;
        if self.core.dispatcher.wait(timeout) {
            return Ok(());
        }
        // It may have been paused or closed meanwhile.
        available()?;
        let reason = "a callback or an effect has not returned".to_owned();
        Err(Error::TimedOut { waiting_for: "delivered", after: timeout, reason })
    }

    /// As [`Client::delivered`], without a thread that waits.
    #[cfg(feature = "ffi")]
    pub(crate) fn when_delivered(&self, tell: impl FnOnce() + Send + 'static) -> Result<()> {
        match self.core.not_running() {
            Error::NotStarted => self.core.dispatcher.when_done(tell),
            error => Err(error),
        }
    }

    /// What is seen of the sync, which must run.
    fn seen_running(&self) -> Result<Seen> {
        let seen = self.core.monitor.seen();
        seen.running.check().map_err(|error| self.explained(error))?;
        Ok(seen)
    }

    /// Asks for a sync.
    pub(crate) fn begin_sync(&self) -> Result<Wait> {
        let failures = self.core.monitor.seen().state.failures;
        let request = self.core.sync_requests.fetch_add(1, Ordering::SeqCst) + 1;
        if !self.core.send(Event::SyncRequested(request)) {
            return Err(self.core.not_running());
        }
        let done = move |seen: &Seen| is_sent(seen) && seen.state.request_served >= request;
        Ok(Wait { waiting_for: "synced", failures, done: Box::new(done) })
    }

    pub(crate) fn begin_flush(&self) -> Result<Wait> {
        let failures = self.seen_running()?.past_failures();
        Ok(Wait { waiting_for: "sent", failures, done: Box::new(is_sent) })
    }

    /// `None` where it has been.
    pub(crate) fn begin_first_sync(&self) -> Result<Option<Wait>> {
        let failures = match self.seen_running() {
            Ok(seen) => seen.past_failures(),
            Err(Error::NotStarted) if self.core.monitor.seen().state.bootstrapped => return Ok(None),
            Err(error) => return Err(error),
        };
        let done = |seen: &Seen| seen.state.bootstrapped;
        Ok(Some(Wait { waiting_for: "synced for the first time", failures, done: Box::new(done) }))
    }

    fn wait(&self, wait: &Wait, timeout: Duration) -> Result<()> {
        let waited = self.core.monitor.wait(&self.core.store, wait, timeout);
        waited.map_err(|error| self.explained(error))
    }

    /// What those who wait are told: what the monitor says, with what it does not know.
    pub(crate) fn explained(&self, error: Error) -> Error {
        match error {
            Error::NotStarted => self.core.not_running(),
            // Whatever else is known is older than that.
            Error::TimedOut { waiting_for, after, .. } if !self.core.platform().network_up => {
                Error::TimedOut { waiting_for, after, reason: platform::NO_NETWORK.to_owned() }
            }
            error => error,
        }
    }
}

fn is_sent(seen: &Seen) -> bool {
    seen.queue.pending == 0 && seen.queue.acked == 0
}
