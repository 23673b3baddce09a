//! What the server says to what it does not like.

use std::sync::atomic::Ordering;
use std::time::Duration;

use mizu_sync_protocol::header::MIZU_SYNC_VERSION;
use mizu_sync_protocol::{Code, ErrorBody};

use super::Server;
use crate::net::Endpoint;
use crate::testing::backend::Refusal;
use crate::testing::http::Answer;

impl Server {
    /// Refuses for ever each mutation of this name that is new, until [`accept`](Server::accept): the client undoes it,
    /// tells the app, and keeps it for the app to decide about. `code` is `conflict`, `invalid_mutation`, `not_found`,
    /// `forbidden` or `unknown_mutation`; the message is for a person.
    ///
    /// What the app's calls are named here: `create` and `add` send `todo.create`, `update` sends `todo.patch`, `set`
    /// sends `todo.update`, `delete` sends `todo.delete`.
    ///
    /// ```
    /// # use mizu_sync::testing::{Server, SOON};
    /// # use serde_json::{Value, json};
    /// let server = Server::start();
    /// let phone = server.client("user:1");
    /// server.reject("todo.create", "forbidden", "this list is closed");
    /// let todos = phone.collection::<Value>("todo");
    /// todos.create("t1", json!({ "title": "Milk" }))?;
    /// phone.flush(SOON)?;
    /// assert_eq!(todos.count()?, 0);
    /// let rejected = phone.rejected()?;
    /// assert_eq!((rejected[0].code.as_str(), rejected[0].error.as_str()), ("forbidden", "this list is closed"));
    ///
    /// server.accept("todo.create");
    /// phone.retry(&rejected[0].id)?;
    /// phone.flush(SOON)?;
    /// assert_eq!(todos.count()?, 1);
    /// # Ok::<(), mizu_sync::Error>(())
    /// ```
    ///
    /// # Panics
    /// When a client would take the code for a temporary failure: see [`fail`](Server::fail) for those.
    #[track_caller]
    pub fn reject(&self, mutation: &str, code: &str, message: &str) {
        let Some(refusal) = Refusal::by_code(code, message) else {
            panic!("{}", Refusal::no_code(code));
        };
        self.backend().rules.refuse(mutation, refusal);
    }

    /// Fails each mutation of this name for now, until [`accept`](Server::accept): the client keeps it, and tries it
    /// again ever more slowly.
    ///
    /// ```
    /// # use mizu_sync::testing::{Server, SOON};
    /// # use serde_json::{Value, json};
    /// # use mizu_sync::net::Endpoint;
    /// let server = Server::start();
    /// let phone = server.client("user:1");
    /// server.fail("todo.create", "the stock is being counted");
    /// phone.collection("todo").create("t1", json!({ "title": "Milk" }))?;
    /// server.wait_for(|requests| requests.iter().filter(|request| request.is_to(Endpoint::Push)).count() >= 2);
    /// let pending = phone.pending()?;
    /// assert_eq!(pending[0].error.as_deref(), Some("the stock is being counted"));
    /// server.accept("todo.create");
    /// phone.flush(SOON)?;
    /// # Ok::<(), mizu_sync::Error>(())
    /// ```
    pub fn fail(&self, mutation: &str, message: &str) {
        self.backend().rules.refuse(mutation, Refusal::temporary(message));
    }

    /// Ends [`reject`](Server::reject) and [`fail`](Server::fail) for this name.
    pub fn accept(&self, mutation: &str) {
        self.backend().rules.accept(mutation);
    }

    /// Whether it acts as a server that knows nothing of this project's additions to the protocol: no tags, no pages of a
    /// snapshot, whole objects instead of patches. Clients find out by themselves; at a second change within an hour only
    /// after a minute, as with every log that keeps changing.
    ///
    /// ```
    /// # use mizu_sync::testing::{Server, SOON};
    /// # use serde_json::{Value, json};
    /// let server = Server::start();
    /// server.plain(true);
    /// let phone = server.client("user:1");
    /// let todo = phone.collection("todo").create("t1", json!({ "title": "Milk", "done": false }))?;
    /// phone.flush(SOON)?;
    /// todo.update(|todo| todo["done"] = true.into())?;
    /// phone.flush(SOON)?;
    /// assert_eq!(server.mutations()[1].name, "todo.update");
    /// # Ok::<(), mizu_sync::Error>(())
    /// ```
    pub fn plain(&self, on: bool) {
        self.shared.plain.store(on, Ordering::SeqCst);
    }

    /// Answers the next so many requests to this endpoint with this status, and does nothing else; in the words in
    /// which a server of ours would say it. Several calls follow each other.
    ///
    /// ```
    /// # use mizu_sync::testing::{Server, SOON};
    /// # use serde_json::{Value, json};
    /// # use mizu_sync::net::Endpoint;
    /// let server = Server::start();
    /// let phone = server.client("user:1");
    /// server.answer_status(Endpoint::Push, 503, None, 2);
    /// phone.collection("todo").create("t1", json!({ "title": "Milk" }))?;
    /// phone.flush(SOON)?;
    /// let statuses: Vec<_> = server.requests().iter()
    ///     .filter(|request| request.is_to(Endpoint::Push))
    ///     .map(|request| request.answered)
    ///     .collect();
    /// assert_eq!(statuses, [Some(503), Some(503), Some(200)]);
    /// # Ok::<(), mizu_sync::Error>(())
    /// ```
    pub fn answer_status(
        &self,
        endpoint: Endpoint,
        status: u16,
        retry_after: Option<Duration>,
        times: usize,
    ) {
        let error = format!("the test says {status}");
        let answer = match code(status) {
            Some(code) => {
                let body = ErrorBody { code: code.as_str().into(), error: error.into() };
                Answer::json(status, &body).with("Mizu-Sync", MIZU_SYNC_VERSION)
            }
            None => Answer::new(status, "text/plain", error),
        };
        let answer = retry_after.map_or(answer.clone(), |wait| answer.retry_after(wait));
        self.answer(endpoint, &answer, times);
    }

    /// Answers the next so many requests to this endpoint with exactly this, and does nothing else: what a gateway, a
    /// proxy or a broken server might say.
    ///
    /// ```
    /// # use mizu_sync::testing::{Answer, Server, SOON};
    /// # use serde_json::{Value, json};
    /// # use mizu_sync::net::Endpoint;
    /// let server = Server::start();
    /// let phone = server.client("user:1");
    /// server.answer(Endpoint::Pull, &Answer::ok(&json!({ "changes": [] })).cut_after(5), 1);
    /// server.answer(Endpoint::Pull, &Answer::new(502, "text/html", "<h1>Bad gateway</h1>"), 1);
    /// phone.sync(SOON)?;
    /// # Ok::<(), mizu_sync::Error>(())
    /// ```
    pub fn answer(&self, endpoint: Endpoint, answer: &Answer, times: usize) {
        self.shared.network.script(endpoint, answer, times);
    }

    /// Ends [`answer_status`](Server::answer_status) and [`answer`](Server::answer), however often they were to be
    /// said: `usize::MAX` times means until then.
    pub fn answer_normally(&self) {
        self.shared.network.unscript();
    }
}

/// What a server of ours says with a status; none where it sends no JSON.
const fn code(status: u16) -> Option<Code> {
    match status {
        400 => Some(Code::InvalidMutation),
        401 => Some(Code::Unauthorized),
        403 => Some(Code::Forbidden),
        404 | 405 => None,
        410 => Some(Code::CursorTooOld),
        413 => Some(Code::TooLarge),
        _ => Some(Code::InternalError),
    }
}
