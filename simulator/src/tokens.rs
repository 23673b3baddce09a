//! Tokens: they expire, and the apps renew them, sooner or later.

use std::time::Duration;

use mizu_sync::simulation::{Access, Event};

use crate::fault::Fault;
use crate::violation::Checked;
use crate::world::{Happening, World};

/// The token of a device. What is sent is its number.
#[derive(Clone, Copy, Debug, Default)]
pub struct Token {
    /// Which it has.
    pub number: u64,
    /// The server takes no older one.
    pub least: u64,
}

impl World {
    /// Whether the server takes the token of a device no more.
    pub fn token_is_expired(&self, device: usize) -> bool {
        let token = self.devices[device].token;
        token.number < token.least
    }

    /// The token of a device expires: its socket is closed, its requests are refused.
    pub fn expire_token(&mut self, device: usize) {
        let token = &mut self.devices[device].token;
        token.least = token.number + 1;
        self.note(format_args!("the token of d{device} expires"));
        if self.devices[device].line().is_some_and(|line| line.subscribed) {
            self.faults.count(Fault::ExpiredOnSocket);
            self.drop_line(device);
        }
    }

    /// An app is told that it needs a token: it will get one.
    pub fn token_is_needed(&mut self, device: usize) {
        let delay = self.about(Duration::from_secs(4));
        self.schedule.after(delay, Happening::TokenComes(device));
    }

    /// An app has got a token; sometimes it is no better than the last.
    ///
    /// # Errors
    /// When what its client does then violates a promise.
    pub fn token_comes(&mut self, device: usize) -> Checked {
        if self.token_is_expired(device) && self.strikes(0.3) {
            self.faults.count(Fault::BadToken);
            self.note(format_args!("d{device} sets a token that is refused too"));
        } else {
            self.faults.count(Fault::RenewedToken);
            self.note(format_args!("d{device} sets a good token"));
            let token = &mut self.devices[device].token;
            token.number = token.number.max(token.least);
        }
        self.devices[device].background_requests = 0;
        self.tell(device, Event::TokenSet)
    }

    /// All tokens are good from now on.
    ///
    /// # Errors
    /// When what follows violates a promise.
    pub fn renew_tokens(&mut self) -> Checked {
        for device in 0..self.devices.len() {
            let expired = self.token_is_expired(device);
            let process = self.devices[device].process.as_ref();
            let access = process.map(|process| process.state.access).unwrap_or_default();
            if expired || matches!(access, Access::AwaitingToken | Access::NeedsAuth) {
                self.token_comes(device)?;
            }
        }
        Ok(())
    }
}
