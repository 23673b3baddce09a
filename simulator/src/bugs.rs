//! The known bugs that can be woken, to show that they are found.

use mizu_sync::planted;
use mizu_sync_server::Bug;

use crate::world::Awake;

/// All of them, by name: those of the client, then those of the server.
#[must_use]
pub fn all() -> Vec<(&'static str, Awake)> {
    let client =
        planted::Bug::ALL.into_iter().map(|(name, bug)| (name, Awake { client: Some(bug), server: None }));
    let server = Bug::ALL.into_iter().map(|bug| (bug.as_str(), Awake { client: None, server: Some(bug) }));
    client.chain(server).collect()
}

/// The bug of this name.
#[must_use]
pub fn named(name: &str) -> Option<Awake> {
    all().into_iter().find(|(known, _)| *known == name).map(|(_, awake)| awake)
}
