//! The lane that fetches: pages of changes, and snapshots with their catching up.

use std::time::Duration;

use mizu_sync_protocol::{Code, Cursor, LogPosition, Tag, Wire, limits};

use super::backoff::Backoff;
use super::engine::Engine;
use super::error::SyncError;
use super::event::{Command, Failure, Head, Moment, Notice, Plan, PullReply, SnapshotReply};
use super::gate::Gate;
use crate::model::{Applied, EntityKey, Page, Stage};
use crate::net::{Endpoint, Lane};

/// The longest wait after a snapshot that was too old before it was complete.
const MOST_TOO_SLOW: Duration = Duration::from_secs(300);

pub struct Pull {
    step: Step,
    pub gate: Gate,
    /// A pull is to begin as soon as it may.
    pub wanted: bool,
    /// When the next one begins by itself.
    next_poll: Moment,
    /// A snapshot is to be taken, or is being taken.
    pub snapshot_wanted: bool,
    /// Snapshots in a row that were too old before they were complete.
    too_slow: Backoff,
    /// Changes asked for in one page; smaller after a page that was too large.
    limit: u32,
    /// Even a page of one change was too large for memory: read it without its data.
    stream: bool,
    /// How many pulls have begun. A pull has as many pages as it takes to catch up.
    pub rounds_begun: u64,
    /// The app's last request to sync.
    pub requested: u64,
    /// The last before the pull under way began.
    request_under_way: u64,
    /// The last before a pull began that has ended caught up.
    pub request_served: u64,
    /// Whether a pull is between two pages.
    in_round: bool,
    /// The round before which the highest ack came.
    pub acked_round: u64,
    /// Where the log was when the app was last told.
    told: Option<Cursor>,
    /// Rows of old generations may be left.
    pub sweeping: bool,
}

impl Default for Pull {
    fn default() -> Self {
        Self {
            step: Step::Idle,
            gate: Gate::default(),
            wanted: false,
            next_poll: Moment::ZERO,
            snapshot_wanted: false,
            too_slow: Backoff::default(),
            limit: limits::PULL_LIMIT,
            stream: false,
            rounds_begun: 0,
            requested: 0,
            request_under_way: 0,
            request_served: 0,
            in_round: false,
            acked_round: 0,
            told: None,
            sweeping: false,
        }
    }
}

/// What the lane is doing.
enum Step {
    Idle,
    BeginningStage,
    SendingSnapshot { ticket: u64, generation: u64, since: Moment },
    StoringSnapshotPage,
    SendingPull { ticket: u64, cursor: Cursor, staged: bool, since: Moment },
    StoringPage { cursor: Cursor, tag: Option<Tag>, has_more: bool, staged: bool, unreadable: Option<String> },
    Swapping(Stage),
}

impl Pull {
    pub fn sending_since(&self) -> Option<Moment> {
        match &self.step {
            Step::SendingSnapshot { since, .. } | Step::SendingPull { since, .. } => Some(*since),
            _ => None,
        }
    }
}

impl Engine {
    /// When the next request of this lane begins, if nothing else happens.
    pub(super) fn pull_due(&self) -> Option<Moment> {
        if !matches!(self.pull.step, Step::Idle) || !self.may_send() {
            return None;
        }
        let asked = self.pull.wanted || self.pull.in_round || self.pull.snapshot_wanted;
        let opens = self.pull.gate.opens();
        match (asked, self.foreground) {
            (true, _) => Some(opens),
            (false, true) => Some(opens.max(self.pull.next_poll)),
            (false, false) => None,
        }
    }

    pub(super) fn proceed_pull(&mut self) {
        if self.pull_due().is_none_or(|due| self.time.now < due) {
            return;
        }
        let Some(replica) = &self.replica else { return };
        if !self.pull.snapshot_wanted {
            let (cursor, tag) = (replica.cursor, replica.tag.clone());
            return self.send_pull(cursor, tag.as_ref(), false);
        }
        match replica.stage.clone() {
            None => {
                self.pull.in_round = false;
                self.pull.step = Step::BeginningStage;
                self.store(Command::StageBegin);
            }
            // Only the extended form can say where it goes on.
            Some(Stage { after: Some(_), .. }) if self.wire() == Some(Wire::Plain) => {
                self.begin_snapshot_anew();
            }
            Some(Stage { after: Some(after), generation, .. }) => self.send_snapshot(generation, Some(after)),
            #[cfg(feature = "planted-bugs")]
            Some(stage) if self.has_bug(crate::planted::Bug::SwapsWithoutCatchingUp) => {
                self.pull.step = Step::Swapping(stage.clone());
                self.store(Command::Swap { stage, ended_round: self.pull.rounds_begun });
            }
            Some(stage) => self.send_pull(stage.cursor, stage.tag.as_ref(), true),
        }
    }

