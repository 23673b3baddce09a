//! Waiting for what goes on in the background.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::monitor::Seen;
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
        let failures = self.core.monitor.seen().state.failures;
        let request = self.request_sync()?;
        self.wait("synced", timeout, failures, |seen| {
            seen.queue.pending == 0 && seen.queue.acked == 0 && seen.state.request_served >= request
        })
    }

    /// Waits until every write is sent and its effects are seen.
    ///
    /// # Errors
    /// As [`Client::sync`].
    pub fn flush(&self, timeout: Duration) -> Result<()> {
        let failures = self.seen_running()?.past_failures();
        self.wait("sent", timeout, failures, |seen| seen.queue.pending == 0 && seen.queue.acked == 0)
    }

    /// Waits until the server's data has been here once. Returns at once if it has, in an earlier process even.
    ///
    /// # Errors
    /// As [`Client::sync`].
    pub fn wait_for_first_sync(&self, timeout: Duration) -> Result<()> {
        let failures = match self.seen_running() {
            Ok(seen) => seen.past_failures(),
            Err(Error::NotStarted) if self.core.monitor.seen().state.bootstrapped => return Ok(()),
            Err(error) => return Err(error),
        };
        self.wait("synced for the first time", timeout, failures, |seen| seen.state.bootstrapped)
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

    /// What is seen of the sync, which must run.
    fn seen_running(&self) -> Result<Seen> {
        let seen = self.core.monitor.seen();
        seen.running.check().map_err(|error| self.explained(error))?;
        Ok(seen)
    }

    /// Asks for a sync; gives the number of the request.
    fn request_sync(&self) -> Result<u64> {
        let request = self.core.sync_requests.fetch_add(1, Ordering::SeqCst) + 1;
        if self.core.send(Event::SyncRequested(request)) { Ok(request) } else { Err(self.core.not_running()) }
    }

    fn wait(
        &self,
        waiting_for: &'static str,
        timeout: Duration,
        failures: u64,
        done: impl Fn(&Seen) -> bool,
    ) -> Result<()> {
        let waited = self.core.monitor.wait(&self.core.store, waiting_for, timeout, failures, done);
        waited.map(drop).map_err(|error| self.explained(error))
    }

    /// What those who wait are told: what the monitor says, with what it does not know.
    fn explained(&self, error: Error) -> Error {
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
