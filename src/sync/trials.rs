//! Mutations that keep failing: how they are tried without blocking the others, and when they are given up.
//!
//! A mutation that failed three times is a suspect. From then on there are rounds: a suspect is sent alone,
//! and so is the next mutation that was never tried. Any success in a round proves that the server is well;
//! only then do the failures of suspects count. So an outage, in which everything fails, rejects nothing, and
//! a poison mutation blocks nobody.

use std::collections::VecDeque;
use std::time::Duration;

use super::backoff::Backoff;
use super::event::Moment;
use crate::model::Suspect;
use crate::time::Timestamp;

/// Failures after which a mutation is a suspect.
pub const SUSPECT_AFTER: u32 = 3;
/// Counted attempts after which a suspect is rejected...
const ATTEMPTS: u32 = 10;
/// ...if its first failure is so long ago.
const PATIENCE: Duration = Duration::from_secs(600);
/// The longest wait between two rounds while others are served.
const MOST_WHILE_WELL: Duration = Duration::from_secs(60);

/// The wait for the next round when something fails that had not failed before.
const SOON: Duration = Duration::from_secs(1);

/// What is to be sent next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The next mutations, as they come.
    Batch,
    /// The next mutation that is no suspect, alone, to learn whether the server is well.
    Probe,
    /// This suspect, alone.
    Suspect(u64),
}

#[derive(Debug, Default)]
pub struct Trials {
    /// The one to be tried next is at the front.
    suspects: VecDeque<Suspect>,
    /// Whether the last thing that is known of the server is a success.
    well: bool,
    round: Option<Round>,
    next_round: Moment,
    backoff: Backoff,
    #[cfg(feature = "planted-bugs")]
    counts_outages: bool,
}

#[derive(Debug)]
struct Round {
    left: VecDeque<Attempt>,
    /// Suspects that failed in it.
    failed: Vec<u64>,
    well: bool,
}

/// What the end of a round means.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Suspects whose failure counts.
    pub counted: Vec<u64>,
    /// Suspects that are given up.
    pub given_up: Vec<Suspect>,
}

/// A mutation was not accepted for now.
pub struct TemporaryFailure<'a> {
    /// Its place in the queue.
    pub seq: u64,
    /// How often it failed, with this one.
    pub failures: u32,
    /// What the server said, or what became of the request.
    pub error: &'a str,
    /// Whether the server's own word is that it was not applied.
    pub answered: bool,
}

impl Trials {
    pub fn new(suspects: Vec<Suspect>) -> Self {
        Self { suspects: suspects.into(), ..Self::default() }
    }

    /// Wakes a known bug.
    #[cfg(feature = "planted-bugs")]
    pub fn count_outages(&mut self) {
        self.counts_outages = true;
    }

    /// What was acked is in the queue again, before the suspects: everything is tried in order once more.
    pub fn begin_anew(&mut self) {
        self.suspects.clear();
        self.round = None;
    }

    /// What the server said of the oldest suspect.
    pub fn reason(&self) -> Option<&str> {
        self.suspects.iter().min_by_key(|suspect| suspect.seq).map(|suspect| suspect.error.as_str())
    }

    /// What to send now, if it is time.
    pub fn next(&mut self, now: Moment) -> Option<Attempt> {
        if self.suspects.is_empty() {
            self.round = None;
            return Some(Attempt::Batch);
        }
        if self.round.is_none() && now >= self.next_round {
            self.suspects.rotate_left(1);
            let first = self.suspects.back().map(|suspect| Attempt::Suspect(suspect.seq));
            let left = first.into_iter().chain([Attempt::Probe]).collect();
            self.round = Some(Round { left, failed: Vec::new(), well: false });
        }
        match &mut self.round {
            Some(round) => round.left.pop_front(),
            None => self.well.then_some(Attempt::Batch),
        }
    }

