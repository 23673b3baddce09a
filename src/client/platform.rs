//! What the platform says of the network and of the app. It holds also while no sync runs, so it is kept here, and
//! each sync hears it before anything else.

use crate::sync::Event;

/// Why nothing gets on while there is no network.
pub const NO_NETWORK: &str = "the platform reports no network: nothing is sent before there is one";

/// What the platform said last.
#[derive(Clone, Copy, Debug)]
pub struct Platform {
    pub network_up: bool,
    pub foreground: bool,
}

impl Default for Platform {
    fn default() -> Self {
        Self { network_up: true, foreground: true }
    }
}

impl Platform {
    /// What a new engine, which believes that all is well, has to be told.
    pub fn events(self) -> impl Iterator<Item = Event> {
        let network = (!self.network_up).then_some(Event::Network(false));
        let foreground = (!self.foreground).then_some(Event::Foreground(false));
        network.into_iter().chain(foreground)
    }
}
