//! A real HTTP server, with live sockets if a test wants them, that answers as a test tells it, for what no well-behaved server would say.
//!
//! One thread, one request a connection. It keeps what it was asked, and tests wait for that, not for time.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

use super::SOON;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// Such as `/_sync/push`.
    pub path: String,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Received {
    /// The body. Panics unless it is exactly one JSON value.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a request's body is one JSON value")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The last part of the path: `push`, `pull` or `snapshot`.
    pub fn endpoint(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

/// What the server says.
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// How many bytes of the body are sent before the connection is closed; all, if none.
    cut: Option<usize>,
    /// The connection is closed without a word.
    silent: bool,
}

impl Answer {
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("Content-Type", content_type.to_owned())];
        Self { status, headers, body: body.into(), cut: None, silent: false }
    }

    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    pub fn ok(body: &Value) -> Self {
        Self::json(200, body)
    }

    /// No answer: the connection is closed.
    pub fn none() -> Self {
        Self { silent: true, ..Self::new(200, "", "") }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Compressed, and said to be.
    pub fn gzip(self) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&self.body).unwrap();
        Self { body: encoder.finish().unwrap(), ..self.with("Content-Encoding", "gzip") }
    }

    /// The connection is closed in the middle of the body.
    pub fn cut_after(self, bytes: usize) -> Self {
        Self { cut: Some(bytes), ..self }
    }

    fn write(&self, mut stream: impl Write) -> io::Result<()> {
        if self.silent {
            return Ok(());
        }
        let length = self.body.len();
        let mut head =
            format!("HTTP/1.1 {} X\r\nContent-Length: {length}\r\nConnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes())?;
        stream.write_all(&self.body[..self.cut.unwrap_or(length)])?;
        stream.flush()
    }
}

/// The server. Dropping it frees its port.
pub struct Scripted {
    address: SocketAddr,
    seen: Arc<Seen>,
    thread: Option<JoinHandle<()>>,
}

/// A live socket, from the server's side. Dropping it closes its connection.
pub struct Socket {
    pub request: Received,
    socket: WebSocket<TcpStream>,
}

impl Socket {
    fn open(request: Received, mut stream: TcpStream) -> io::Result<Self> {
        let accept = derive_accept_key(request.header("sec-websocket-key").unwrap_or_default().as_bytes());
        write!(
            stream,
            "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        )?;
        Ok(Self { request, socket: WebSocket::from_raw_socket(stream, Role::Server, None) })
    }

    pub fn send(&mut self, data: &Value) {
        let text = json!({"topic": "sync:user:1", "data": data}).to_string();
        self.socket.send(Message::text(text)).expect("the client listens");
    }

    /// Waits for the subscription, and acknowledges it.
    pub fn acknowledge(&mut self) {
        let subscribe = self.socket.read().expect("a subscription").into_text().unwrap();
        assert_eq!(serde_json::from_str::<Value>(&subscribe).unwrap()["topic"], "sync:user:1");
        self.send(&json!({"type": "ack", "ref": "1"}));
    }

    pub fn hint(&mut self, cursor: u64) {
        self.send(&json!({"cursor": cursor}));
    }

    /// Waits until the client has closed it.
    pub fn wait_for_end(&mut self) {
        while self.socket.read().is_ok() {}
    }
}

#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<Received>>,
    sockets: Mutex<VecDeque<Socket>>,
    /// What a request for a live socket is answered, if not with one. It is not among the requests.
    no_socket: Mutex<Option<u16>>,
    changed: Condvar,
    changed_sockets: Condvar,
    stopped: AtomicBool,
}

impl Seen {
    fn requests(&self) -> MutexGuard<'_, Vec<Received>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sockets(&self) -> MutexGuard<'_, VecDeque<Socket>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn upgrade(&self, request: Received, stream: TcpStream) {
        let refusal = *self.no_socket.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(status) = refusal {
            let _ = Answer::json(status, &json!({})).write(stream);
        } else if let Ok(socket) = Socket::open(request, stream) {
            self.sockets().push_back(socket);
            self.changed_sockets.notify_all();
        }
    }
}

impl Scripted {
    /// A server on a free port that asks `script` for each answer.
    pub fn start(script: impl FnMut(&Received) -> Answer + Send + 'static) -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").unwrap(), script)
    }

    /// The same behind a listener that is there already.
    pub fn listen(
        listener: TcpListener,
        mut script: impl FnMut(&Received) -> Answer + Send + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen { no_socket: Mutex::new(Some(404)), ..Seen::default() });
        let mine = Arc::clone(&seen);
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if mine.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(mut stream) = stream else { continue };
                // A client that was stopped opens a connection and asks nothing.
                let Ok(request) = read_request(&mut stream) else { continue };
                if request.endpoint() == "ws" {
                    mine.upgrade(request, stream);
                    continue;
                }
                let answer = script(&request);
                mine.requests().push(request);
                mine.changed.notify_all();
                // A client that was stopped does not listen either.
                let _ = answer.write(&stream);
            }
        });
        Self { address, seen, thread: Some(thread) }
    }

    /// From now on live sockets are opened.
    pub fn opens_sockets(self) -> Self {
        *self.seen.no_socket.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self
    }

    /// The next live socket that was opened, waited for.
    pub fn socket(&self) -> Socket {
        let none = |sockets: &mut VecDeque<Socket>| sockets.is_empty();
        let waited = self.seen.changed_sockets.wait_timeout_while(self.seen.sockets(), SOON, none);
        waited.unwrap_or_else(PoisonError::into_inner).0.pop_front().expect("a live socket")
    }

    /// Whether none was opened, or all were taken.
    pub fn has_no_socket(&self) -> bool {
        self.seen.sockets().is_empty()
    }

    pub fn url(&self) -> String {
        format!("http://{}/_sync", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything that it was asked.
    pub fn requests(&self) -> Vec<Received> {
        self.seen.requests().clone()
    }

    /// The bodies of the requests to one endpoint.
    pub fn bodies(&self, endpoint: &str) -> Vec<Value> {
        let requests = self.requests();
        requests.iter().filter(|request| request.endpoint() == endpoint).map(Received::json).collect()
    }

    pub fn count(&self, endpoint: &str) -> usize {
        self.requests().iter().filter(|request| request.endpoint() == endpoint).count()
    }

    /// Waits until what it was asked satisfies `enough`.
    pub fn wait_until(&self, what: &str, enough: impl Fn(&[Received]) -> bool) {
        let waited = self.seen.changed.wait_timeout_while(self.seen.requests(), SOON, |all| !enough(all));
        let (requests, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!timeout.timed_out(), "no {what} among {} requests", requests.len());
    }

    /// Waits until an endpoint was asked this often.
    pub fn wait_for(&self, endpoint: &str, times: usize) {
        self.wait_until(endpoint, |all| {
            all.iter().filter(|request| request.endpoint() == endpoint).count() >= times
        });
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.seen.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread, which then sees that it is to stop.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !thread::panicking()
        {
            panic!("the script panicked");
        }
    }
}

fn read_request(stream: &mut TcpStream) -> io::Result<Received> {
    stream.set_read_timeout(Some(SOON))?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let head = String::from_utf8(head).expect("a request's head is text");
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    let headers: Vec<_> = lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let mut request = Received { path, headers, body: Vec::new() };
    let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    request.body.resize(length, 0);
    stream.read_exact(&mut request.body)?;
    Ok(request)
}

/// Asks without a client, byte for byte.
pub fn post(address: SocketAddr, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let status = String::from_utf8_lossy(&answer[9..12]).parse().unwrap();
    (status, answer.split_off(end))
}
