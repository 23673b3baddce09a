//! What apps are tested with, tested: each function of the scripted server as a client or a socket feels it, the client
//! without a server, previews, and that the scripted server speaks as the reference server does.

#![allow(clippy::unwrap_used, reason = "a test that fails there says why")]

mod agreement;
mod answers;
mod auth;
mod custom;
mod data;
mod history;
mod live;
mod local;
mod network;
mod pair;
mod preview;
mod raw;
mod waiting;

use mizu_sync::net::Endpoint;
use mizu_sync::testing::{Received, Server};
use mizu_sync::{Client, Collection, Error, SyncError};
use serde::{Deserialize, Serialize};

/// What the app under test keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Todo {
    pub(crate) title: String,
    pub(crate) done: bool,
}

impl Todo {
    pub(crate) fn new(title: &str) -> Self {
        Self { title: title.to_owned(), done: false }
    }
}

/// The scope of all tests that need only one.
pub(crate) const SCOPE: &str = "user:1";

pub(crate) fn todos(client: &Client) -> Collection<Todo> {
    client.collection("todo")
}

/// The statuses with which requests to an endpoint were answered.
pub(crate) fn statuses(server: &Server, endpoint: Endpoint) -> Vec<Option<u16>> {
    let requests = server.requests();
    requests.iter().filter(|request| request.is_to(endpoint)).map(|request| request.answered).collect()
}

pub(crate) fn count(requests: &[Received], endpoint: Endpoint) -> usize {
    requests.iter().filter(|request| request.is_to(endpoint)).count()
}

/// What is in the way of a sync.
pub(crate) fn sync_error(result: mizu_sync::Result<()>) -> SyncError {
    match result {
        Err(Error::Sync(error)) => error,
        other => panic!("not an error of the sync: {other:?}"),
    }
}
