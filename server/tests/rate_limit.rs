//! Who asks too often is told when to come back, and is in nobody's way.

#![allow(clippy::unwrap_used, reason = "a test that fails there says why")]

mod support;
#[path = "support/websocket.rs"]
mod websocket;

use std::sync::Arc;
use std::time::Duration;

use mizu_sync_server::{RateLimit, Server, ServerOptions, Service, ServiceOptions, TokenFile};
use serde_json::{Value, json};
use support::{HttpAnswer, SCOPE, TestEnvironment, create, http};
use websocket::Socket;

const TOKENS: &str = r#"[
    {"token":"alice-1","principal":"alice","scopes":["*"]},
    {"token":"alice-2","principal":"alice","scopes":["*"]},
    {"token":"bob","principal":"bob","scopes":["*"]}
]"#;
const SECOND: Duration = Duration::from_secs(1);

fn start(rate: RateLimit) -> (Server, Arc<TestEnvironment>) {
    let environment = TestEnvironment::new(1);
    let auth = Arc::new(TokenFile::parse(TOKENS).unwrap());
    let options = ServiceOptions { auth, environment: Arc::clone(&environment) as _, ..Default::default() };
    let service = Arc::new(Service::in_memory(options).unwrap());
    let options = ServerOptions { rate_limit: Some(rate), ..ServerOptions::loopback(service) };
    (Server::start(options).unwrap(), environment)
}

fn post(server: &Server, endpoint: &str, token: &str, body: &Value) -> HttpAnswer {
    let token = format!("Bearer {token}");
    let headers = [("authorization", token.as_str()), ("mizu-sync", "1")];
    http(server.local_addr(), &format!("POST /_sync/{endpoint}"), &headers, body.to_string().as_bytes())
}

fn pull(server: &Server, token: &str) -> HttpAnswer {
    post(server, "pull", token, &json!({ "scope": SCOPE }))
}

fn upgrade(server: &Server, token: &str) -> HttpAnswer {
    let token = format!("Bearer {token}");
    let headers = [
        ("authorization", token.as_str()),
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    http(server.local_addr(), "GET /ws", &headers, b"")
}

#[test]
fn who_asks_too_often_is_told_when_to_come_back_and_comes_back() {
    let (server, environment) = start(RateLimit::per_second(2).unwrap());
    for _ in 0..20 {
        assert_eq!(pull(&server, "alice-1").status, 200);
    }
    let push = json!({ "mutations": [create("a")] });
    let bodies =
        [("push", &push), ("pull", &json!({ "scope": SCOPE })), ("snapshot", &json!({ "scope": SCOPE }))];
    for (endpoint, body) in bodies {
        let refused = post(&server, endpoint, "alice-1", body);
        assert_eq!((refused.status, &refused.json()["code"]), (429, &json!("too_many")));
        assert_eq!((refused.header("retry-after"), refused.header("mizu-sync")), (Some("1"), Some("1")));
    }
    assert_eq!(upgrade(&server, "alice-1").status, 429);
    environment.advance(SECOND);
    assert_eq!(post(&server, "push", "alice-1", &push).json()["results"][0]["ok"], true);
    assert_eq!(pull(&server, "alice-1").status, 200);
    assert_eq!(pull(&server, "alice-1").status, 429);
}

#[test]
fn a_user_is_one_by_whatever_token_and_in_nobodys_way() {
    let (server, _) = start(RateLimit::per_second(1).unwrap());
    for _ in 0..5 {
        assert_eq!((pull(&server, "alice-1").status, pull(&server, "alice-2").status), (200, 200));
    }
    assert_eq!((pull(&server, "alice-1").status, pull(&server, "alice-2").status), (429, 429));
    assert_eq!(pull(&server, "bob").status, 200);
    let mut socket = Socket::open(server.local_addr(), &[("authorization", "Bearer bob")]);
    assert_eq!(socket.subscribe(SCOPE)["data"]["type"], "ack");
}

#[test]
fn whom_no_token_lets_in_is_counted_by_address() {
    let (server, _) = start(RateLimit::per_second(1).unwrap());
    for number in 0..10 {
        assert_eq!(pull(&server, &format!("guess-{number}")).status, 401);
    }
    assert_eq!((pull(&server, "guess").status, upgrade(&server, "guess").status), (429, 429));
    assert_eq!(pull(&server, "bob").status, 200);
}

#[test]
fn a_request_with_a_large_body_counts_once_and_is_refused_before_its_body_is_read() {
    let (server, _) = start(RateLimit::per_second(1).unwrap());
    let large = json!({ "scope": SCOPE, "padding": "x".repeat(100_000) });
    for _ in 0..10 {
        assert_eq!(post(&server, "pull", "bob", &large).status, 200);
    }
    assert_eq!(post(&server, "pull", "bob", &large).status, 429);
}

#[test]
fn a_queue_of_20000_mutations_is_not_slowed_by_the_default() {
    let (server, _) = start(RateLimit::DEFAULT);
    // The clock stands still: no token comes back meanwhile.
    for batch in 0..200 {
        let mutations: Vec<Value> = (0..100).map(|number| create(&format!("{batch}-{number}"))).collect();
        assert_eq!(post(&server, "push", "bob", &json!({ "mutations": mutations })).status, 200);
        assert_eq!(pull(&server, "bob").status, 200);
    }
}
