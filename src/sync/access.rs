//! The token, as far as the engine knows of it: whether it is the newest that a request was sent with, and whether the
//! app is to be asked for another one.
//!
//! The app is asked once. What it then gives is tried; if that is refused too, the sync says so and waits. It is asked
//! again when something has gone well since, or when it is likely to have a better answer: at the start, in the
//! foreground, in another network.

use super::engine::Engine;
use super::error::SyncError;
use super::event::Notice;
use super::state::Access;
use crate::net::Lane;

#[derive(Default)]
pub struct Asking {
    /// Counts the tokens that the app has set.
    pub token: u64,
    /// The app was asked, and nothing has gone well since.
    asked: bool,
}

impl Engine {
    /// The app has set a token, perhaps the same again.
    pub(super) fn token_set(&mut self) {
        self.asking.token += 1;
        self.close_live();
        self.live.hurry();
        self.hurry();
        self.pull.wanted = true;
        self.go_on_in_background();
        self.grant_access();
    }

    /// Whether a refusal of this lane is about a token that is not the newest any more. Then it says nothing.
    pub(super) fn is_of_former_token(&mut self, lane: Lane) -> bool {
        let newest = self.asking.token;
        self.gate(lane).sent_with != newest
    }

    /// The server does not accept the newest token. Whether nothing is left to be asked.
    pub(super) fn unauthorized(&mut self, lane: Lane) -> bool {
        if matches!(self.access, Access::AwaitingToken | Access::NeedsAuth) {
            return false;
        }
        let asked = self.asking.asked || self.gate(lane).asked;
        if !self.config.asks_for_token || asked {
            self.access = Access::NeedsAuth;
            return true;
        }
        self.asking.asked = true;
        self.gate(lane).asked = true;
        self.access = Access::AwaitingToken;
        self.notify(Notice::TokenNeeded);
        false
    }

    /// An exchange of this lane went well.
    pub(super) fn authorized(&mut self, lane: Lane) {
        self.asking.asked = false;
        self.gate(lane).asked = false;
    }

    /// The app may have a better answer now, if it is asked.
    pub(super) fn ask_anew(&mut self) {
        self.asking.asked = false;
        for lane in [Lane::Push, Lane::Pull] {
            self.gate(lane).asked = false;
        }
    }

    /// A refusal is over, as far as anybody knows.
    pub(super) fn grant_access(&mut self) {
        self.access = Access::Granted;
        for gate in [&mut self.push.gate, &mut self.pull.gate] {
            let refusal = |error: &mut SyncError| {
                matches!(error, SyncError::NeedsAuth { .. } | SyncError::Forbidden { .. })
            };
            gate.error.take_if(refusal);
        }
    }
}
