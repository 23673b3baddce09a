//! The live socket behind a real one: who is let in, what ends it, and that it is in nobody's way.

#![allow(clippy::unwrap_used, reason = "a test that fails there says why")]

mod support;
#[path = "support/websocket.rs"]
mod websocket;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use mizu_sync_server::{
    Auth, Environment as _, OpenAuth, Server, ServerLimits, ServerOptions, Service, ServiceOptions, Session,
    TokenFile, Unauthorized,
};
use serde_json::{Value, json};
use support::{Ask as _, SCOPE, TestEnvironment, create, http, http_send, service};
use tokio_tungstenite::tungstenite::{Bytes, Message};
use websocket::Socket;

const SHORT: Duration = Duration::from_millis(50);
/// No limit that a test waits for.
const LONG: Duration = Duration::from_secs(600);

fn start(service: Service, limits: ServerLimits) -> (Server, Arc<Service>) {
    let service = Arc::new(service);
    let options = ServerOptions { limits, ..ServerOptions::loopback(Arc::clone(&service)) };
    (Server::start(options).unwrap(), service)
}

fn patient() -> ServerLimits {
    ServerLimits { head: LONG, idle: LONG, answer: LONG, ping: LONG, silence: LONG, ..Default::default() }
}

fn ack(scope: &str) -> Value {
    json!({ "topic": format!("sync:{scope}"), "data": { "type": "ack", "ref": "1" } })
}

fn hint(cursor: u64) -> String {
    json!({ "topic": "sync:user:1", "data": { "cursor": cursor } }).to_string()
}

fn same(one: &str, other: &str) -> bool {
    let parse = |text| serde_json::from_str::<Value>(text).unwrap();
    parse(one) == parse(other)
}

/// Waits for something that another thread brings about.
fn until(holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "it never holds");
        std::thread::yield_now();
    }
}

fn sockets(service: &Service, count: usize) -> bool {
    service.metrics().contains(&format!("mizu_live_sockets {count}\n"))
}

/// A service that knows the token `t` until it is told otherwise.
fn guarded(auth: impl Auth + 'static) -> (Service, Arc<TestEnvironment>) {
    let environment = TestEnvironment::new(1);
    let options = ServiceOptions {
        auth: Arc::new(auth),
        environment: Arc::clone(&environment) as _,
        ..Default::default()
    };
    (Service::in_memory(options).unwrap(), environment)
}

const BEARER: (&str, &str) = ("authorization", "Bearer t");

#[test]
fn a_push_over_http_reaches_a_socket_as_a_hint() {
    let (server, service) = start(service(), patient());
    let mut socket = Socket::open(server.local_addr(), &[]);
    assert_eq!(socket.subscribe(SCOPE), ack(SCOPE));
    let body = json!({ "mutations": [create("a")] }).to_string();
    assert_eq!(http(server.local_addr(), "POST /_sync/push", &[], body.as_bytes()).status, 200);
    assert!(same(&socket.text(), &hint(1)));
    // In the same process, past HTTP.
    service.push(&[create("b")]);
    assert!(same(&socket.text(), &hint(2)));
}

