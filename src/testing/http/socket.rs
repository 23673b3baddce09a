//! Live sockets of a [`Scripted`](super::Scripted) server: the test is the server.

use std::collections::VecDeque;
use std::net::TcpStream;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

use super::{Answer, Received, Response};
use crate::testing::lock;

/// A live socket, from the server's side. Dropping it closes its connection. For this project's own tests.
pub struct Socket {
    /// What asked for it.
    pub request: Received,
    socket: WebSocket<TcpStream>,
}

impl Socket {
    /// Sends data on the topic of the scope `user:1`.
    ///
    /// # Panics
    /// When the client does not listen.
    pub fn send(&mut self, data: &Value) {
        let text = json!({ "topic": "sync:user:1", "data": data }).to_string();
        if let Err(error) = self.socket.send(Message::text(text)) {
            panic!("the client does not listen: {error}");
        }
    }

    /// Waits for the subscription, and acknowledges it.
    ///
    /// # Panics
    /// When something else comes.
    pub fn acknowledge(&mut self) {
        let subscription = self.socket.read().ok().and_then(|message| message.into_text().ok());
        let said: Option<Value> = subscription.and_then(|text| serde_json::from_str(&text).ok());
        let topic = said.as_ref().map(|said| &said["topic"]);
        assert_eq!(topic, Some(&json!("sync:user:1")), "the client has not subscribed");
        self.send(&json!({ "type": "ack", "ref": "1" }));
    }

    /// Hints at a cursor.
    ///
    /// # Panics
    /// When the client does not listen.
    pub fn hint(&mut self, cursor: u64) {
        self.send(&json!({ "cursor": cursor }));
    }

    /// Waits until the client has closed it.
    pub fn wait_for_end(&mut self) {
        while self.socket.read().is_ok() {}
    }
}

/// The sockets that clients have opened, and nobody has taken yet.
#[derive(Clone, Default)]
pub(super) struct Sockets(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    opened: Condvar,
}

#[derive(Default)]
struct State {
    are_opened: bool,
    waiting: VecDeque<Socket>,
}

impl Sockets {
    /// From now on they are opened.
    pub(super) fn open(&self) {
        lock(&self.0.state).are_opened = true;
    }

    /// What a request for one is answered.
    pub(super) fn answer(&self, request: Received) -> Response {
        if !lock(&self.0.state).are_opened {
            return Response::Answer(Answer::json(404, &json!({})));
        }
        let sockets = self.clone();
        Response::Upgrade(
            Answer::switching(&request),
            Box::new(move |stream, early| {
                let socket = WebSocket::from_partially_read(stream, early, Role::Server, None);
                lock(&sockets.0.state).waiting.push_back(Socket { request, socket });
                sockets.0.opened.notify_all();
            }),
        )
    }

    /// The next that was opened, waited for.
    pub(super) fn next(&self, timeout: Duration) -> Option<Socket> {
        let none = |state: &mut State| state.waiting.is_empty();
        let waited = self.0.opened.wait_timeout_while(lock(&self.0.state), timeout, none);
        waited.unwrap_or_else(PoisonError::into_inner).0.waiting.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        lock(&self.0.state).waiting.is_empty()
    }
}
