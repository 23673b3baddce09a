//! What the server was asked, waiting for it, and live hints.

use std::time::Duration;

use super::Server;
use crate::testing::SOON;
use crate::testing::backend::AppliedMutation;
use crate::testing::http::Received;
use crate::testing::requests::Waited;

impl Server {
    /// All requests, in the order in which they were answered or left hanging.
    #[must_use]
    pub fn requests(&self) -> Vec<Received> {
        self.shared.requests.all()
    }

    /// Waits until the requests satisfy `enough`. What they did is done then.
    ///
    /// ```
    /// # use mizu_sync::testing::Server;
    /// # use mizu_sync::net::Endpoint;
    /// let server = Server::start();
    /// let phone = server.client("user:1");
    /// server.wait_for(|requests| requests.iter().any(|request| request.is_to(Endpoint::Snapshot)));
    /// ```
    ///
    /// # Panics
    /// When it takes more than [`SOON`]: with what it was asked.
    #[track_caller]
    pub fn wait_for(&self, enough: impl Fn(&[Received]) -> bool) {
        expect(self.wait_for_within(SOON, enough));
    }

    /// As [`wait_for`](Server::wait_for), with an error instead of a panic.
    ///
    /// # Errors
    /// When it takes longer: with what it was asked.
    pub fn wait_for_within(
        &self,
        timeout: Duration,
        enough: impl Fn(&[Received]) -> bool,
    ) -> Result<(), Waited> {
        self.shared.requests.wait(timeout, enough)
    }

    /// Waits until the mutations that it has applied satisfy `enough`.
    ///
    /// ```
    /// # use mizu_sync::testing::Server;
    /// # use serde_json::json;
    /// let server = Server::start();
    /// let phone = server.client("user:1");
    /// phone.collection("todo").create("t1", json!({ "title": "Milk" }))?;
    /// server.wait_for_mutations(|mutations| mutations.len() == 1);
    /// assert_eq!(server.count("user:1", "todo"), 1);
    /// # Ok::<(), mizu_sync::Error>(())
    /// ```
    ///
    /// # Panics
    /// When it takes more than [`SOON`]: with what it was asked.
    #[track_caller]
    pub fn wait_for_mutations(&self, enough: impl Fn(&[AppliedMutation]) -> bool) {
        expect(self.wait_for_within(SOON, |_| enough(&self.mutations())));
    }

    /// Waits until a client has a socket on which it is told of changes to this scope.
    ///
    /// # Panics
    /// When it takes more than [`SOON`]: with what the server was asked.
    #[track_caller]
    pub fn wait_for_subscription(&self, scope: &str) {
        expect(self.wait_for_within(SOON, |_| self.shared.live.subscribers(scope) > 0));
    }

    /// Whether WebSockets are served, as they are at first. If not, each is refused with 500, as by servers that cannot
    /// have any, and those that are open are closed: clients poll then.
    pub fn live(&self, on: bool) {
        self.shared.live.take(on);
    }

    /// From now on nothing comes through the WebSockets, old and new: no hint, no answer to a ping. They stay open, as
    /// when a phone has changed its network. Ends with `live(true)`.
    pub fn silence_live(&self) {
        self.shared.live.silence();
    }

    /// Closes all WebSockets. New ones are served.
    pub fn drop_live(&self) {
        self.shared.live.drop_all();
    }
}

#[track_caller]
fn expect(waited: Result<(), Waited>) {
    if let Err(waited) = waited {
        panic!("{waited}");
    }
}
