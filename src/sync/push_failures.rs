//! What a push that ended without results means for the mutations in it.

use mizu_sync_protocol::Code;

use super::engine::Engine;
use super::error::SyncError;
use super::event::{Failure, Head};
use super::push::{Sending, SinceBreak};
use crate::model::Outcome;
use crate::net::{Endpoint, Lane, TransportError};

/// The code of a mutation that the server's limits refuse.
const TOO_LARGE: &str = "too_large";

/// What is to blame for a failed push.
#[derive(Debug, PartialEq, Eq)]
enum Blame {
    /// Not what was sent: the network, the server as a whole, this client's access.
    Circumstances,
    /// What the client knows of the server's log: it is another log, or has been trimmed.
    Log { changed: bool },
    /// One of the mutations, which is refused for good. Sent alone it is known which.
    Mutation { code: String, error: String },
    /// Something in a batch that is refused whole. Alone, perhaps the mutation.
    SomethingRefused,
    /// Perhaps one of the mutations, which breaks the server or something before it; or circumstances.
    Perhaps,
}

/// What is to blame for a push of one mutation (`alone`) or more. `any_success`: whether this server has taken
/// any push.
fn blame(failure: &Failure, alone: bool, any_success: bool) -> Blame {
    match failure {
        Failure::Status { status: 410, code, .. } => {
            Blame::Log { changed: code.as_deref() == Some(Code::LogChanged.as_str()) }
        }
        Failure::Status { status: 413, .. } => Blame::Mutation {
            code: TOO_LARGE.to_owned(),
            error: "the server takes nothing as large".to_owned(),
        },
        Failure::Status { status: 401 | 403 | 408 | 425 | 429, .. } => Blame::Circumstances,
        Failure::Status { status: status @ 400..500, code, error, .. } => {
            match code.as_deref().and_then(Code::parse).filter(|code| code.is_permanent()) {
                // A server that refuses everything may not be one of this protocol.
                Some(Code::InvalidMutation) if *status == 400 && alone && !any_success => Blame::Perhaps,
                Some(code) => Blame::Mutation { code: code.as_str().to_owned(), error: error.clone() },
                None if matches!(status, 404 | 405) => Blame::Circumstances,
                None => Blame::SomethingRefused,
            }
        }
        // What asks to be left alone for a while is not broken by one mutation.
        Failure::Status { status: 500.., retry_after: None, .. } => Blame::Perhaps,
        Failure::Dialect(reason) => {
            Blame::Mutation { code: Code::InvalidMutation.as_str().to_owned(), error: reason.clone() }
        }
        Failure::Offline(TransportError::TimedOut { .. } | TransportError::Unreachable { .. })
        | Failure::NotProtocol(_)
        | Failure::TooLarge => Blame::Perhaps,
        Failure::Status { .. } | Failure::Offline(_) | Failure::Store(_) => Blame::Circumstances,
    }
}

impl Engine {
    pub(super) fn push_failed(&mut self, ticket: u64, failure: Failure, head: Option<Head>) {
        let Some(sending) = self.take_sending(ticket) else { return };
        let alone = sending.mutations.len() == 1;
        let refused_form = matches!(failure, Failure::Status { status: 400, .. });
        if refused_form && self.learns_to_be_plain(Some(sending.wire), head) {
            return self.trials.postpone(sending.attempt);
        }
        let stale = sending.log_epoch != self.log_epoch;
        match blame(&failure, alone, self.push.any_success) {
            Blame::Log { .. } if stale => self.push_after_a_while(&sending),
            // Since then everything is tried in order once more: nothing may go first for having failed.
            _ if stale => self.push_later(&sending, failure),
            Blame::Circumstances => self.push_later(&sending, failure),
            Blame::Log { changed } => self.pushed_to_another_log(&sending, changed),
            Blame::Mutation { code, error } if alone => self.reject_alone(&sending, &code, &error),
            Blame::Mutation { .. } => self.split(&sending),
            Blame::SomethingRefused if !alone => self.split(&sending),
            Blame::SomethingRefused | Blame::Perhaps => self.push_broke(&sending, failure),
        }
    }