#[test]
fn the_header_is_on_the_upgrade_if_it_was_on_the_request() {
    let (server, _) = start(service(), patient());
    let echoed = |headers: &[(&'static str, &str)]| {
        let socket = Socket::open(server.local_addr(), headers);
        socket.headers.iter().any(|(name, value)| name == "mizu-sync" && value == "1")
    };
    assert!(echoed(&[("mizu-sync", "1")]) && !echoed(&[]));
}

#[test]
fn without_a_valid_token_it_is_401_and_no_socket() {
    let tokens = TokenFile::parse(r#"[{"token":"t","principal":"p","scopes":["*"]}]"#).unwrap();
    let (service, _) = guarded(tokens);
    let (server, service) = start(service, patient());
    let upgrade = [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("mizu-sync", "1"),
    ];
    for token in [None, Some(("authorization", "Bearer wrong"))] {
        let headers: Vec<_> = upgrade.into_iter().chain(token).collect();
        let refused = http(server.local_addr(), "GET /ws", &headers, b"");
        assert_eq!((refused.status, &refused.json()["code"]), (401, &json!("unauthorized")));
        assert_eq!(refused.header("mizu-sync"), Some("1"));
    }
    assert!(sockets(&service, 0));
    assert_eq!(Socket::open(server.local_addr(), &[BEARER]).subscribe(SCOPE), ack(SCOPE));
}

#[test]
fn what_is_no_upgrade_is_426_and_looks_like_no_refusal_of_a_mutation() {
    let (server, _) = start(service(), patient());
    let old = [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "8"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    for headers in [&[][..], &old] {
        let answer = http(server.local_addr(), "GET /ws", headers, b"");
        assert_eq!((answer.status, answer.header("sec-websocket-version")), (426, Some("13")));
        assert!(serde_json::from_slice::<Value>(&answer.body).is_err());
    }
    assert_eq!(http(server.local_addr(), "POST /ws", &[], b"").status, 405);
}

#[test]
fn what_is_not_known_is_ignored_and_binary_is_read_like_text() {
    let (server, service) = start(service(), patient());
    let mut socket = Socket::open(server.local_addr(), &[]);
    socket.send("not json");
    socket.send(r#"{"topic":"x"}"#);
    socket.inner.send(Message::Binary(Bytes::from_static(&[0xFF, 0xFE]))).unwrap();
    let subscribe = br#"{"type":"subscribe","topic":"sync:user:1","ref":"ref_1"}"#;
    socket.inner.send(Message::Binary(Bytes::from_static(subscribe))).unwrap();
    let answer: Value = serde_json::from_str(&socket.text()).unwrap();
    assert_eq!((&answer["type"], &answer["ref"]), (&json!("ack"), &json!("ref_1")));
    service.push(&[create("a")]);
    let hint: Value = serde_json::from_str(&socket.text()).unwrap();
    assert_eq!((&hint["type"], &hint["data"]), (&json!("sync"), &json!({ "cursor": 1 })));
}

#[test]
fn a_socket_is_closed_when_its_token_expires() {
    let tokens = r#"[{"token":"t","principal":"p","scopes":["*"],"expires":"2024-10-04T00:00:00.02Z"}]"#;
    let (service, environment) = guarded(TokenFile::parse(tokens).unwrap());
    let left = humantime::parse_rfc3339("2024-10-04T00:00:00.02Z").unwrap();
    let left = left.duration_since(environment.now()).unwrap();
    environment.advance(left - Duration::from_millis(20));
    let (server, _) = start(service, patient());
    let mut socket = Socket::open(server.local_addr(), &[BEARER]);
    // The clock of the service stands still, and it is that clock that counts.
    assert_eq!(socket.subscribe(SCOPE), ack(SCOPE));
    environment.advance(Duration::from_millis(20));
    assert_eq!(socket.end(), (4401, "the token has expired or was revoked".to_owned()));
}

#[test]
fn after_its_token_has_expired_a_socket_gets_no_hint() {
    let tokens = r#"[{"token":"t","principal":"p","scopes":["*"],"expires":"2024-10-05T00:00:00Z"},
                     {"token":"u","principal":"p","scopes":["*"]}]"#;
    let (service, environment) = guarded(TokenFile::parse(tokens).unwrap());
    let (server, _) = start(service, patient());
    let mut socket = Socket::open(server.local_addr(), &[BEARER]);
    assert_eq!(socket.subscribe(SCOPE), ack(SCOPE));
    environment.advance(Duration::from_secs(48 * 60 * 60));
    let body = json!({ "mutations": [create("a")] }).to_string();
    let headers = [("authorization", "Bearer u")];
    assert_eq!(http(server.local_addr(), "POST /_sync/push", &headers, body.as_bytes()).status, 200);
    let message = socket.inner.read().unwrap();
    assert!(matches!(&message, Message::Close(Some(frame)) if u16::from(frame.code) == 4401), "{message}");
}

#[test]
fn a_token_that_is_revoked_ends_its_socket_at_the_next_ping() {
    struct Revocable(Arc<AtomicBool>, OpenAuth);
    impl Auth for Revocable {
        fn authenticate(
            &self,
            token: Option<&str>,
            now: SystemTime,
        ) -> Result<Box<dyn Session + '_>, Unauthorized> {
            if self.0.load(Ordering::Relaxed) { Err(Unauthorized) } else { self.1.authenticate(token, now) }
        }
    }
    let revoked = Arc::new(AtomicBool::new(false));
    let (service, _) = guarded(Revocable(Arc::clone(&revoked), OpenAuth::new()));
    let (server, _) = start(service, ServerLimits { ping: SHORT, ..patient() });
    let mut socket = Socket::open(server.local_addr(), &[BEARER]);
    assert_eq!(socket.subscribe(SCOPE), ack(SCOPE));
    revoked.store(true, Ordering::Relaxed);
    assert_eq!(socket.end().0, 4401);
}

#[test]
fn a_client_that_answers_pings_stays_and_one_that_does_not_is_closed() {
    let limits = ServerLimits { ping: SHORT, silence: SHORT * 30, ..patient() };
    let (server, _) = start(service(), limits);
    let mut silent = TcpStream::connect(server.local_addr()).unwrap();
    let head = "GET /ws HTTP/1.1\r\nhost: t\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    silent.write_all(head.as_bytes()).unwrap();
    let silent = std::thread::spawn(move || {
        let mut said = Vec::new();
        silent.read_to_end(&mut said).unwrap();
        said
    });
    let mut answering = Socket::open(server.local_addr(), &[]);
    while !silent.is_finished() {
        assert!(matches!(answering.inner.read().unwrap(), Message::Ping(_)));
    }
    assert_eq!(answering.subscribe(SCOPE), ack(SCOPE));
    // The last frame: closed, with 1008.
    let said = silent.join().unwrap();
    let reason = b"silent for too long";
    let (frame, end) = said.split_at(said.len() - reason.len());
    assert_eq!((&frame[frame.len() - 2..], end), (&1008_u16.to_be_bytes()[..], &reason[..]));
}

#[test]
fn a_client_that_takes_nothing_is_closed_and_not_buffered_for() {
    let (server, service) = start(service(), ServerLimits { answer: SHORT, ..patient() });
    let mut socket = Socket::open(server.local_addr(), &[]);
    let scopes: Vec<String> = (0..50).map(|number| format!("{number:01024}")).collect();
    for scope in &scopes {
        assert_eq!(socket.subscribe(scope), ack(scope));
    }
    let pushed = std::cell::Cell::new(0);
    // Until the system's buffers are full, and the server has waited.
    until(|| {
        pushed.set(pushed.get() + 1);
        let mutations: Vec<Value> = scopes
            .iter()
            .map(|scope| {
                let mut mutation = create(&pushed.get().to_string());
                mutation["scope"] = scope.as_str().into();
                mutation
            })
            .collect();
        service.push(&mutations);
        sockets(&service, 0)
    });
}

#[test]
fn messages_that_are_too_large_or_come_without_end_close_the_socket() {
    let (server, _) = start(service(), patient());
    let mut large = Socket::open(server.local_addr(), &[]);
    large.send(&" ".repeat(64 * 1024));
    assert_eq!(large.subscribe(SCOPE), ack(SCOPE));
    // The server may close while it is still being sent to.
    let _ = large.inner.send(Message::text(" ".repeat(64 * 1024 + 1)));
    assert_eq!(large.end().0, 1009);

    let mut many = Socket::open(server.local_addr(), &[]);
    for _ in 0..1_001 {
        if many.inner.send(Message::text("noise")).is_err() {
            break;
        }
    }
    assert_eq!(many.end(), (1008, "too many messages".to_owned()));
}

#[test]
fn what_is_no_message_of_a_websocket_closes_the_socket() {
    let (server, service) = start(service(), patient());
    let mut neighbour = Socket::open(server.local_addr(), &[]);
    neighbour.subscribe(SCOPE);
    let unmasked = b"\x81\x02{}";
    let reserved = b"\xF1\x82aaaa\x1a\x1c";
    let no_text = b"\x81\x81aaaa\x9e";
    for bytes in [&unmasked[..], reserved, no_text, b"GET / HTTP/1.1\r\n\r\n"] {
        let mut socket = Socket::open(server.local_addr(), &[]);
        socket.inner.get_mut().write_all(bytes).unwrap();
        assert_eq!(socket.end().0, 1002, "{bytes:?}");
    }
    service.push(&[create("a")]);
    assert!(same(&neighbour.text(), &hint(1)));
}

#[test]
fn a_client_that_closes_is_answered_and_leaves_nothing_behind() {
    let (server, service) = start(service(), patient());
    let mut socket = Socket::open(server.local_addr(), &[]);
    socket.subscribe(SCOPE);
    socket.close();
    assert!(sockets(&service, 0));
}

#[test]
fn a_panic_in_auth_ends_the_socket_and_nothing_else() {
    struct Broken(Mutex<usize>, OpenAuth);
    impl Auth for Broken {
        fn authenticate(
            &self,
            token: Option<&str>,
            now: SystemTime,
        ) -> Result<Box<dyn Session + '_>, Unauthorized> {
            let call = {
                let mut calls = self.0.lock().unwrap();
                *calls += 1;
                *calls
            };
            assert_ne!(call, 2, "broken on purpose");
            self.1.authenticate(token, now)
        }
    }
    let (service, _) = guarded(Broken(Mutex::new(0), OpenAuth::new()));
    let (server, service) = start(service, patient());
    let mut socket = Socket::open(server.local_addr(), &[]);
    std::panic::set_hook(Box::new(|_| {}));
    socket.send(r#"{"type":"subscribe","topic":"sync:user:1"}"#);
    let end = socket.end();
    let _ = std::panic::take_hook();
    assert_eq!(end.0, 1011);
    until(|| sockets(&service, 0));
    assert_eq!(Socket::open(server.local_addr(), &[]).subscribe(SCOPE), ack(SCOPE));
}

#[test]
fn a_stop_tells_sockets_and_does_not_wait_for_one_that_does_not_listen() {
    let (server, _) = start(service(), ServerLimits { stop: LONG, ..patient() });
    let mut listening = Socket::open(server.local_addr(), &[]);
    listening.subscribe(SCOPE);
    let mut deaf = Socket::open(server.local_addr(), &[]);
    deaf.subscribe(SCOPE);
    let idle = Socket::open(server.local_addr(), &[]);
    let stopping = std::thread::spawn(move || server.stop());
    assert_eq!(listening.end(), (1001, "the server stops".to_owned()));
    assert_eq!(idle.end().0, 1001);
    // Joined while the deaf one is still open.
    stopping.join().unwrap();
    assert_eq!(deaf.end().0, 1001);
}

fn health(address: SocketAddr) -> u16 {
    http(address, "GET /healthz", &[], b"").status
}

#[test]
fn a_live_socket_keeps_its_place_while_others_only_wait() {
    let (server, service) = start(service(), ServerLimits { connections: 4, ..patient() });
    let mut live = Socket::open(server.local_addr(), &[]);
    live.subscribe(SCOPE);
    let unused: Vec<_> = (0..20).map(|_| TcpStream::connect(server.local_addr()).unwrap()).collect();
    let half = b"{\"scope\":";
    let stalled: Vec<_> = (0..20)
        .map(|_| {
            let mut stream = TcpStream::connect(server.local_addr()).unwrap();
            stream.write_all(b"POST /_sync/pull HTTP/1.1\r\nhost: t\r\ncontent-length: 18\r\n\r\n").unwrap();
            stream.write_all(half).unwrap();
            stream
        })
        .collect();
    let kept: Vec<_> = (0..20).map(|_| http_send(server.local_addr(), "GET /healthz", &[], b"")).collect();
    assert_eq!(health(server.local_addr()), 200);
    service.push(&[create("a")]);
    assert!(same(&live.text(), &hint(1)));
    drop((unused, stalled, kept));
}

#[test]
fn where_there_are_live_sockets_only_the_one_not_heard_of_longest_makes_room() {
    let (server, service) = start(service(), ServerLimits { connections: 3, ..patient() });
    let [mut first, mut second, mut third] = [(); 3].map(|()| {
        let mut socket = Socket::open(server.local_addr(), &[]);
        socket.subscribe(SCOPE);
        socket
    });
    // The first is heard of again.
    assert_eq!(first.subscribe(SCOPE), ack(SCOPE));
    assert_eq!(health(server.local_addr()), 200);
    service.push(&[create("a")]);
    assert!(same(&first.text(), &hint(1)) && same(&third.text(), &hint(1)));
    let message = second.inner.read().unwrap();
    assert!(matches!(&message, Message::Close(Some(frame)) if u16::from(frame.code) == 1013), "{message}");
}
