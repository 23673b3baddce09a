//! Large bodies and answers that wait in memory for their client.

#![allow(clippy::unwrap_used, reason = "a test that fails there says why")]

mod support;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use mizu_sync_server::{Server, ServerLimits, ServerOptions, Service, ServiceOptions, TokenFile};
use serde_json::json;
use support::{Ask as _, HttpAnswer, create, http, http_receive, http_send, mutation, service};

const SMALL_PULL: &[u8] = br#"{"scope":"user:1"}"#;
/// Above what is not counted.
const LARGE: usize = 1024 * 1024;

fn start(service: Service, memory: usize) -> (Server, Arc<Service>) {
    let service = Arc::new(service);
    let limits = ServerLimits { memory, body: Duration::from_secs(600), ..Default::default() };
    let options = ServerOptions { limits, ..ServerOptions::loopback(Arc::clone(&service)) };
    (Server::start(options).unwrap(), service)
}

fn guarded() -> Service {
    let auth = TokenFile::parse(r#"[{"token":"t1","principal":"p","scopes":["*"]}]"#).unwrap();
    Service::in_memory(ServiceOptions { auth: Arc::new(auth), ..Default::default() }).unwrap()
}

/// A pull with so much white space that its body is large.
fn large_pull(bytes: usize) -> Vec<u8> {
    let mut body = SMALL_PULL.to_vec();
    body.resize(bytes, b' ');
    body
}

fn pull(address: SocketAddr, body: &[u8]) -> HttpAnswer {
    http(address, "POST /_sync/pull", &[], body)
}

/// Sends the head of a large pull and `sent` bytes of its body.
fn half_sent(address: SocketAddr, sent: usize) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let head = format!("POST /_sync/pull HTTP/1.1\r\nhost: t\r\ncontent-length: {}\r\n\r\n", sent + 1);
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&large_pull(sent)).unwrap();
    stream
}

/// Asks until it is answered so: nobody tells when the server has read or dropped something.
fn until(status: u16, mut ask: impl FnMut() -> HttpAnswer) -> HttpAnswer {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let answer = ask();
        if answer.status == status {
            return answer;
        }
        assert!(Instant::now() < deadline, "still {}", answer.status);
        thread::yield_now();
    }
}

#[test]
fn a_large_body_is_not_waited_for_before_its_token_is_accepted() {
    let (server, _) = start(guarded(), 0);
    for framing in ["content-length: 33554432", "transfer-encoding: chunked"] {
        let mut stream = TcpStream::connect(server.local_addr()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let head = format!("POST /_sync/push HTTP/1.1\r\nhost: t\r\nmizu-sync: 1\r\n{framing}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let answer = http_receive(stream);
        assert_eq!((answer.status, answer.header("mizu-sync")), (401, Some("1")), "{framing}");
    }
}

#[test]
fn a_large_body_with_a_token_that_is_accepted_is_read() {
    let (server, _) = start(guarded(), 64 * LARGE);
    let body = large_pull(LARGE);
    let ask = |token| http(server.local_addr(), "POST /_sync/pull", &[("authorization", token)], &body);
    assert_eq!((ask("Bearer t1").status, ask("Bearer t2").status), (200, 401));
}

#[test]
fn who_sends_all_before_it_listens_hears_why_it_is_refused_and_may_ask_again() {
    let (server, _) = start(guarded(), 64 * LARGE);
    let body = large_pull(16 * LARGE);
    let mut stream = TcpStream::connect(server.local_addr()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    for _ in 0..2 {
        let head = format!("POST /_sync/pull HTTP/1.1\r\nhost: t\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&body).unwrap();
        assert_eq!(http_receive(stream.try_clone().unwrap()).status, 401);
    }
}

#[test]
fn of_two_bodies_that_do_not_fit_together_one_is_503_until_the_other_has_gone() {
    let (server, service) = start(service(), 2 * LARGE);
    let address = server.local_addr();
    let mut stalled = vec![half_sent(address, LARGE + LARGE / 2), half_sent(address, LARGE + LARGE / 2)];
    let (answered, is_answered) = channel();
    for (number, stream) in stalled.iter().enumerate() {
        let (stream, answered) = (stream.try_clone().unwrap(), answered.clone());
        thread::spawn(move || {
            if matches!(stream.peek(&mut [0]), Ok(1)) {
                let _ = answered.send(number);
            }
        });
    }
    let refused = http_receive(stalled.remove(is_answered.recv().unwrap()));
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert_eq!(refused.json()["code"], "internal_error");
    assert_eq!(pull(address, SMALL_PULL).status, 200, "small requests go on");
    let push = json!({ "mutations": [create("a")] }).to_string();
    assert_eq!(http(address, "POST /_sync/push", &[], push.as_bytes()).status, 200);
    assert_eq!(service.pull(0).changes().len(), 1);
    // Whoever closes in the middle of its body frees its memory.
    stalled.remove(0).shutdown(Shutdown::Both).unwrap();
    until(200, || pull(address, &large_pull(2 * LARGE)));
}

#[test]
fn a_body_larger_than_the_memory_is_taken_alone() {
    let (server, _) = start(service(), LARGE);
    assert_eq!(pull(server.local_addr(), &large_pull(4 * LARGE)).status, 200);
}

#[test]
fn answers_that_are_not_read_are_503_for_others_until_the_client_goes() {
    // More than the system's buffers hold.
    let (server, service) = start(service(), 20 * LARGE);
    let address = server.local_addr();
    let data = "x".repeat(500 * 1024);
    for number in 0..40 {
        let id = number.to_string();
        service.push(&[mutation(&id, "t.create", json!({ "id": id, "data": { "x": data } }))]);
    }
    let snapshot = || http_send(address, "POST /_sync/snapshot", &[], SMALL_PULL);
    let mut unread = snapshot();
    let mut first = [0; 15];
    unread.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    let refused = http_receive(snapshot());
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    let push = json!({ "mutations": [create("a")] }).to_string();
    assert_eq!(http(address, "POST /_sync/push", &[], push.as_bytes()).status, 200);
    drop(unread);
    until(200, || http_receive(snapshot()));
}