    /// The same again. Whatever keeps answering so is not asked without a pause.
    pub(super) fn push_after_a_while(&mut self, sending: &Sending) {
        self.trials.postpone(sending.attempt);
        let most = self.most_wait();
        self.push.gate.fail(self.time.now, most, &mut self.rng);
    }

    /// The same again, after a wait, because something is in the way.
    fn push_later(&mut self, sending: &Sending, failure: Failure) {
        self.trials.postpone(sending.attempt);
        self.lane_failed(Endpoint::Push, failure);
        #[cfg(feature = "planted-bugs")]
        if self.has_bug(crate::planted::Bug::LostWakeUp) {
            self.push.nothing_to_take = true;
        }
    }

    /// The same again at once, in smaller batches.
    fn split(&mut self, sending: &Sending) {
        self.halve(sending);
        self.trials.postpone(sending.attempt);
    }

    fn halve(&mut self, sending: &Sending) {
        self.push.size.0 = (sending.mutations.len() / 2).max(1);
    }

    fn pushed_to_another_log(&mut self, sending: &Sending, changed: bool) {
        self.push_after_a_while(sending);
        if changed {
            return self.log_changed();
        }
        self.doubt_acks();
        if !self.pull.snapshot_wanted {
            self.begin_snapshot_anew();
        }
    }

    /// A push broke on its way, or broke the server, and nobody knows whether for what was in it. If the server
    /// has answered a pull well since the push before this one broke, it may be one of the mutations: it must not
    /// take the others with it. So a batch is sent again in halves, and one that breaks alone counts as a temporary
    /// failure of its mutation.
    fn push_broke(&mut self, sending: &Sending, failure: Failure) {
        let since = std::mem::replace(&mut self.push.since_break, SinceBreak::Silent);
        // While no pull may ask, nobody can tell.
        let server_is_well = since == SinceBreak::Well || self.pull.gate.rests(self.time.now);
        let timed_out = match &failure {
            // What never reached the server says nothing about its size.
            Failure::Offline(TransportError::TimedOut { phase, .. }) => phase.is_after_connect(),
            _ => false,
        };
        if server_is_well || timed_out {
            self.halve(sending);
        }
        // To learn it.
        self.pull.wanted = true;
        if !server_is_well {
            return self.push_later(sending, failure);
        }
        let reason = in_words(&failure);
        let &[(seq, failures)] = &*sending.mutations else {
            self.push_after_a_while(sending);
            return self.report_broken(failure, reason);
        };
        let outcome = self.failed_outcome(sending.attempt, seq, failures, reason.clone(), false);
        if !matches!(outcome, Outcome::Failed { suspect: true, .. }) {
            let most = self.most_wait();
            self.push.gate.fail(self.time.now, most, &mut self.rng);
        }
        self.report_broken(failure, reason);
        self.record(vec![(seq, outcome)]);
    }

    /// Tells the app that a push breaks although the server is well.
    fn report_broken(&mut self, failure: Failure, reason: String) {
        let error = match failure {
            Failure::Offline(_) => SyncError::MutationFailed { reason },
            failure => self.sync_error(Endpoint::Push, failure),
        };
        self.report(Lane::Push, error);
    }

    fn reject_alone(&mut self, sending: &Sending, code: &str, error: &str) {
        let rejected = |&(seq, _): &(u64, u32)| {
            (seq, Outcome::Rejected { code: code.to_owned(), error: error.to_owned() })
        };
        let outcomes: Vec<_> = sending.mutations.iter().map(rejected).collect();
        for (seq, _) in &sending.mutations {
            self.trials.forget(*seq);
        }
        self.record(outcomes);
    }
}

/// What became of a push that broke.
fn in_words(failure: &Failure) -> String {
    match failure {
        Failure::Offline(error) => error.to_string(),
        Failure::Status { status, error, .. } if error.is_empty() => format!("the server answered {status}"),
        Failure::Status { status, error, .. } => format!("the server answered {status} ({error})"),
        Failure::NotProtocol(reason) | Failure::Dialect(reason) => reason.clone(),
        Failure::TooLarge => "the answer is too large".to_owned(),
        Failure::Store(error) => error.to_string(),
    }
}
