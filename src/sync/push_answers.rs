//! What the answer to a push means for each of its mutations.

use mizu_sync_protocol::push::PushResult;
use mizu_sync_protocol::{Code, Cursor, Tag, Wire, limits};

use super::engine::Engine;
use super::error::SyncError;
use super::event::{Failure, Head};
use super::push::{Sending, Stage};
use super::trials::Attempt;
use crate::model::Outcome;
use crate::net::{Endpoint, Lane, TransportError};

/// The code of a mutation that the server's limits refuse.
const TOO_LARGE: &str = "too_large";

impl Engine {
    /// The push that this answer is for, which has ended with it.
    fn take_sending(&mut self, ticket: u64) -> Option<Sending> {
        match std::mem::take(&mut self.push.stage) {
            Stage::Sending(sending) if sending.ticket == ticket => Some(sending),
            other => {
                self.push.stage = other;
                None
            }
        }
    }

    pub(super) fn pushed(&mut self, ticket: u64, results: Vec<PushResult>) {
        let Some(sending) = self.take_sending(ticket) else { return };
        if sending.log_epoch != self.log_epoch {
            // It speaks of a log that is no more. The same mutations are sent again, and deduplicated.
            self.trials.postpone(sending.attempt);
            return;
        }
        if results.is_empty() {
            let reason = "no results".to_owned();
            self.trials.postpone(sending.attempt);
            self.lane_failed(Endpoint::Push, Failure::NotProtocol(reason));
            return;
        }
        if sending.wire == Wire::Plain && results.iter().any(|result| is_behind(result, sending.known)) {
            // A log that gives cursors which were seen long ago is not the log that they were seen in.
            self.trials.postpone(sending.attempt);
            self.log_changed();
            return;
        }
        let former = self.push.gate.error.take();
        self.lane_succeeded(Lane::Push);
        let mut outcomes = Vec::with_capacity(results.len());
        let mut failed = None;
        for (&(seq, failures), result) in sending.mutations.iter().zip(results) {
            outcomes.push((seq, self.outcome(&sending, seq, failures, result, &mut failed)));
        }
        if outcomes.iter().any(|(_, outcome)| !matches!(outcome, Outcome::Failed { .. })) {
            self.go_on_in_background();
        }
        match failed {
            Some(reason) => self.mutation_failed(reason, former),
            None => self.push.size.0 = (self.push.size.0 * 2).min(limits::MAX_PUSH_MUTATIONS),
        }
        self.record(outcomes);
    }

    fn outcome(
        &mut self,
        sending: &Sending,
        seq: u64,
        failures: u32,
        result: PushResult,
        failed: &mut Option<String>,
    ) -> Outcome {
        if result.ok {
            self.push.any_success = true;
            self.trials.succeeded(seq);
            // Below what was pulled when it was sent, of the log that the server saw it was pulled from. An ack
            // that a pull has overtaken in the meantime may be of another log: the next pull tells.
            if result.cursor.is_some_and(|cursor| cursor <= sending.pulled) {
                return Outcome::Settled;
            }
            self.acked(result.cursor, result.tag.clone());
            return Outcome::Acked { cursor: result.cursor, tag: result.tag, round: self.pull.rounds_begun };
        }
        let code = Code::of_result(result.code.as_deref(), result.error.as_deref());
        let error = super::answer::shown(&result.error.unwrap_or_default());
        match code.filter(|code| code.is_permanent()) {
            Some(code) => {
                self.trials.succeeded(seq);
                Outcome::Rejected { code: code.as_str().to_owned(), error }
            }
            None => {
                let code = || super::answer::shown(&result.code.unwrap_or_default());
                let error = if error.is_empty() { code() } else { error };
                let outcome = self.failed_outcome(sending.attempt, seq, failures, error.clone(), true);
                failed.get_or_insert(error);
                outcome
            }
        }
    }

    fn failed_outcome(
        &mut self,
        attempt: Attempt,
        seq: u64,
        failures: u32,
        error: String,
        answered: bool,
    ) -> Outcome {
        let at = self.best_now();
        let suspect = self.trials.failed(attempt, seq, failures + 1, &error, (self.time.now, at));
        Outcome::Failed { error, at, suspect, answered }
    }

    /// A mutation was not accepted for now: the next attempt waits, unless it is one of a round.
    fn mutation_failed(&mut self, reason: String, former: Option<SyncError>) {
        let most = self.most_wait();
        if self.trials.reason().is_none() {
            self.push.gate.fail(self.time.now, most, &mut self.rng);
        }
        self.push.gate.error = former;
        self.report(Lane::Push, SyncError::MutationFailed { reason });
    }

