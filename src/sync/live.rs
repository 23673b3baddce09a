//! The live socket: when it is opened, what a hint leads to, and how often the server is asked beside it.
//!
//! What comes on it decides nothing: a hint, the end of the socket and its refusal all lead to a pull, and what that
//! one is answered counts.

use std::time::Duration;

use mizu_sync_protocol::{Cursor, Wire};

use super::engine::Engine;
use super::event::{Action, Moment};
use super::gate::Gate;
use super::state::{Access, LiveState};
use crate::net::{LiveEnd, LiveNews};

/// A server that has not acknowledged by then is asked for changes without: the subscription is there by now.
const ACK_WAIT: Duration = Duration::from_secs(2);
/// A socket that lived for so long was a good one.
const LIVED: Duration = Duration::from_secs(60);
/// The longest wait before a socket that broke is opened again.
const MOST_BROKEN: Duration = Duration::from_secs(60);
/// The same of one that cannot be reached, though the server may be.
const MOST_UNREACHABLE: Duration = Duration::from_secs(300);
/// When a server that has no socket is asked for one again: between this and
const LEAST_REFUSED: Duration = Duration::from_secs(120);
/// this.
const MOST_REFUSED: Duration = Duration::from_secs(300);
/// Between two pulls for hints after which there was nothing new, at most.
pub(super) const MOST_FRUITLESS: Duration = Duration::from_secs(30);
/// How much rarer the server is asked while it hints.
const STRETCH: u32 = 10;

#[derive(Default)]
pub struct Live {
    step: Step,
    gate: Gate,
    /// The transport has no such thing.
    unsupported: bool,
    /// Nobody answers the requests: it is they that find out when somebody does.
    waits_for_answer: bool,
    last_ticket: u64,
}

#[derive(Clone, Copy, Default)]
enum Step {
    #[default]
    Off,
    Opening {
        ticket: u64,
    },
    Open(Open),
}

#[derive(Clone, Copy)]
struct Open {
    ticket: u64,
    since: Moment,
    acked: bool,
    /// A hint has come on it: this server gives some.
    hinted: bool,
    /// A pull was asked for although there was no acknowledgement.
    pulled: bool,
}

impl Live {
    fn ticket(&self) -> Option<u64> {
        match self.step {
            Step::Off => None,
            Step::Opening { ticket } | Step::Open(Open { ticket, .. }) => Some(ticket),
        }
    }

    pub fn state(&self) -> LiveState {
        match self.step {
            Step::Off => LiveState::Off,
            Step::Open(Open { acked, hinted, .. }) if acked || hinted => LiveState::Up,
            Step::Opening { .. } | Step::Open(_) => LiveState::Connecting,
        }
    }
}

impl Live {
    /// Nobody answers.
    pub fn went_offline(&mut self) {
        self.waits_for_answer = true;
    }

    /// Somebody answers.
    pub fn answered(&mut self) {
        if std::mem::take(&mut self.waits_for_answer) {
            self.gate.hurry();
        }
    }

    /// There may be a better way to the server now, or it is more wanted.
    pub fn hurry(&mut self) {
        self.waits_for_answer = false;
        self.gate.hurry();
    }
}

impl Engine {
    /// Whether there should be a socket.
    fn live_wanted(&self) -> bool {
        let allowed = self.config.live && !self.live.unsupported;
        allowed && self.foreground && self.network_up && self.access == Access::Granted
    }

    /// When something is to be done about it, if nothing else happens.
    pub(super) fn live_due(&self) -> Option<Moment> {
        if !self.live_wanted() {
            return None;
        }
        match self.live.step {
            Step::Off => {
                let may_open = self.replica.is_some() && !self.live.waits_for_answer;
                may_open.then(|| self.live.gate.opens())
            }
            Step::Open(Open { acked: false, hinted: false, pulled: false, since, .. }) => {
                Some(since.saturating_add(ACK_WAIT))
            }
            Step::Opening { .. } | Step::Open(_) => None,
        }
    }

    pub(super) fn proceed_live(&mut self) {
        if !self.live_wanted() {
            return self.close_live();
        }
        if self.live_due().is_none_or(|due| self.time.now < due) {
            return;
        }
        if let Step::Open(open) = &mut self.live.step {
            open.pulled = true;
            self.pull.wanted = true;
        } else {
            self.live.last_ticket += 1;
            let ticket = self.live.last_ticket;
            self.live.step = Step::Opening { ticket };
            self.actions.push(Action::OpenLive(ticket));
        }
    }

