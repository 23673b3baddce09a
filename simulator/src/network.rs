//! What lies between a device and the server.

use std::time::Duration;

use crate::schedule::Moment;

/// How long a device waits for a connection.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long it waits for an answer.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// What is wrong with the way between one device and the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing reaches the device.
    NoneIn,
    /// Nothing leaves it.
    NoneOut,
    /// Neither.
    Cut,
    /// What it sends arrives, answers are lost.
    HalfOpen,
    /// Something else answers.
    Portal,
}

/// The way between one device and the server.
#[derive(Clone, Copy, Debug, Default)]
pub struct Link {
    trouble: Option<(Trouble, Moment)>,
    /// When the last message on its way will arrive.
    newest_arrival: Moment,
}

impl Link {
    /// Something is wrong until `until`.
    pub fn disturb(&mut self, trouble: Trouble, until: Moment) {
        self.trouble = Some((trouble, until));
    }

    /// What is wrong now.
    #[must_use]
    pub fn trouble(&self, now: Moment) -> Option<Trouble> {
        self.trouble.filter(|(_, until)| now < *until).map(|(trouble, _)| trouble)
    }

    /// All is well.
    pub fn heal(&mut self) {
        self.trouble = None;
    }

    /// Whether a request can leave the device now: a connection needs both ways.
    #[must_use]
    pub fn lets_out(&self, now: Moment) -> bool {
        !matches!(self.trouble(now), Some(Trouble::NoneIn | Trouble::NoneOut | Trouble::Cut))
    }

    /// Whether an answer can reach the device now.
    #[must_use]
    pub fn lets_in(&self, now: Moment) -> bool {
        !matches!(self.trouble(now), Some(Trouble::NoneIn | Trouble::Cut | Trouble::HalfOpen))
    }

    /// Notes when a message that is sent now arrives. Whether it overtakes another.
    pub fn sends(&mut self, arrival: Moment) -> bool {
        let overtakes = arrival < self.newest_arrival;
        self.newest_arrival = self.newest_arrival.max(arrival);
        overtakes
    }
}
