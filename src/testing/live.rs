//! Hints over WebSockets: who has subscribed to a scope is told when its log has grown.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read, Write};
use std::mem;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mizu_sync_protocol::Cursor;
use serde::Deserialize;
use serde_json::json;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Message, WebSocket};

use super::http::{Answer, Received};
use super::lock;

/// How long a client may let a hint wait.
const PATIENCE: Duration = Duration::from_secs(1);
/// The protocol's limit on a message.
const MAX_MESSAGE: usize = 1024 * 1024;

/// All sockets of a server.
#[derive(Default)]
pub struct Live(Mutex<State>);

#[derive(Default)]
struct State {
    refusing: bool,
    silent: Arc<AtomicBool>,
    next: u64,
    sockets: HashMap<u64, Socket>,
}

struct Socket {
    writer: WebSocket<Half>,
    scopes: HashSet<String>,
}

/// What a client says.
#[derive(Deserialize)]
struct Frame {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    topic: String,
    #[serde(default, rename = "ref")]
    reference: serde_json::Value,
}

impl Live {
    /// Whether sockets are taken at all; if not, those that are open are closed.
    pub fn take(&self, take: bool) {
        lock(&self.0).refusing = !take;
        lock(&self.0).silent.store(false, Ordering::SeqCst);
        if !take {
            self.drop_all();
        }
    }

    /// From now on nothing is said, and nothing is answered.
    pub fn silence(&self) {
        lock(&self.0).silent.store(true, Ordering::SeqCst);
    }

    /// Hangs up on everybody.
    pub fn drop_all(&self) {
        for (_, socket) in lock(&self.0).sockets.drain() {
            // One that the client has closed is closed.
            let _ = socket.writer.get_ref().stream.shutdown(Shutdown::Both);
        }
    }

    /// Ends all subscriptions of a scope.
    pub fn unsubscribe(&self, scope: &str) {
        for socket in lock(&self.0).sockets.values_mut() {
            socket.scopes.remove(scope);
        }
    }

    /// How many sockets have subscribed to a scope.
    pub fn subscribers(&self, scope: &str) -> usize {
        lock(&self.0).sockets.values().filter(|socket| socket.scopes.contains(scope)).count()
    }

    /// Tells those who have subscribed that the log of a scope has grown.
    pub fn hint(&self, scope: &str, cursor: Cursor) {
        let text = json!({ "topic": topic(scope), "data": { "cursor": cursor } }).to_string();
        let mut state = lock(&self.0);
        // Who has gone, or does not listen, needs no hint.
        state.sockets.retain(|_, socket| {
            !socket.scopes.contains(scope) || socket.writer.send(Message::text(text.clone())).is_ok()
        });
    }

    /// The answer to a request for a socket; only one of 101 makes it one.
    pub fn accept(&self, request: &Received) -> Answer {
        if lock(&self.0).refusing {
            return Answer::new(500, "text/plain", "webserver doesn't support hijacking");
        }
        Answer::switching(request)
    }

    /// Serves a socket until it ends. `allows` says who may subscribe to which scope.
    pub fn serve(
        &self,
        stream: &TcpStream,
        early: Vec<u8>,
        allows: impl Fn(&str) -> bool,
        subscribed: impl Fn(),
    ) -> io::Result<()> {
        let silent = Arc::clone(&lock(&self.0).silent);
        // Nobody waits for a client that does not read: its socket ends.
        stream.set_write_timeout(Some(PATIENCE))?;
        let out = Arc::new(Mutex::new(stream.try_clone()?));
        let half =
            |stream| Half { stream, out: Arc::clone(&out), waiting: Vec::new(), silent: Arc::clone(&silent) };
        let config = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE));
        let (reading, writing) = (half(stream.try_clone()?), half(stream.try_clone()?));
        let mut reader = WebSocket::from_partially_read(reading, early, Role::Server, Some(config));
        let writer = WebSocket::from_raw_socket(writing, Role::Server, Some(config));
        let number = {
            let mut state = lock(&self.0);
            state.next += 1;
            let number = state.next;
            state.sockets.insert(number, Socket { writer, scopes: HashSet::new() });
            number
        };
        // Answers pings by itself.
        while let Ok(message) = reader.read() {
            let Message::Text(text) = message else { continue };
            let Ok(Frame { kind, topic, reference }) = serde_json::from_str(&text) else { continue };
            let Some(scope) = topic.strip_prefix("sync:") else { continue };
            match kind.as_str() {
                "subscribe" if allows(scope) => {
                    // Both under one lock: a hint comes after the ack.
                    if let Some(socket) = lock(&self.0).sockets.get_mut(&number) {
                        let ack = json!({ "topic": topic, "data": { "type": "ack", "ref": reference } });
                        let _ = socket.writer.send(Message::text(ack.to_string()));
                        socket.scopes.insert(scope.to_owned());
                    }
                    subscribed();
                }
                "unsubscribe" => {
                    if let Some(socket) = lock(&self.0).sockets.get_mut(&number) {
                        socket.scopes.remove(scope);
                    }
                }
                _ => {}
            }
        }
        lock(&self.0).sockets.remove(&number);
        Ok(())
    }
}

fn topic(scope: &str) -> String {
    format!("sync:{scope}")
}

/// One of two ends of a connection's own side: one reads and answers pings, the other writes hints. What each says
/// goes out in whole frames.
struct Half {
    stream: TcpStream,
    out: Arc<Mutex<TcpStream>>,
    waiting: Vec<u8>,
    silent: Arc<AtomicBool>,
}

impl Read for Half {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}

impl Write for Half {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let frames = mem::take(&mut self.waiting);
        if self.silent.load(Ordering::SeqCst) {
            return Ok(());
        }
        lock(&self.out).write_all(&frames)
    }
}