    /// Remembers the highest ack, which tells whether a log is still the same.
    fn acked(&mut self, cursor: Option<Cursor>, tag: Option<Tag>) {
        let round = self.pull.rounds_begun;
        let Some((replica, cursor)) = self.replica.as_mut().zip(cursor) else { return };
        if replica.acked.as_ref().is_none_or(|(highest, _)| *highest <= cursor) {
            replica.acked = Some((cursor, tag));
            self.pull.acked_round = round;
        }
        self.pull.wanted = true;
    }

    pub(super) fn push_failed(&mut self, ticket: u64, failure: Failure, head: Option<Head>) {
        let Some(sending) = self.take_sending(ticket) else { return };
        let alone = sending.mutations.len() == 1;
        match &failure {
            Failure::Offline(TransportError::TimedOut { .. }) => self.halve(&sending),
            Failure::Status { status: 410, code, .. } => {
                let log_changed = code.as_deref() == Some(Code::LogChanged.as_str());
                self.trials.postpone(sending.attempt);
                // Whatever keeps answering so is not asked without a pause.
                let most = self.most_wait();
                self.push.gate.fail(self.time.now, most, &mut self.rng);
                match sending.log_epoch == self.log_epoch {
                    true if log_changed => self.log_changed(),
                    true => {
                        self.doubt_acks();
                        if !self.pull.snapshot_wanted {
                            self.begin_snapshot_anew();
                        }
                    }
                    // It speaks of a log that is no more.
                    false => {}
                }
                return;
            }
            Failure::Status { status: 413, .. } if alone => {
                let error = "the server takes nothing as large".to_owned();
                return self.reject_alone(&sending, TOO_LARGE, error);
            }
            Failure::Status { status: 413, .. } => {
                self.halve(&sending);
                self.trials.postpone(sending.attempt);
                return;
            }
            // One mutation may be what breaks the server: it must not take the others with it.
            Failure::Status { status: 500, error, .. } => {
                self.halve(&sending);
                if alone {
                    let (seq, failures) = sending.mutations[0];
                    let error = if error.is_empty() { "the server failed".to_owned() } else { error.clone() };
                    let outcome = self.failed_outcome(sending.attempt, seq, failures, error, false);
                    self.lane_failed(Endpoint::Push, failure);
                    return self.record(vec![(seq, outcome)]);
                }
            }
            Failure::Status { status, code, error, .. } if (400..500).contains(status) => {
                if *status == 400 && self.learns_to_be_plain(Some(sending.wire), head) {
                    self.trials.postpone(sending.attempt);
                    return;
                }
                let code = code.as_deref().and_then(Code::parse).filter(|code| code.is_permanent());
                match (code, status) {
                    (_, 401 | 403 | 408 | 425 | 429) | (None, 404 | 405) => {}
                    _ if !alone => {
                        self.halve(&sending);
                        self.trials.postpone(sending.attempt);
                        return;
                    }
                    (Some(Code::InvalidMutation), 400) if !self.push.any_success => {}
                    (Some(code), _) => {
                        let error = error.clone();
                        return self.reject_alone(&sending, code.as_str(), error);
                    }
                    (None, _) => {}
                }
            }
            Failure::Dialect(reason) if alone => {
                let reason = reason.clone();
                return self.reject_alone(&sending, Code::InvalidMutation.as_str(), reason);
            }
            Failure::Dialect(_) => {
                self.push.size.0 = 1;
                self.trials.postpone(sending.attempt);
                return;
            }
            Failure::Status { .. }
            | Failure::Offline(_)
            | Failure::NotProtocol(_)
            | Failure::TooLarge
            | Failure::Store(_) => {}
        }
        self.trials.postpone(sending.attempt);
        self.lane_failed(Endpoint::Push, failure);
        #[cfg(feature = "planted-bugs")]
        if self.has_bug(crate::planted::Bug::LostWakeUp) {
            self.push.nothing_to_take = true;
        }
    }

    fn halve(&mut self, sending: &Sending) {
        self.push.size.0 = (sending.mutations.len() / 2).max(1);
    }

    fn reject_alone(&mut self, sending: &Sending, code: &str, error: String) {
        let rejected =
            |&(seq, _): &(u64, u32)| (seq, Outcome::Rejected { code: code.to_owned(), error: error.clone() });
        let outcomes: Vec<_> = sending.mutations.iter().map(rejected).collect();
        for (seq, _) in &sending.mutations {
            self.trials.forget(*seq);
        }
        self.record(outcomes);
    }
}

/// Whether an ok result lies below what was known of the log before it was sent.
fn is_behind(result: &PushResult, known: Cursor) -> bool {
    result.ok && result.cursor.is_some_and(|cursor| cursor < known)
}