    fn send_pull(&mut self, cursor: Cursor, tag: Option<&Tag>, staged: bool) {
        if !self.pull.in_round {
            self.pull.in_round = true;
            self.pull.wanted = false;
            self.pull.rounds_begun += 1;
            self.pull.request_under_way = self.pull.requested;
        }
        let log = if staged { self.staged_log() } else { self.log_positions(cursor, tag) };
        let (limit, stream) = (self.pull.limit, self.pull.stream);
        let ticket = self.exchange(Plan::Pull { cursor, limit, stream }, log);
        self.pull.step = Step::SendingPull { ticket, cursor, staged, since: self.time.now };
    }

    fn send_snapshot(&mut self, generation: u64, after: Option<EntityKey>) {
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

    pub(super) fn pull_idle(&mut self) {
        if matches!(self.pull.step, Step::StoringSnapshotPage) {
            self.pull.step = Step::Idle;
        }
    }

    pub(super) fn pulled(&mut self, ticket: u64, reply: PullReply) {
        let (cursor, staged) = match self.pull.step {
            Step::SendingPull { ticket: asked, cursor, staged, .. } if asked == ticket => (cursor, staged),
            _ => return,
        };
        self.pull.step = Step::Idle;
        let next = reply.next_cursor.or(reply.last).unwrap_or(cursor);
        if next < cursor {
            return self.log_changed();
        }
        if reply.has_more && next == cursor {
            let reason = "more changes were promised, but the cursor stays".to_owned();
            return self.lane_failed(Endpoint::Pull, Failure::NotProtocol(reason));
        }
        if !reply.has_more && self.ends_below_ack(next) {
            return self.log_changed();
        }
        self.lane_succeeded(Lane::Pull);
        self.go_on_in_background();
        self.pull.stream = false;
        self.pull.limit = (self.pull.limit * 2).min(limits::PULL_LIMIT);
        let unreadable = reply.unreadable.first().map(|change| change.reason.clone());
        // A page that ends where it began has the tag that was sent, whether the server repeats it or not.
        let known =
            |engine: &Self| engine.position(staged).filter(|(at, _)| *at == next).and_then(|(_, tag)| tag);
        let tag = reply.tag.or_else(|| known(self));
        let page = Page {
            changes: reply.changes,
            unreadable: reply.unreadable,
            cursor: next,
            tag: tag.clone(),
            round: self.pull.rounds_begun,
            ends_round: !reply.has_more,
        };
        // Most polls bring nothing: then the file knows it all, unless an ack waits to be confirmed.
        let nothing_new = page.changes.is_empty()
            && page.unreadable.is_empty()
            && self.queue.acked == 0
            && self.position(staged).is_some_and(|(at, known)| at == next && known == tag);
        let stage = self.replica.as_ref().and_then(|replica| replica.stage.clone());
        self.pull.step =
            Step::StoringPage { cursor: next, tag, has_more: reply.has_more, staged, unreadable };
        if nothing_new {
            return self.page_stored(Applied::default());
        }
        match stage {
            Some(stage) if staged => self.store(Command::StagePage { stage, page }),
            _ => self.store(Command::ApplyPage(page)),
        }
    }

    /// Where pulls go on.
    fn position(&self, staged: bool) -> Option<(Cursor, Option<Tag>)> {
        let replica = self.replica.as_ref()?;
        match &replica.stage {
            Some(stage) if staged => Some((stage.cursor, stage.tag.clone())),
            _ => Some((replica.cursor, replica.tag.clone())),
        }
    }

    /// Whether a pull that began after an ack ends below the ack's cursor: its log is another one then.
    fn ends_below_ack(&self, cursor: Cursor) -> bool {
        let acked = self.replica.as_ref().and_then(|replica| replica.acked.as_ref());
        acked.is_some_and(|(highest, _)| cursor < *highest && self.pull.rounds_begun > self.pull.acked_round)
    }

    pub(super) fn page_stored(&mut self, applied: Applied) {
        let step = std::mem::replace(&mut self.pull.step, Step::Idle);
        let Step::StoringPage { cursor, tag, has_more, staged, unreadable } = step else {
            self.pull.step = step;
            return;
        };
        if let Some(reason) = unreadable.filter(|_| applied.quarantined > 0) {
            let count = applied.quarantined;
            self.notify(Notice::Error(SyncError::Unreadable { count, reason }));
        }
        let Some(replica) = &mut self.replica else { return };
        if staged {
            let Some(stage) = &mut replica.stage else { return };
            (stage.cursor, stage.tag) = (cursor, tag);
            if !has_more {
                let (stage, ended_round) = (stage.clone(), self.pull.rounds_begun);
                self.pull.step = Step::Swapping(stage.clone());
                self.store(Command::Swap { stage, ended_round });
            }
            return;
        }
        (replica.cursor, replica.tag) = (cursor, tag);
        replica.quarantined += applied.quarantined;
        self.forget_settled_ack();
        if !has_more {
            self.caught_up();
        }
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
        if replica.versions != self.config.versions {
            replica.versions = self.config.versions.clone();
            self.store(Command::LearnVersions(self.config.versions.clone()));
        }
        self.pull.snapshot_wanted = false;
        self.pull.too_slow.reset();
        self.forget_settled_ack();
        self.begin_sweep();
        self.caught_up();
    }

    fn forget_settled_ack(&mut self) {
        let Some(replica) = &mut self.replica else { return };
        let pulled = replica.cursor;
        let confirmed = self.pull.rounds_begun > self.pull.acked_round;
        replica.acked.take_if(|(highest, _)| confirmed && *highest <= pulled);
    }

    fn caught_up(&mut self) {
        self.pull.in_round = false;
        self.pull.request_served = self.pull.request_under_way;
        self.pull.next_poll = self.time.now.saturating_add(self.config.pull_interval);
        let cursor = self.replica.as_ref().map(|replica| replica.cursor);
        if self.pull.told != cursor {
            self.pull.told = cursor;
            let cursor = cursor.unwrap_or_default();
            self.notify(Notice::Synced(cursor));
        }
    }

    pub(super) fn pull_failed(&mut self, ticket: u64, failure: Failure, head: Option<Head>) {
        let snapshot = match &self.pull.step {
            Step::SendingPull { ticket: asked, .. } if *asked == ticket => false,
            Step::SendingSnapshot { ticket: asked, .. } if *asked == ticket => true,
            _ => return,
        };
        self.pull.step = Step::Idle;
        match &failure {
            // A snapshot that begins claims nothing that could be gone.
            Failure::Status { status: 410, .. } if snapshot && !self.has_stage() => {}
            Failure::Status { status: 410, code, .. } => {
                let log_changed = code.as_deref() == Some(Code::LogChanged.as_str());
                return self.gone(log_changed);
            }
            Failure::Status { status: 400, .. } if snapshot && self.learns_to_be_plain(self.wire(), head) => {
                // What is staged goes on in a form that this server does not know.
                return self.begin_snapshot_anew();
            }
            Failure::TooLarge if !snapshot && !self.pull.stream => {
                // The same again, in smaller pages.
                self.pull.stream = self.pull.limit == 1;
                self.pull.limit = (self.pull.limit / 2).max(1);
                return;
            }
            _ => {}
        }
        let endpoint = if snapshot { Endpoint::Snapshot } else { Endpoint::Pull };
        self.lane_failed(endpoint, failure);
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

    fn has_stage(&self) -> bool {
        self.replica.as_ref().is_some_and(|replica| replica.stage.is_some())
    }

    /// The log was trimmed beyond what was acked, so nobody can prove any more that it is of this log. Our server
    /// has kept the outcomes: it is asked for them by sending the mutations again.
    pub(super) fn doubt_acks(&mut self) {
        if self.replica.as_ref().is_some_and(|replica| replica.wire == Some(Wire::Extended)) {
            self.store(Command::DoubtAcks { server_now: self.server_now(), at: self.time.wall });
            self.acks_doubted();
        }
    }

    pub(super) fn drop_stage(&mut self) {
        if self.replica.as_mut().and_then(|replica| replica.stage.take()).is_some() {
            self.store(Command::StageDrop);
        }
    }

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

    /// Forgets what is under way: its answer will not be looked at.
    pub(super) fn pull_abandon(&mut self) {
        if self.pull.sending_since().is_some() {
            self.interrupt(Lane::Pull);
        }
        self.pull.step = Step::Idle;
        self.pull.in_round = false;
        self.pull.wanted = true;
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
