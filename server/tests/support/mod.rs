//! What the tests share: a clock that can be set, requests in a line, a bare HTTP client.

#![allow(clippy::needless_pass_by_value, clippy::unwrap_used, reason = "test code")]
#![allow(dead_code, unreachable_pub, reason = "each program uses a part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use mizu_sync_server::{Endpoint, Environment, Mutator, Reply, Request, Service, ServiceOptions};
use serde_json::{Value, json};

pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);
pub const SCOPE: &str = "user:1";

/// A clock that stands still until it is moved, and tags that count up from a seed.
pub struct TestEnvironment {
    now: Mutex<SystemTime>,
    tag: AtomicU64,
}

impl TestEnvironment {
    pub fn new(seed: u64) -> Arc<Self> {
        let now = SystemTime::UNIX_EPOCH + DAY * 20_000;
        Arc::new(Self { now: Mutex::new(now), tag: AtomicU64::new(seed << 32) })
    }

    pub fn advance(&self, by: Duration) {
        *self.now.lock().unwrap() += by;
    }
}

impl Environment for TestEnvironment {
    fn now(&self) -> SystemTime {
        *self.now.lock().unwrap()
    }

    fn random(&self) -> u64 {
        self.tag.fetch_add(1, Ordering::Relaxed)
    }
}

pub fn service() -> Service {
    Service::in_memory(ServiceOptions::default()).unwrap()
}

pub fn service_with(mutator: impl Mutator + 'static) -> Service {
    Service::in_memory(ServiceOptions { mutator: Arc::new(mutator), ..Default::default() }).unwrap()
}

/// A reply with its body parsed.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
    pub reply: Reply,
}

impl Answer {
    pub fn results(&self) -> &Vec<Value> {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body["results"].as_array().unwrap()
    }

    pub fn changes(&self) -> &Vec<Value> {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body["changes"].as_array().unwrap()
    }

    pub fn grown_scopes(&self) -> Vec<&str> {
        self.reply.grown.iter().map(|(scope, _)| scope.as_str()).collect()
    }

    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or("")
    }

    /// `cursor:tag` of a pull's or snapshot's answer.
    pub fn position(&self) -> String {
        let cursor = self.body.get("next_cursor").unwrap_or(&self.body["cursor"]);
        format!("{cursor}:{}", self.body["tag"].as_str().unwrap())
    }
}

/// `cursor:tag` of a push's result.
pub fn position(result: &Value) -> String {
    format!("{}:{}", result["cursor"], result["tag"].as_str().unwrap())
}

/// Requests to a service, in the extended form unless told otherwise.
pub trait Ask {
    fn ask(&self, request: &Request<'_>) -> Answer;

    fn send(&self, endpoint: Endpoint, extended: bool, log: Option<&str>, body: &Value) -> Answer {
        let body = body.to_string();
        self.ask(&Request { endpoint, extended, log, token: None, body: body.as_bytes() })
    }

    fn push(&self, mutations: &[Value]) -> Answer {
        self.send(Endpoint::Push, true, None, &json!({ "mutations": mutations }))
    }

    fn push_knowing(&self, log: &str, mutations: &[Value]) -> Answer {
        self.send(Endpoint::Push, true, Some(log), &json!({ "mutations": mutations }))
    }

    fn push_plain(&self, mutations: &[Value]) -> Answer {
        self.send(Endpoint::Push, false, None, &json!({ "mutations": mutations }))
    }

    fn pull(&self, cursor: u64) -> Answer {
        self.send(Endpoint::Pull, true, None, &json!({ "scope": SCOPE, "cursor": cursor }))
    }

    fn pull_knowing(&self, log: &str) -> Answer {
        let cursor: u64 = log.split(':').next().unwrap().parse().unwrap();
        self.send(Endpoint::Pull, true, Some(log), &json!({ "scope": SCOPE, "cursor": cursor }))
    }

    fn snapshot(&self) -> Answer {
        self.send(Endpoint::Snapshot, true, None, &json!({ "scope": SCOPE }))
    }
}

impl Ask for Service {
    fn ask(&self, request: &Request<'_>) -> Answer {
        let reply = self.handle(request);
        let body = serde_json::from_slice(&reply.body).unwrap();
        Answer { status: reply.status, body, reply }
    }
}

pub fn mutation(id: &str, name: &str, args: Value) -> Value {
    json!({ "id": id, "name": name, "scope": SCOPE, "args": args })
}

/// Creates the todo `id`, as the mutation `m-<id>`.
pub fn create(id: &str) -> Value {
    mutation(&format!("m-{id}"), "todo.create", json!({ "id": id, "data": { "title": id } }))
}

/// What came back over a socket.
pub struct HttpAnswer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl HttpAnswer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Sends a request, and leaves the connection open.
pub fn http_send(address: SocketAddr, start: &str, headers: &[(&str, &str)], body: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut head = format!("{start} HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    // The server may have answered and closed before it has read all.
    let _ = stream.write_all(body);
    stream
}

pub fn http_receive(stream: TcpStream) -> HttpAnswer {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let status = line.split(' ').nth(1).unwrap_or_else(|| panic!("no status in {line:?}")).parse().unwrap();
    let mut headers = Vec::new();
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.push((name.to_owned(), value.to_owned()));
    }
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map(|(_, value)| value.parse().unwrap());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).unwrap();
    HttpAnswer { status, headers, body }
}

pub fn http(address: SocketAddr, start: &str, headers: &[(&str, &str)], body: &[u8]) -> HttpAnswer {
    http_receive(http_send(address, start, headers, body))
}
