//! Whether the server's log is still the one that the file knows: what it is told of that, and what follows when
//! it is another one.

use std::time::Duration;

use mizu_sync_protocol::{Cursor, LogPosition, LogPositions, Tag, Wire};

use super::engine::Engine;
use super::error::SyncError;
use super::event::{Command, Notice};
use crate::net::Lane;

/// How long to wait when the server's log changes again within the last of these.
const LOG_CHANGE_FIRST: Duration = Duration::from_secs(60);
const LOG_CHANGE_MOST: Duration = Duration::from_secs(3600);

impl Engine {
    /// What to tell the server of its log, when asking at `cursor`.
    pub(super) fn log_positions(&self, cursor: Cursor, tag: Option<&Tag>) -> Option<LogPositions> {
        let acked = self.replica.as_ref()?.acked.as_ref();
        let acked = acked.and_then(|(cursor, tag)| Some(LogPosition { cursor: *cursor, tag: tag.clone()? }));
        let pulled = tag.map(|tag| LogPosition { cursor, tag: tag.clone() });
        match (pulled, acked) {
            (Some(pulled), acked) => Some(LogPositions { pulled, acked }),
            // Nothing is pulled of this log yet; an ack stands for it.
            (None, Some(acked)) => Some(LogPositions { pulled: acked.clone(), acked: Some(acked) }),
            (None, None) => None,
        }
    }

    /// What to tell the server of its log when a snapshot goes on. Its pages must all be of one log.
    pub(super) fn staged_log(&self) -> Option<LogPositions> {
        let (cursor, tag) = self.replica.as_ref()?.stage.as_ref()?.newest();
        self.log_positions(cursor, tag)
    }

    /// What to tell the server of its log when nothing is pulled. Each ack is of the log of the acks before it,
    /// because the push named the highest of them.
    pub(super) fn known_log(&self) -> Option<LogPositions> {
        let replica = self.replica.as_ref()?;
        match &replica.stage {
            Some(_) if replica.resync || !replica.bootstrapped => self.staged_log(),
            None if replica.resync => self.log_positions(Cursor::ZERO, None),
            _ => self.log_positions(replica.cursor, replica.tag.as_ref()),
        }
    }

    /// Whether a pull that began after an ack ends below the ack's cursor: its log is another one then.
    pub(super) fn ends_below_ack(&self, cursor: Cursor) -> bool {
        let acked = self.replica.as_ref().and_then(|replica| replica.acked.as_ref());
        acked.is_some_and(|(highest, _)| cursor < *highest && self.pull.rounds_begun > self.pull.acked_round)
    }

    pub(super) fn forget_settled_ack(&mut self) {
        let Some(replica) = &mut self.replica else { return };
        let pulled = replica.cursor;
        let confirmed = self.pull.rounds_begun > self.pull.acked_round;
        replica.acked.take_if(|(highest, _)| confirmed && *highest <= pulled);
    }

    /// The server's log is not the one that the file knows.
    pub(super) fn log_changed(&mut self) {
        self.log_epoch += 1;
        let again = self.log_changed_at.is_some_and(|at| self.time.now.saturating_sub(at) < LOG_CHANGE_MOST);
        self.log_changed_at = Some(self.time.now);
        if again {
            self.log_change_wait = (self.log_change_wait * 2).clamp(LOG_CHANGE_FIRST, LOG_CHANGE_MOST);
            self.pull.gate.rest_until(self.time.now.saturating_add(self.log_change_wait));
            let seconds = self.log_change_wait.as_secs();
            self.report(
                Lane::Pull,
                SyncError::LogKeepsChanging { url: self.config.base_url.clone(), seconds },
            );
        } else {
            self.log_change_wait = Duration::ZERO;
            self.notify(Notice::Error(SyncError::LogChanged));
        }
        #[cfg(feature = "planted-bugs")]
        if self.has_bug(crate::planted::Bug::KeepsAcksOfAnotherLog) {
            self.begin_snapshot_anew();
            return;
        }
        let wire = self.replica.as_ref().and_then(|replica| replica.wire);
        let command = Command::LogChanged { wire, server_now: self.server_now(), at: self.time.wall };
        self.store(command);
        self.acks_doubted();
        if let Some(replica) = &mut self.replica {
            replica.resync = true;
            replica.stage = None;
        }
        self.pull.snapshot_wanted = true;
        self.pull_abandon();
    }

    /// What was acked is pending again.
    pub(super) fn acks_doubted(&mut self) {
        self.trials.begin_anew();
        self.push.nothing_to_take = false;
        if let Some(replica) = &mut self.replica {
            replica.acked = None;
        }
    }

    /// An answer 410: everything has to be fetched again.
    pub(super) fn gone(&mut self, log_changed: bool) {
        if log_changed {
            return self.log_changed();
        }
        self.doubt_acks();
        let again = self.pull.snapshot_wanted;
        self.begin_snapshot_anew();
        if again {
            self.report(Lane::Pull, SyncError::SnapshotOutdated { scope: self.config.scope.clone() });
        }
    }

    /// The log was trimmed beyond what was acked, so nobody can prove any more that it is of this log. Our server
    /// has kept the outcomes: it is asked for them by sending the mutations again.
    pub(super) fn doubt_acks(&mut self) {
        if self.replica.as_ref().is_some_and(|replica| replica.wire == Some(Wire::Extended)) {
            // What is under way was sent in another order.
            self.log_epoch += 1;
            self.store(Command::DoubtAcks { server_now: self.server_now(), at: self.time.wall });
            self.acks_doubted();
        }
    }
}
