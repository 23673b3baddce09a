//! Snapshots: page after page into a stage beside what is seen, until it is caught up and swapped in.

use std::time::Duration;

use mizu_sync_protocol::LogPosition;

use super::engine::Engine;
use super::error::SyncError;
use super::event::{Command, Failure, Notice, Plan, SnapshotReply};
use super::pull::Step;
use crate::model::{Applied, EntityKey, Stage};
use crate::net::{Endpoint, Lane};

/// The longest wait after a snapshot that was too old before it was complete.
const MOST_TOO_SLOW: Duration = Duration::from_secs(300);

impl Engine {
    pub(super) fn send_snapshot(&mut self, generation: u64, after: Option<EntityKey>) {
        let wire = self.wire();
        // A snapshot is the remedy for a log that changed, so it names no position; but all its pages must be of
        // one log.
        let log = after.as_ref().and_then(|_| self.staged_log());
        let ticket = self.exchange(Plan::Snapshot { generation, after, wire }, log);
        self.pull.step = Step::SendingSnapshot { ticket, generation, since: self.time.now };
    }

    pub(super) fn stage_begun(&mut self, generation: u64) {
        if matches!(self.pull.step, Step::BeginningStage) {
            self.pull.step = Step::Idle;
            self.pull.stage_is_new = true;
            self.send_snapshot(generation, None);
            // An attempt before may have left rows.
            self.begin_sweep();
        }
    }

    pub(super) fn snapshot_read(&mut self, ticket: u64, reply: SnapshotReply) {
        let generation = match self.pull.step {
            Step::SendingSnapshot { ticket: asked, generation, .. } if asked == ticket => generation,
            _ => return,
        };
        let before = self.replica.as_ref().and_then(|replica| replica.stage.as_ref()?.after.as_ref());
        if reply.after.as_ref().zip(before).is_some_and(|(after, before)| after <= before) {
            self.pull.step = Step::Idle;
            let reason = "a page of the snapshot ends where the one before it did".to_owned();
            return self.lane_failed(Endpoint::Snapshot, Failure::NotProtocol(reason));
        }
        self.lane_succeeded(Lane::Pull);
        self.go_on_in_background();
        if reply.unreadable > 0 {
            let reason = "entities of the snapshot have another shape than expected".to_owned();
            self.notify(Notice::Error(SyncError::Unreadable { count: reply.unreadable, reason }));
        }
        let Some(replica) = &mut self.replica else { return };
        // The first page's cursor is where the catching up begins: later pages are of later moments.
        let first = replica.stage.take();
        let newest_page = reply.tag.clone().map(|tag| LogPosition { cursor: reply.cursor, tag });
        let (cursor, tag) =
            first.as_ref().map_or((reply.cursor, reply.tag), |stage| (stage.cursor, stage.tag.clone()));
        let rows = first.map_or(0, |stage| stage.rows) + reply.rows;
        let stage =
            Stage { generation, cursor, tag, newest_page, after: reply.after, rows, total: reply.total };
        replica.stage = Some(stage.clone());
        self.pull.step = Step::StoringSnapshotPage;
        self.store(Command::StageCheckpoint(stage));
    }

    pub(super) fn stage_checkpointed(&mut self) {
        if !matches!(self.pull.step, Step::StoringSnapshotPage) {
            return;
        }
        self.pull.step = Step::Idle;
        if self.pull.stage_is_new {
            // All of it is read by these versions: after a restart it goes on.
            self.learn_versions();
        }
    }

    pub(super) fn learn_versions(&mut self) {
        let Some(replica) = self.replica.as_mut().filter(|replica| replica.versions != self.config.versions)
        else {
            return;
        };
        replica.versions = self.config.versions.clone();
        self.store(Command::LearnVersions(self.config.versions.clone()));
    }

    pub(super) fn swapped(&mut self, _: Applied) {
        let step = std::mem::replace(&mut self.pull.step, Step::Idle);
        let Step::Swapping(stage) = step else {
            self.pull.step = step;
            return;
        };
        let Some(replica) = &mut self.replica else { return };
        replica.generation = stage.generation;
        (replica.cursor, replica.tag) = (stage.cursor, stage.tag);
        (replica.bootstrapped, replica.resync, replica.stage) = (true, false, None);
        self.learn_versions();
        self.pull.snapshot_wanted = false;
        self.pull.too_slow.reset();
        self.forget_settled_ack();
        self.begin_sweep();
        self.caught_up();
    }

    /// Whether pages of a snapshot are here already.
    pub(super) fn has_stage(&self) -> bool {
        self.replica.as_ref().is_some_and(|replica| replica.stage.is_some())
    }

    /// Gives up a snapshot that is under way.
    pub(super) fn drop_stage(&mut self) {
        if self.replica.as_mut().and_then(|replica| replica.stage.take()).is_some() {
            self.store(Command::StageDrop);
        }
    }

    /// Takes a snapshot from its beginning; again, after a pause.
    pub(super) fn begin_snapshot_anew(&mut self) {
        self.pull_abandon();
        let again = std::mem::replace(&mut self.pull.snapshot_wanted, true);
        self.drop_stage();
        if again {
            // The log is trimmed faster than it is read, or the server is not well. The pages of the next attempt
            // are successes, and must not shorten the wait for the one after.
            let wait = self.pull.too_slow.fail(MOST_TOO_SLOW, &mut self.rng);
            self.pull.gate.rest_until(self.time.now.saturating_add(wait));
        }
    }

    pub(super) fn begin_sweep(&mut self) {
        if !self.pull.sweeping {
            self.pull.sweeping = true;
            self.store(Command::Sweep);
        }
    }

    pub(super) fn swept(&mut self, more: bool) {
        self.pull.sweeping = more;
        if more {
            self.store(Command::Sweep);
        }
    }
}
