//! The lane that sends mutations.

use mizu_sync_protocol::{Cursor, Wire, json, limits};

use super::engine::Engine;
use super::event::{Command, Moment, Plan};
use super::gate::Gate;
use super::trials::Attempt;
use crate::model::{Batch, BatchRequest, Outcome, Selection};
use crate::net::Lane;
use crate::store::{DAMAGED, DAMAGED_ERROR, OUTCOME_UNKNOWN, OUTCOME_UNKNOWN_ERROR};

/// Bytes of a mutation's field names, number and time on the wire.
const FIELDS: usize = 160;
/// The code of a mutation that failed too often while others were accepted.
const KEEPS_FAILING: &str = "keeps_failing";

#[derive(Default)]
pub struct Push {
    pub step: Step,
    pub gate: Gate,
    /// Until when mutations are held back to batch them.
    hold: Moment,
    /// How many mutations the next batch may have; smaller after a failure that size may explain.
    pub size: BatchSize,
    /// Nothing can be taken from the queue before it changes.
    pub nothing_to_take: bool,
    /// Whether any push succeeded since the start.
    pub any_success: bool,
    /// Since a push broke last.
    pub since_break: SinceBreak,
}

/// What the server has done since a push broke.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SinceBreak {
    /// None broke, or another one went well since.
    #[default]
    Whole,
    /// It has answered nothing.
    Silent,
    /// It has answered a pull well.
    Well,
}

pub struct BatchSize(pub usize);

impl Default for BatchSize {
    fn default() -> Self {
        Self(limits::MAX_PUSH_MUTATIONS)
    }
}

#[derive(Default)]
pub enum Step {
    #[default]
    Idle,
    Taking(Attempt),
    Sending(Sending),
    Recording,
}

/// A push under way.
pub struct Sending {
    pub ticket: u64,
    pub attempt: Attempt,
    /// Place in the queue, failures so far.
    pub mutations: Vec<(u64, u32)>,
    pub wire: Wire,
    pub since: Moment,
    pub log_epoch: u64,
    /// How far it was pulled when it was sent.
    pub pulled: Cursor,
    /// How far its log was known then: the same, or how far a snapshot was caught up.
    pub known: Cursor,
}

impl Push {
    pub fn sending_since(&self) -> Option<Moment> {
        match &self.step {
            Step::Sending(sending) => Some(sending.since),
            Step::Idle | Step::Taking(_) | Step::Recording => None,
        }
    }
}

impl Engine {
    /// The app queued mutations when `waited` waited already.
    pub(super) fn push_queued(&mut self, waited: u64) {
        if self.push.nothing_to_take || waited == 0 {
            self.push.hold = self.time.now.saturating_add(self.config.push_interval);
        }
        self.push.nothing_to_take = false;
        self.go_on_in_background();
    }

    fn push_wanted(&self) -> bool {
        self.may_send() && self.queue.pending > 0 && self.heard && self.wire().is_some()
    }

    /// When the next push begins, if nothing else happens.
    pub(super) fn push_due(&self) -> Option<Moment> {
        if !matches!(self.push.step, Step::Idle) || !self.push_wanted() {
            return None;
        }
        let due = self.trials.due(!self.push.nothing_to_take)?;
        Some(due.max(self.push.gate.opens()).max(self.push.hold))
    }

    pub(super) fn proceed_push(&mut self) {
        if self.push_due().is_none_or(|due| self.time.now < due) {
            return;
        }
        let Some(attempt) = self.trials.next(self.time.now) else { return };
        let Some(wire) = self.wire() else { return };
        let client = self.replica.as_ref().map_or(0, |replica| json::string_len(&replica.client));
        let selection = match attempt {
            Attempt::Batch => Selection::Next { limit: self.push.size.0 },
            Attempt::Probe => Selection::Next { limit: 1 },
            Attempt::Suspect(seq) => Selection::Only(seq),
        };
        let request = BatchRequest {
            selection,
            wire,
            whole: wire == Wire::Plain || self.config.whole_objects,
            max_bytes: limits::MAX_PUSH_BODY.saturating_sub(1024),
            bytes_each: FIELDS + json::string_len(&self.config.scope) + client,
            server_now: self.server_now(),
        };
        self.push.step = Step::Taking(attempt);
        self.store(Command::TakeBatch(request));
    }

