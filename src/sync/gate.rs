//! When a lane may send again.

use std::time::Duration;

use super::backoff::Backoff;
use super::error::SyncError;
use super::event::Moment;

/// The longest `Retry-After` that is obeyed.
const MOST_RETRY_AFTER: Duration = Duration::from_secs(300);

/// When a lane may send again.
#[derive(Debug, Default)]
pub struct Gate {
    backoff: Backoff,
    until: Moment,
    /// Until when this lane rests though nothing says that the server is not well.
    rest: Moment,
    /// What the server asked for. Unlike the rest, the network's return does not lift it.
    retry_after: Moment,
    /// What is in the way of this lane.
    pub error: Option<SyncError>,
    /// When the request under way is given up, if it is not answered: the network has come back since it was
    /// sent, and its socket may be dead.
    pub give_up: Option<Moment>,
    /// The number of the token that was the newest when the request under way was sent.
    pub sent_with: u64,
    /// The app was asked for a token because of this lane, in which nothing has gone well since.
    pub asked: bool,
}

impl Gate {
    /// When it is open.
    pub fn opens(&self) -> Moment {
        self.until.max(self.rest).max(self.retry_after)
    }

    /// No more waiting for what is not the server's wish.
    pub fn hurry(&mut self) {
        self.backoff.reset();
        (self.until, self.rest) = (Moment::ZERO, Moment::ZERO);
    }

    /// It went well: what was in its way is over.
    pub fn succeed(&mut self) {
        self.backoff.reset();
        (self.until, self.rest) = (Moment::ZERO, Moment::ZERO);
        self.retry_after = Moment::ZERO;
        self.error = None;
    }

    /// Closes it for a while after a failure.
    pub fn fail(&mut self, now: Moment, most: Duration, rng: &mut fastrand::Rng) {
        let wait = self.backoff.fail(most, rng);
        self.until = self.until.max(now.saturating_add(wait));
    }

    /// Closes it for as long as the server asked for, within reason.
    pub fn obey(&mut self, now: Moment, retry_after: Duration) {
        self.retry_after = now.saturating_add(retry_after.min(MOST_RETRY_AFTER));
    }

    /// Keeps it closed until then at least, though the server may be well.
    pub fn rest_until(&mut self, moment: Moment) {
        self.rest = self.rest.max(moment);
    }

    /// Whether it is closed now though the server may be well.
    pub fn rests(&self, now: Moment) -> bool {
        now < self.rest
    }
}
