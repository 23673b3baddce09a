//! The lane that fetches: pages of changes, and snapshots with their catching up.

use mizu_sync_protocol::{Code, Cursor, Tag, Wire, limits};

use super::backoff::Backoff;
use super::engine::Engine;
use super::error::SyncError;
use super::event::{Command, Failure, Head, Moment, Notice, Plan, PullReply};
use super::gate::Gate;
use super::live::MOST_FRUITLESS;
use crate::model::{Applied, Page, Stage};
use crate::net::{Endpoint, Lane};
use crate::time::Timestamp;

pub struct Pull {
    pub step: Step,
    pub gate: Gate,
    /// A pull is to begin as soon as it may.
    pub wanted: bool,
    /// When the next one begins by itself.
    pub next_poll: Moment,
    /// The server's log reaches up to here, somebody said since the last pull began.
    pub hint: Option<Cursor>,
    /// When a hint may begin the next one.
    hint_rest: Moment,
    /// Pulls in a row that a hint began, and that found nothing new.
    fruitless: Backoff,
    /// Where the pull under way began, if it was a hint that began it.
    hinted_from: Option<Cursor>,
    /// A snapshot is to be taken, or is being taken.
    pub snapshot_wanted: bool,
    /// Snapshots in a row that were too old before they were complete.
    pub too_slow: Backoff,
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
    pub in_round: bool,
    /// The round before which the highest ack came.
    pub acked_round: u64,
    /// When the last pull ended caught up.
    pub last_sync: Option<Timestamp>,
    /// Where the log was when the app was last told.
    told: Option<Cursor>,
    /// Whether the snapshot under way was begun since the start.
    pub stage_is_new: bool,
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
            hint: None,
            hint_rest: Moment::ZERO,
            fruitless: Backoff::default(),
            hinted_from: None,
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
            last_sync: None,
            told: None,
            stage_is_new: false,
            sweeping: false,
        }
    }
}

/// What the lane is doing.
pub enum Step {
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
        if asked {
            return Some(opens);
        }
        let poll = self.foreground.then_some(self.pull.next_poll);
        let hint = self.pull.hint.map(|_| self.pull.hint_rest);
        [poll, hint].into_iter().flatten().min().map(|due| opens.max(due))
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
            let hinted = self.pull.hint.take().is_some();
            let wanted = std::mem::take(&mut self.pull.wanted);
            self.pull.hinted_from = (hinted && !wanted).then_some(cursor);
            self.pull.rounds_begun += 1;
            self.pull.request_under_way = self.pull.requested;
        }
        let log = if staged { self.staged_log() } else { self.log_positions(cursor, tag) };
        let (limit, stream) = (self.pull.limit, self.pull.stream);
        let ticket = self.exchange(Plan::Pull { cursor, limit, stream }, log);
        self.pull.step = Step::SendingPull { ticket, cursor, staged, since: self.time.now };
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

    pub(super) fn caught_up(&mut self) {
        self.pull.in_round = false;
        self.pull.request_served = self.pull.request_under_way;
        self.pull.last_sync = Some(self.time.wall);
        self.pull.next_poll = self.time.now.saturating_add(self.poll_interval());
        let cursor = self.replica.as_ref().map(|replica| replica.cursor);
        self.heed_hints(cursor);
        if self.pull.told != cursor {
            self.pull.told = cursor;
            let cursor = cursor.unwrap_or_default();
            self.notify(Notice::Synced(cursor));
        }
    }

    /// A pull has ended here. Hints that came meanwhile begin another one if they go beyond it. What they promise may
    /// never come, from a server that was restored or lies: such a pull is not made again and again.
    fn heed_hints(&mut self, cursor: Option<Cursor>) {
        self.pull.hint.take_if(|hint| Some(*hint) <= cursor);
        match self.pull.hinted_from.take() {
            Some(from) if cursor == Some(from) => {
                let wait = self.pull.fruitless.fail(MOST_FRUITLESS, &mut self.rng);
                self.pull.hint_rest = self.time.now.saturating_add(wait);
            }
            _ => {
                self.pull.fruitless.reset();
                self.pull.hint_rest = Moment::ZERO;
            }
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

    /// Forgets what is under way: its answer will not be looked at.
    pub(super) fn pull_abandon(&mut self) {
        if self.pull.sending_since().is_some() {
            self.interrupt(Lane::Pull);
        }
        self.pull.step = Step::Idle;
        self.pull.in_round = false;
        self.pull.wanted = true;
    }
}
