//! What is in the way: what both lanes do about it, and what the app is told.

use std::mem;
use std::time::Duration;

use mizu_sync_protocol::limits;

use super::engine::Engine;
use super::error::SyncError;
use super::event::{Failure, Notice};
use super::gate::Gate;
use super::push::SinceBreak;
use super::state::{Access, Connection};
use crate::net::{Endpoint, Lane, TransportError};
use crate::store::StoreError;

/// The longest wait between two attempts while somebody waits for them.
const MOST_WANTED: Duration = Duration::from_secs(5);
/// The longest wait between two attempts otherwise.
const MOST_IDLE: Duration = Duration::from_secs(60);
/// When a refused scope is asked for again.
const FORBIDDEN_RETRY: Duration = Duration::from_secs(15 * 60);
/// When a snapshot that was too large is asked for again.
const TOO_LARGE_RETRY: Duration = Duration::from_secs(3600);

impl Engine {
    pub(super) fn gate(&mut self, lane: Lane) -> &mut Gate {
        match lane {
            Lane::Push => &mut self.push.gate,
            Lane::Pull => &mut self.pull.gate,
        }
    }

    /// What the app is shown of what is in the way.
    pub(super) fn error(&self) -> Option<&SyncError> {
        self.push.gate.error.as_ref().or(self.pull.gate.error.as_ref())
    }

    /// Remembers what is in the way of a lane, and tells the app, unless it knows of something like it.
    pub(super) fn report(&mut self, lane: Lane, error: SyncError) {
        let errors = [&self.push.gate.error, &self.pull.gate.error].into_iter().flatten();
        let known = errors.map(mem::discriminant).any(|known| known == mem::discriminant(&error));
        if !known {
            self.notify(Notice::Error(error.clone()));
        }
        self.gate(lane).error = Some(error);
        self.failures += 1;
    }

    /// The longest wait after a failure now.
    pub(super) fn most_wait(&self) -> Duration {
        let bootstrapped = self.replica.as_ref().is_some_and(|replica| replica.bootstrapped);
        let wanted = self.queue.pending > 0 || !bootstrapped;
        if self.foreground && wanted { MOST_WANTED } else { MOST_IDLE }
    }

    /// One exchange of this lane went well: what was in its way is over.
    pub(super) fn lane_succeeded(&mut self, lane: Lane) {
        self.gate(lane).succeed();
        self.authorized(lane);
        self.push.since_break = match (lane, self.push.since_break) {
            (Lane::Push, _) | (Lane::Pull, SinceBreak::Whole) => SinceBreak::Whole,
            (Lane::Pull, SinceBreak::Silent | SinceBreak::Well) => SinceBreak::Well,
        };
        for lane in [Lane::Push, Lane::Pull] {
            self.gate(lane).error.take_if(|error| matches!(error, SyncError::Offline { .. }));
        }
    }

    /// What the failures of both lanes have in common: the gate, access and what the app is told.
    pub(super) fn lane_failed(&mut self, endpoint: Endpoint, failure: Failure) {
        let now = self.time.now;
        let mut most = self.most_wait();
        let mut wish = None;
        let lane = endpoint.lane();
        match &failure {
            Failure::Offline(TransportError::Interrupted { .. }) => return,
            Failure::Offline(_) => self.went_offline(),
            // It would be as large the next time, and cost as much.
            Failure::TooLarge if endpoint == Endpoint::Snapshot => {
                self.pull.gate.rest_until(now.saturating_add(TOO_LARGE_RETRY));
            }
            Failure::Status { status: 401 | 403, .. } if self.is_of_former_token(lane) => return,
            Failure::Status { status: 401, .. } if !self.unauthorized(lane) => return,
            Failure::Status { status: 401, .. } => {}
            Failure::Status { status: 403, .. } => {
                self.access = Access::Forbidden { until: now.saturating_add(FORBIDDEN_RETRY) };
            }
            Failure::Status { status, retry_after, .. } if may_pass(*status) => wish = *retry_after,
            Failure::Status { .. } => most = MOST_IDLE,
            _ => {}
        }
        let error = self.sync_error(endpoint, failure);
        let gate = match lane {
            Lane::Push => &mut self.push.gate,
            Lane::Pull => &mut self.pull.gate,
        };
        gate.fail(now, most, &mut self.rng);
        if let Some(wish) = wish {
            gate.obey(now, wish);
        }
        self.report(lane, error);
    }

    /// Nobody answers.
    fn went_offline(&mut self) {
        self.live.went_offline();
        if self.connection != Connection::Offline {
            self.connection = Connection::Offline;
            self.notify(Notice::Offline);
        }
    }

    /// A failure, as the app is told of it.
    pub(super) fn sync_error(&self, endpoint: Endpoint, failure: Failure) -> SyncError {
        let url = format!("{}/{}", self.config.base_url, endpoint.path());
        let scope = self.config.scope.clone();
        match failure {
            Failure::Offline(error) => SyncError::Offline { scope, error },
            Failure::NotProtocol(reason) => SyncError::NotProtocol { scope, url, reason },
            Failure::TooLarge if endpoint == Endpoint::Snapshot => {
                SyncError::TooLarge { scope, limit: limits::MAX_SNAPSHOT }
            }
            Failure::TooLarge => {
                SyncError::NotProtocol { scope, url, reason: "the answer is too large".to_owned() }
            }
            Failure::Store(error) => SyncError::Store(error),
            Failure::Dialect(reason) => SyncError::Dialect { reason },
            Failure::Status { status: 401, .. } => SyncError::NeedsAuth { scope },
            Failure::Status { status: 403, .. } => SyncError::Forbidden { scope },
            Failure::Status { status, error: message, .. } if may_pass(status) => {
                SyncError::Unavailable { scope, url, status, message }
            }
            Failure::Status { status, error: message, .. } => {
                SyncError::Misconfigured { scope, url, status, message }
            }
        }
    }

    /// Everything begins again from what is known to be stored.
    pub(super) fn store_failed(&mut self, error: StoreError) {
        self.report(Lane::Pull, SyncError::Store(error));
        self.push_abandon();
        self.pull_abandon();
        // Of what is believed here nobody knows what is on disk: it is read again before anything is sent.
        self.replica = None;
        let wait = self.store_backoff.fail(self.most_wait(), &mut self.rng);
        self.reload = Some(self.time.now.saturating_add(wait));
    }
}

/// Whether a status says that the server is overloaded or broken, which may pass by itself.
const fn may_pass(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..=599)
}
