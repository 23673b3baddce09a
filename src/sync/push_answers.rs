//! What the answer to a push means for each of its mutations.

use mizu_sync_protocol::push::PushResult;
use mizu_sync_protocol::{Code, Cursor, Tag, Wire, limits};

use super::engine::Engine;
use super::error::SyncError;
use super::event::Failure;
use super::push::{Sending, Step};
use super::trials::{Attempt, TemporaryFailure};
use crate::model::Outcome;
use crate::net::{Endpoint, Lane};

impl Engine {
    /// The push that this answer is for, which has ended with it.
    pub(super) fn take_sending(&mut self, ticket: u64) -> Option<Sending> {
        match std::mem::take(&mut self.push.step) {
            Step::Sending(sending) if sending.ticket == ticket => Some(sending),
            other => {
                self.push.step = other;
                None
            }
        }
    }

    pub(super) fn pushed(&mut self, ticket: u64, results: Vec<PushResult>) {
        let Some(sending) = self.take_sending(ticket) else { return };
        if sending.log_epoch != self.log_epoch {
            // It speaks of a log that is no more. The same mutations are sent again, and deduplicated.
            return self.push_after_a_while(&sending);
        }
        if results.is_empty() {
            let reason = "no results".to_owned();
            self.trials.postpone(sending.attempt);
            self.lane_failed(Endpoint::Push, Failure::NotProtocol(reason));
            return;
        }
        if sending.wire == Wire::Plain && results.iter().any(|result| is_behind(result, sending.known)) {
            // A log that gives cursors which were seen long ago is not the log that they were seen in.
            self.push_after_a_while(&sending);
            return self.log_changed();
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

    pub(super) fn failed_outcome(
        &mut self,
        attempt: Attempt,
        seq: u64,
        failures: u32,
        error: String,
        answered: bool,
    ) -> Outcome {
        let at = self.best_now();
        let failure = TemporaryFailure { seq, failures: failures + 1, error: &error, answered };
        let suspect = self.trials.failed(attempt, failure, (self.time.now, at));
        let not_applied_before = if answered { self.server_now() } else { None };
        Outcome::Failed { error, at, suspect, not_applied_before }
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
}

/// Whether an ok result lies below what was known of the log before it was sent.
fn is_behind(result: &PushResult, known: Cursor) -> bool {
    result.ok && result.cursor.is_some_and(|cursor| cursor < known)
}