    /// Ends it, if there is one: another one may follow at once.
    pub(super) fn close_live(&mut self) {
        if self.live.ticket().is_some() {
            self.actions.push(Action::CloseLive);
            self.live_is_off();
        }
    }

    fn live_is_off(&mut self) {
        self.live.step = Step::Off;
        // It may have been put off for longer, trusting in hints.
        let soon = self.time.now.saturating_add(self.config.pull_interval);
        self.pull.next_poll = self.pull.next_poll.min(soon);
    }

    pub(super) fn live_told(&mut self, ticket: u64, news: LiveNews) {
        if self.live.ticket() != Some(ticket) {
            return;
        }
        match (news, &mut self.live.step) {
            (LiveNews::Opened, step) => {
                let since = self.time.now;
                *step = Step::Open(Open { ticket, since, acked: false, hinted: false, pulled: false });
            }
            // Once: a server must not make a client pull by saying it again and again.
            (LiveNews::Subscribed, Step::Open(open)) if !open.acked => {
                open.acked = true;
                // What changed before it was not hinted at.
                self.pull.wanted = true;
            }
            (LiveNews::Subscribed, Step::Open(_)) => {}
            (LiveNews::Hint(cursor), Step::Open(open)) => {
                open.hinted = true;
                self.hinted(cursor);
            }
            // It tells that it is open before anything else.
            (_, Step::Off | Step::Opening { .. }) => {}
        }
    }

    /// The server's log has grown up to here, somebody says.
    pub(super) fn hinted(&mut self, cursor: Cursor) {
        #[cfg(feature = "planted-bugs")]
        if self.pull.in_round && self.has_bug(crate::planted::Bug::DropsHintsDuringPull) {
            return;
        }
        if self.replica.as_ref().is_none_or(|replica| cursor > replica.cursor) {
            self.pull.hint = self.pull.hint.max(Some(cursor));
        }
    }

    /// It has ended by itself. `end`: why; none if the transport has none.
    pub(super) fn live_ended(&mut self, ticket: u64, end: Option<LiveEnd>) {
        if self.live.ticket() != Some(ticket) {
            return;
        }
        let opened = match self.live.step {
            Step::Open(Open { since, .. }) => Some(since),
            Step::Off | Step::Opening { .. } => None,
        };
        self.live_is_off();
        let now = self.time.now;
        let broken = match end {
            None => {
                self.live.unsupported = true;
                return;
            }
            Some(LiveEnd::Refused { status }) => {
                // Whoever stands between may refuse sockets to everybody: a pull tells whether it is the token.
                self.pull.wanted |= matches!(status, 401 | 403);
                may_pass(status)
            }
            Some(LiveEnd::Failed(_)) => true,
        };
        if opened.is_some() {
            self.pull.wanted = true;
        }
        if !broken {
            let spread = (MOST_REFUSED - LEAST_REFUSED).mul_f64(self.rng.f64());
            return self.live.gate.rest_until(now.saturating_add(LEAST_REFUSED + spread));
        }
        if opened.is_some_and(|since| now.saturating_sub(since) >= LIVED) {
            self.live.gate.succeed();
        }
        let most = if opened.is_some() { MOST_BROKEN } else { MOST_UNREACHABLE };
        self.live.gate.fail(now, most, &mut self.rng);
    }

    /// How long nothing is asked for when nothing asks for it. Where hints come they are trusted; but a plain server
    /// may take a subscription and never hint, as go-mizu's sample does.
    pub(super) fn poll_interval(&self) -> Duration {
        let trusted = match self.live.step {
            Step::Open(Open { hinted: true, .. }) => true,
            Step::Open(Open { acked, .. }) => acked && self.wire() == Some(Wire::Extended),
            Step::Off | Step::Opening { .. } => false,
        };
        if trusted { self.config.pull_interval.saturating_mul(STRETCH) } else { self.config.pull_interval }
    }
}

/// Whether a refusal says that the server, or the gateway before it, is not well for now.
const fn may_pass(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 502..=504)
}
