//! What lies between the client and the server: a tunnel, a peer that has hung up, a hotel's sign-in page.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, PoisonError};

use super::Server;
use crate::net::Endpoint;
use crate::testing::http::Answer;
use crate::testing::lock;

/// How requests are treated before the server sees them, and answers after it has spoken.
#[derive(Default)]
pub struct Network {
    state: Mutex<State>,
    released: Condvar,
}

#[derive(Default)]
struct State {
    offline: bool,
    hanging: bool,
    stopped: bool,
    portal: bool,
    lost: HashMap<Endpoint, usize>,
    /// What is to be said instead, and how often.
    scripted: HashMap<Endpoint, VecDeque<(Answer, usize)>>,
}

impl Network {
    pub fn is_online(&self) -> bool {
        !lock(&self.state).offline
    }

    pub fn is_hanging(&self) -> bool {
        lock(&self.state).hanging
    }

    /// Waits until requests are answered again. Whether they are: else there is nobody to answer.
    pub fn wait_for_release(&self) -> bool {
        let hangs = |state: &mut State| state.hanging && !state.offline && !state.stopped;
        let waited = self.released.wait_while(lock(&self.state), hangs);
        let state = waited.unwrap_or_else(PoisonError::into_inner);
        !state.offline && !state.stopped
    }

    pub fn stop(&self) {
        self.change(|state| state.stopped = true);
    }

    /// What the test wants to be said instead of what the server would say.
    pub fn scripted(&self, endpoint: Option<Endpoint>) -> Option<Answer> {
        let mut state = lock(&self.state);
        if state.portal {
            return Some(Answer::page("<html><body>Welcome! Sign in to use this network.</body></html>"));
        }
        let answers = state.scripted.get_mut(&endpoint?)?;
        let (answer, left) = answers.front_mut()?;
        *left -= 1;
        let (answer, left) = (answer.clone(), *left);
        if left == 0 {
            answers.pop_front();
        }
        Some(answer)
    }

    /// Whether this answer gets lost on its way.
    pub fn loses(&self, endpoint: Endpoint) -> bool {
        let mut state = lock(&self.state);
        let Some(left) = state.lost.get_mut(&endpoint).filter(|left| **left > 0) else { return false };
        *left -= 1;
        true
    }

    pub(super) fn script(&self, endpoint: Endpoint, answer: &Answer, times: usize) {
        if times > 0 {
            let answer = (answer.clone(), times);
            self.change(|state| state.scripted.entry(endpoint).or_default().push_back(answer));
        }
    }

    pub(super) fn unscript(&self) {
        self.change(|state| state.scripted.clear());
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut lock(&self.state));
        self.released.notify_all();
    }
}

impl Server {
    /// From now on nobody is let in: connections are closed without a word, those that are open too.
    ///
    /// ```
    /// # use mizu_sync::testing::{Server, SOON};
    /// # use serde_json::{Value, json};
    /// # use std::time::Duration;
    /// let server = Server::start();
    /// let phone = server.client("user:1");
    /// server.go_offline();
    /// phone.collection("todo").create("t1", json!({ "title": "Milk" }))?; // works all the same
    /// assert_eq!(server.count("user:1", "todo"), 0);
    /// server.go_online();
    /// phone.flush(SOON)?;
    /// assert_eq!(server.count("user:1", "todo"), 1);
    /// # Ok::<(), mizu_sync::Error>(())
    /// ```
    pub fn go_offline(&self) {
        self.shared.network.change(|state| state.offline = true);
        self.http.close_connections();
    }

    /// Ends [`go_offline`](Server::go_offline). The port is the same. A client finds out at its next attempt, at most
    /// seconds later; at once where it is told `set_network(true)`.
    pub fn go_online(&self) {
        self.shared.network.change(|state| state.offline = false);
    }

    /// From now on requests are taken, and not answered before [`release`](Server::release).
    ///
    /// ```
    /// # use mizu_sync::testing::{Server, SOON};
    /// # use serde_json::{Value, json};
    /// # use mizu_sync::net::Endpoint;
    /// let server = Server::start();
    /// let phone = server.client("user:1");
    /// server.hang();
    /// phone.collection("todo").create("t1", json!({ "title": "Milk" }))?;
    /// server.wait_for(|requests| requests.iter().any(|request| request.is_to(Endpoint::Push)));
    /// assert_eq!(phone.pending()?.len(), 1);
    /// server.release();
    /// phone.flush(SOON)?;
    /// # Ok::<(), mizu_sync::Error>(())
    /// ```
    pub fn hang(&self) {
        self.shared.network.change(|state| state.hanging = true);
    }

    /// Ends [`hang`](Server::hang): the requests that were taken are applied and answered now, like all others.
    pub fn release(&self) {
        self.shared.network.change(|state| state.hanging = false);
    }

    /// The next so many requests to this endpoint are applied, but the connection is closed before the answer. A
    /// client sends them again, and the server knows the mutations by their ids.
    ///
    /// ```
    /// # use mizu_sync::testing::{Server, SOON};
    /// # use serde_json::{Value, json};
    /// # use mizu_sync::net::Endpoint;
    /// let server = Server::start();
    /// let phone = server.client("user:1");
    /// server.lose_replies(Endpoint::Push, 1);
    /// phone.collection("todo").create("t1", json!({ "title": "Milk" }))?;
    /// phone.flush(SOON)?;
    /// assert_eq!(server.requests().iter().filter(|request| request.is_to(Endpoint::Push)).count(), 2);
    /// assert_eq!(server.mutations().len(), 1);
    /// assert!(phone.rejected()?.is_empty());
    /// # Ok::<(), mizu_sync::Error>(())
    /// ```
    pub fn lose_replies(&self, endpoint: Endpoint, times: usize) {
        self.shared.network.change(|state| *state.lost.entry(endpoint).or_default() += times);
    }

    /// While on, every request is answered with a web page and 200, as in a hotel's network before one has signed in.
    ///
    /// ```
    /// # use mizu_sync::testing::{Server, SOON};
    /// # use serde_json::{Value, json};
    /// let server = Server::start();
    /// let phone = server.client("user:1");
    /// server.captive_portal(true);
    /// phone.collection("todo").create("t1", json!({ "title": "Milk" }))?;
    /// server.wait_for(|requests| requests.len() > 3);
    /// assert_eq!((phone.pending()?.len(), phone.rejected()?.len()), (1, 0));
    /// server.captive_portal(false);
    /// phone.flush(SOON)?;
    /// # Ok::<(), mizu_sync::Error>(())
    /// ```
    pub fn captive_portal(&self, on: bool) {
        self.shared.network.change(|state| state.portal = on);
    }
}