    /// When [`Self::next`] has something, if nothing else happens. `more`: whether mutations that are no
    /// suspects may be waiting.
    pub fn due(&self, more: bool) -> Option<Moment> {
        if self.suspects.is_empty() {
            return more.then_some(Moment::ZERO);
        }
        let now = self.round.is_some() || self.well && more;
        Some(if now { Moment::ZERO } else { self.next_round })
    }

    /// The network is back, or the app wants it: no more waiting.
    pub fn hurry(&mut self) {
        self.next_round = Moment::ZERO;
        self.backoff.reset();
    }

    /// A mutation was applied or refused for good: the server is well.
    pub fn succeeded(&mut self, seq: u64) {
        self.suspects.retain(|suspect| suspect.seq != seq);
        if !self.well {
            // An outage is over: who failed in it, earlier in this round even, must not wait for long.
            self.backoff.reset();
        }
        self.well = true;
        if let Some(round) = &mut self.round
            && !round.well
        {
            round.well = true;
            let tried = |seq: u64| round.failed.contains(&seq) || round.left.contains(&Attempt::Suspect(seq));
            let rest = self.suspects.iter().map(|suspect| suspect.seq).filter(|seq| !tried(*seq));
            let rest: Vec<Attempt> = rest.map(Attempt::Suspect).collect();
            round.left.extend(rest);
        }
    }

    /// Whether the mutation is a suspect from now on.
    pub fn failed(
        &mut self,
        attempt: Attempt,
        failure: TemporaryFailure<'_>,
        (now, at): (Moment, Timestamp),
    ) -> bool {
        let TemporaryFailure { seq, failures, error, answered } = failure;
        if let Some(known) = self.suspects.iter_mut().find(|suspect| suspect.seq == seq) {
            error.clone_into(&mut known.error);
            known.answered = answered;
        } else if attempt == Attempt::Probe || failures >= SUSPECT_AFTER {
            let error = error.to_owned();
            self.suspects.push_back(Suspect { seq, attempts: 0, first_failure: at, error, answered });
        } else {
            self.well = false;
            // The others must not wait for as long as suspects do.
            self.next_round = self.next_round.min(now.saturating_add(SOON));
            return false;
        }
        match &mut self.round {
            Some(round) => round.failed.push(seq),
            None => self.well = false,
        }
        true
    }

    /// The app discarded a mutation: what waited for it need not wait for long.
    pub fn discarded(&mut self, seq: u64) {
        if self.suspects.iter().any(|suspect| suspect.seq == seq) {
            self.forget(seq);
            self.next_round = Moment::ZERO;
        }
    }

    /// A suspect is not in the queue any more.
    pub fn forget(&mut self, seq: u64) {
        self.suspects.retain(|suspect| suspect.seq != seq);
    }

    /// Ends the round if everything in it was tried, and says what follows from it.
    pub fn conclude(
        &mut self,
        now: Moment,
        server_now: Timestamp,
        most: Duration,
        rng: &mut fastrand::Rng,
    ) -> Option<Verdict> {
        let round = self.round.take_if(|round| round.left.is_empty())?;
        let most = if round.well { MOST_WHILE_WELL } else { most };
        self.well = round.well;
        self.next_round = now.saturating_add(self.backoff.fail(most, rng));
        let mut verdict = Verdict::default();
        #[cfg(feature = "planted-bugs")]
        let round = Round { well: round.well || self.counts_outages, ..round };
        if !round.well {
            return Some(verdict);
        }
        for mut suspect in std::mem::take(&mut self.suspects) {
            if round.failed.contains(&suspect.seq) {
                suspect.attempts += 1;
                if suspect.attempts >= ATTEMPTS && server_now.since(suspect.first_failure) >= PATIENCE {
                    verdict.given_up.push(suspect);
                    continue;
                }
                verdict.counted.push(suspect.seq);
            }
            self.suspects.push_back(suspect);
        }
        Some(verdict)
    }

    /// The exchange ended without saying anything of the mutation: the round goes on with it later.
    pub fn postpone(&mut self, attempt: Attempt) {
        if let Some(round) = &mut self.round {
            round.left.push_front(attempt);
        }
    }
}