    pub(super) fn batch_taken(&mut self, batch: Batch) {
        let Step::Taking(attempt) = std::mem::take(&mut self.push.step) else { return };
        if !batch.expired.is_empty() || !batch.damaged.is_empty() {
            // Decided first; the others are taken again.
            let expired = batch.expired.into_iter().map(|seq| (seq, OUTCOME_UNKNOWN, OUTCOME_UNKNOWN_ERROR));
            let damaged = batch.damaged.into_iter().map(|seq| (seq, DAMAGED, DAMAGED_ERROR));
            let mut outcomes = Vec::new();
            for (seq, code, error) in expired.chain(damaged) {
                self.trials.forget(seq);
                let (code, error) = (code.to_owned(), error.to_owned());
                outcomes.push((seq, Outcome::Rejected { code, error }));
            }
            self.trials.postpone(attempt);
            self.record(outcomes);
            return;
        }
        if batch.mutations.is_empty() {
            match attempt {
                Attempt::Batch => self.push.nothing_to_take = true,
                Attempt::Probe => {}
                Attempt::Suspect(seq) => self.trials.forget(seq),
            }
            self.conclude_round();
            return;
        }
        let Some(replica) = &self.replica else { return };
        let wire = self.wire().unwrap_or(Wire::Plain);
        let client = replica.client.clone();
        let pulled = if replica.resync { Cursor::ZERO } else { replica.cursor };
        let known = replica.stage.as_ref().map_or(pulled, |stage| stage.cursor);
        let log = self.known_log();
        let mutations = batch.mutations.iter().map(|mutation| (mutation.seq, mutation.failures)).collect();
        let ticket = self.exchange(Plan::Push { mutations: batch.mutations, wire, client }, log);
        self.push.step = Step::Sending(Sending {
            ticket,
            attempt,
            mutations,
            wire,
            since: self.time.now,
            log_epoch: self.log_epoch,
            pulled,
            known,
        });
    }

    pub(super) fn record(&mut self, outcomes: Vec<(u64, Outcome)>) {
        #[cfg(feature = "planted-bugs")]
        let outcomes = self.with_planted_bugs(outcomes);
        self.push.step = Step::Recording;
        self.push.nothing_to_take = false;
        if outcomes.iter().any(|(_, outcome)| matches!(outcome, Outcome::Acked { .. })) {
            self.pull.wanted = true;
        }
        let at = self.time.wall;
        self.store(Command::Record { outcomes, at });
    }

    pub(super) fn recorded(&mut self) {
        if matches!(self.push.step, Step::Recording) {
            self.push.step = Step::Idle;
            self.conclude_round();
        }
    }

    fn conclude_round(&mut self) {
        let (most, now) = (self.most_wait(), self.best_now());
        let Some(verdict) = self.trials.conclude(self.time.now, now, most, &mut self.rng) else { return };
        if !verdict.counted.is_empty() {
            self.store(Command::CountAttempts(verdict.counted));
        }
        if !verdict.given_up.is_empty() {
            let rejected = verdict.given_up.into_iter().map(|suspect| {
                // One that was never answered may have been applied.
                let code = if suspect.answered { KEEPS_FAILING } else { OUTCOME_UNKNOWN };
                (suspect.seq, Outcome::Rejected { code: code.to_owned(), error: suspect.error })
            });
            self.record(rejected.collect());
        }
    }

    #[cfg(feature = "planted-bugs")]
    fn with_planted_bugs(&mut self, mut outcomes: Vec<(u64, Outcome)>) -> Vec<(u64, Outcome)> {
        use crate::planted::Bug;
        let (early, jump) = (self.has_bug(Bug::SettlesEarly), self.has_bug(Bug::PushMovesCursor));
        let Some(replica) = &mut self.replica else { return outcomes };
        for (_, outcome) in &mut outcomes {
            let Outcome::Acked { cursor: Some(cursor), tag, .. } = outcome else { continue };
            if early {
                *cursor = replica.cursor;
            } else if jump && *cursor > replica.cursor {
                (replica.cursor, replica.tag) = (*cursor, tag.clone());
            }
        }
        outcomes
    }

    /// Forgets what is under way: its answer will not be looked at.
    pub(super) fn push_abandon(&mut self) {
        if self.push.sending_since().is_some() {
            self.interrupt(Lane::Push);
        }
        if let Step::Taking(attempt) | Step::Sending(Sending { attempt, .. }) =
            std::mem::take(&mut self.push.step)
        {
            self.trials.postpone(attempt);
        }
    }
}
