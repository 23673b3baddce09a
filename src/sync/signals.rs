//! What the platform and the app say: the network, the app's being seen, the wish to sync now.

use std::time::Duration;

use super::engine::Engine;
use super::event::Notice;
use super::state::{Access, Connection};
use crate::net::Lane;

/// A request older than this is given up when the network is back: its socket may be dead.
const STALE_REQUEST: Duration = Duration::from_secs(2);

impl Engine {
    pub(super) fn network_changed(&mut self, up: bool) {
        let was_up = std::mem::replace(&mut self.network_up, up);
        if !up {
            if self.connection == Connection::Online {
                self.connection = Connection::Offline;
                self.notify(Notice::Offline);
            }
            return;
        }
        self.hurry();
        self.go_on_in_background();
        self.pull.wanted = true;
        if was_up {
            // The sockets are those of this network.
            return;
        }
        // Perhaps it was another network that refused.
        self.ask_anew();
        self.grant_access();
        self.live.hurry();
        self.push.gate.give_up = self.push.sending_since().map(|since| since.saturating_add(STALE_REQUEST));
        self.pull.gate.give_up = self.pull.sending_since().map(|since| since.saturating_add(STALE_REQUEST));
    }

    /// Ends requests that were under way when the network came back, once they are old enough.
    pub(super) fn give_up_stale_requests(&mut self) {
        for lane in [Lane::Push, Lane::Pull] {
            let now = self.time.now;
            if self.gate(lane).give_up.take_if(|moment| *moment <= now).is_some() {
                self.interrupt(lane);
            }
        }
    }

    pub(super) fn foreground_changed(&mut self, foreground: bool) {
        let shown = foreground && !self.foreground;
        self.foreground = foreground;
        self.go_on_in_background();
        if shown {
            self.hurry();
            self.live.hurry();
            self.pull.wanted = true;
            let without = matches!(self.access, Access::AwaitingToken | Access::NeedsAuth);
            if without && self.config.asks_for_token {
                self.ask_anew();
                self.grant_access();
            }
        }
    }

    pub(super) fn sync_requested(&mut self, request: u64) {
        self.hurry();
        self.pull.wanted = true;
        self.pull.requested = self.pull.requested.max(request);
        self.go_on_in_background();
        // An app that was asked for a token may be about to get one: the old one is not tried meanwhile.
        if self.access != Access::AwaitingToken {
            self.grant_access();
        }
    }

    /// No more waiting for what is not the server's wish.
    pub(super) fn hurry(&mut self) {
        self.push.gate.hurry();
        self.pull.gate.hurry();
        self.trials.hurry();
        self.push.nothing_to_take = false;
    }
}
