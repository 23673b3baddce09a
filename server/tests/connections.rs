//! Clients that hold connections and do nothing with them.

#![allow(clippy::unwrap_used, reason = "a test that fails there says why")]

mod support;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mizu_sync_server::{
    Crud, Failure, MutationContext, Mutator, Server, ServerLimits, ServerOptions, Service,
};
use serde_json::json;
use support::{Ask as _, HttpAnswer, create, http, http_receive, http_send, mutation, service, service_with};

const SHORT: Duration = Duration::from_millis(50);
/// No limit that a test waits for.
const LONG: Duration = Duration::from_secs(600);
const HALF_A_HEAD: &[u8] = b"POST /_sync/pull HTTP/1.1\r\nhost: t\r\ncontent-le";
const HALF_A_BODY: &[u8] = b"POST /_sync/pull HTTP/1.1\r\nhost: t\r\ncontent-length: 18\r\n\r\n{\"scope\":";

fn patient() -> ServerLimits {
    ServerLimits { head: LONG, idle: LONG, body: LONG, answer: LONG, ..Default::default() }
}

fn start(service: Service, limits: ServerLimits) -> (Server, Arc<Service>) {
    let service = Arc::new(service);
    let options = ServerOptions { limits, ..ServerOptions::loopback(Arc::clone(&service)) };
    (Server::start(options).unwrap(), service)
}

fn connect(server: &Server, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server.local_addr()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(bytes).unwrap();
    stream
}

/// Waits until the server closes; what came before.
fn rest(mut stream: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Closed with something unread, it is reset.
    if let Err(error) = stream.read_to_end(&mut bytes) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    bytes
}

/// Asks on a connection that stays open.
fn ask(mut stream: &TcpStream) -> u16 {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: t\r\n\r\n").unwrap();
    http_receive(stream.try_clone().unwrap()).status
}

fn health(address: SocketAddr) -> HttpAnswer {
    http(address, "GET /healthz", &[], b"")
}

/// A mutator that says when it has begun and waits until it may go on.
struct Gate {
    begun: Sender<()>,
    go_on: Mutex<Receiver<()>>,
}

impl Mutator for Gate {
    fn apply(&self, context: &mut MutationContext<'_>) -> Result<(), Failure> {
        self.begun.send(()).unwrap();
        self.go_on.lock().unwrap().recv().unwrap();
        Crud.apply(context)
    }
}

fn gate() -> (Gate, Receiver<()>, Sender<()>) {
    let (begun, has_begun) = channel();
    let (go_on, may_go_on) = channel();
    (Gate { begun, go_on: Mutex::new(may_go_on) }, has_begun, go_on)
}

#[test]
fn a_connection_on_which_no_request_comes_is_closed() {
    let (server, _) = start(service(), ServerLimits { head: SHORT, ..patient() });
    for bytes in [b"", HALF_A_HEAD] {
        assert_eq!(rest(connect(&server, bytes)), b"");
    }
}

#[test]
fn a_connection_that_is_idle_after_an_answer_is_closed() {
    let (server, _) = start(service(), ServerLimits { idle: SHORT, ..patient() });
    let connection = connect(&server, b"");
    assert_eq!(ask(&connection), 200);
    assert_eq!(rest(connection), b"");
}

#[test]
fn a_body_that_takes_too_long_is_408() {
    let (server, _) = start(service(), ServerLimits { body: SHORT, ..patient() });
    assert_eq!(http_receive(connect(&server, HALF_A_BODY)).status, 408);
}

#[test]
fn an_answer_that_nobody_takes_is_given_up() {
    let (server, service) = start(service(), ServerLimits { answer: SHORT, stop: LONG, ..patient() });
    // More than the system's buffers hold.
    let data = "x".repeat(500 * 1024);
    for number in 0..40 {
        let id = number.to_string();
        service.push(&[mutation(&id, "t.create", json!({ "id": id, "data": { "x": data } }))]);
    }
    let mut connection =
        http_send(server.local_addr(), "POST /_sync/snapshot", &[], br#"{"scope":"user:1"}"#);
    let mut first = [0; 15];
    connection.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    // A stop waits for what is under way.
    server.stop();
    assert!(rest(connection).len() < 40 * data.len());
}

#[test]
fn connections_without_a_request_lock_nobody_out() {
    let (server, _) = start(service(), ServerLimits { connections: 10, ..patient() });
    let mut idle: Vec<TcpStream> = (0..50).map(|_| connect(&server, HALF_A_HEAD)).collect();
    assert_eq!(health(server.local_addr()).status, 200);
    idle.extend((0..50).map(|_| connect(&server, b"")));
    assert_eq!(health(server.local_addr()).status, 200);
}

#[test]
fn connections_with_half_a_body_lock_nobody_out() {
    let (server, _) = start(service(), ServerLimits { connections: 10, ..patient() });
    let _stalled: Vec<TcpStream> = (0..50).map(|_| connect(&server, HALF_A_BODY)).collect();
    assert_eq!(health(server.local_addr()).status, 200);
}

#[test]
fn who_is_worked_for_keeps_its_place_and_a_newcomer_is_refused_at_once() {
    let (gate, begun, go_on) = gate();
    let (server, service) = start(service_with(gate), ServerLimits { connections: 1, ..patient() });
    let body = json!({ "mutations": [create("a")] }).to_string();
    let worked_for = http_send(server.local_addr(), "POST /_sync/push", &[], body.as_bytes());
    begun.recv().unwrap();
    assert_eq!(rest(connect(&server, b"")), b"");
    go_on.send(()).unwrap();
    assert_eq!(http_receive(worked_for).status, 200);
    assert_eq!(service.pull(0).changes().len(), 1);
}

#[test]
fn a_stop_closes_connections_without_a_whole_head_at_once() {
    let (server, _) = start(service(), ServerLimits { stop: LONG, ..patient() });
    let mut connections: Vec<TcpStream> = (0..100).map(|_| connect(&server, HALF_A_HEAD)).collect();
    connections.extend((0..100).map(|_| connect(&server, b"")));
    assert_eq!(ask(&connections[150]), 200);
    server.stop();
    for connection in connections {
        assert_eq!(rest(connection), b"");
    }
}
