//! The service behind real sockets.

#![allow(clippy::unwrap_used, reason = "a test that fails there says why")]

mod support;

use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use flate2::read::GzDecoder;
use mizu_sync_server::{
    Auth, Crud, Failure, MutationContext, Mutator, Server, ServerError, ServerOptions, Service,
    ServiceOptions, Session, TokenFile, Unauthorized,
};
use serde_json::{Value, json};
use support::{Ask as _, HttpAnswer, SCOPE, create, http, http_receive, http_send, service, service_with};

const EXTENDED: (&str, &str) = ("mizu-sync", "1");

/// Generic mutations, each slow.
struct Slow;

impl Mutator for Slow {
    fn apply(&self, context: &mut MutationContext<'_>) -> Result<(), Failure> {
        thread::sleep(Duration::from_millis(300));
        Crud.apply(context)
    }
}

fn start(service: Service) -> (Server, Arc<Service>) {
    let service = Arc::new(service);
    (Server::start(ServerOptions::loopback(Arc::clone(&service))).unwrap(), service)
}

fn push(address: SocketAddr, headers: &[(&str, &str)], mutations: &[Value]) -> HttpAnswer {
    let body = json!({ "mutations": mutations }).to_string();
    http(address, "POST /_sync/push", headers, body.as_bytes())
}

fn pull(address: SocketAddr, headers: &[(&str, &str)]) -> HttpAnswer {
    http(address, "POST /_sync/pull", headers, json!({ "scope": SCOPE }).to_string().as_bytes())
}

#[test]
fn the_header_is_on_the_answer_if_it_was_on_the_request() {
    let (server, _) = start(service());
    let address = server.local_addr();
    assert_eq!(push(address, &[EXTENDED], &[create("a")]).header("mizu-sync"), Some("1"));
    assert_eq!(push(address, &[], &[create("a")]).header("mizu-sync"), None);
    let refused = push(address, &[EXTENDED], &[]);
    assert_eq!((refused.status, refused.header("mizu-sync")), (400, Some("1")));
}

#[test]
fn answers_are_json() {
    let (server, _) = start(service());
    for answer in [pull(server.local_addr(), &[]), push(server.local_addr(), &[], &[])] {
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert!(answer.json().is_object());
    }
}

#[test]
fn mizu_log_reaches_the_service() {
    let (server, _) = start(service());
    let answer = pull(server.local_addr(), &[EXTENDED, ("mizu-log", "9:beef")]);
    assert_eq!((answer.status, &answer.json()["code"]), (410, &json!("log_changed")));
}

#[test]
fn a_mizu_log_that_is_no_ascii_is_malformed_and_not_absent() {
    let (server, _) = start(service());
    let answer = pull(server.local_addr(), &[EXTENDED, ("mizu-log", "0:é")]);
    assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("invalid_mutation")));
    assert_eq!(
        pull(server.local_addr(), &[("mizu-log", "0:é")]).status,
        200,
        "the plain form has no such header"
    );
}

#[test]
fn the_bearer_token_reaches_auth() {
    let auth = TokenFile::parse(r#"[{"token":"t1","principal":"p","scopes":["*"]}]"#).unwrap();
    let options = ServiceOptions { auth: Arc::new(auth), ..Default::default() };
    let (server, _) = start(Service::in_memory(options).unwrap());
    let status = |value: &str| pull(server.local_addr(), &[("authorization", value)]).status;
    assert_eq!((status("Bearer t1"), status("bearer t1")), (200, 200));
    assert_eq!((status("Bearer t2"), status("Basic t1"), status("t1")), (401, 401, 401));
    assert_eq!(pull(server.local_addr(), &[]).status, 401);
}

#[test]
fn a_large_answer_is_gzip_where_it_is_accepted() {
    let (server, service) = start(service());
    let batch: Vec<Value> = (0..100).map(|number| create(&format!("t{number}"))).collect();
    service.push(&batch);
    let compressed = pull(server.local_addr(), &[("accept-encoding", "gzip")]);
    assert_eq!(compressed.header("content-encoding"), Some("gzip"));
    let mut body = Vec::new();
    GzDecoder::new(compressed.body.as_slice()).read_to_end(&mut body).unwrap();
    let identity = pull(server.local_addr(), &[]);
    assert_eq!(identity.header("content-encoding"), None);
    assert!(body == identity.body && compressed.body.len() < body.len() / 2);
}

#[test]
fn a_small_answer_is_not_compressed() {
    let (server, _) = start(service());
    assert_eq!(pull(server.local_addr(), &[("accept-encoding", "gzip")]).header("content-encoding"), None);
}

#[test]
fn a_busy_database_sends_retry_after() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.db");
    let options = ServiceOptions { busy_timeout: Duration::from_millis(10), ..Default::default() };
    let (server, _) = start(Service::open(&path, options).unwrap());
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let answer = push(server.local_addr(), &[], &[create("a")]);
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
}

#[test]
fn a_body_above_32_mib_is_413() {
    let (server, _) = start(service());
    let body = vec![b' '; 32 * 1024 * 1024 + 1];
    let answer = http(server.local_addr(), "POST /_sync/push", &[EXTENDED], &body);
    assert_eq!((answer.status, &answer.json()["code"]), (413, &json!("too_large")));
}

#[test]
fn a_wrong_path_or_method_looks_like_no_refusal_of_a_mutation() {
    let (server, _) = start(service());
    let missing = http(server.local_addr(), "POST /elsewhere/push", &[], b"{}");
    let wrong = http(server.local_addr(), "GET /_sync/push", &[], b"");
    assert_eq!((missing.status, wrong.status), (404, 405));
    for answer in [missing, wrong] {
        assert!(serde_json::from_slice::<Value>(&answer.body).is_err());
    }
}

#[test]
fn health_is_told_under_the_base_and_at_the_root() {
    let (server, _) = start(service());
    for path in ["GET /healthz", "GET /_sync/healthz"] {
        let answer = http(server.local_addr(), path, &[], b"");
        assert_eq!((answer.status, answer.json()), (200, json!({ "ok": true })));
    }
}

#[test]
fn the_base_may_be_empty_and_must_be_a_path() {
    let service = Arc::new(service());
    let with = |base: &str| {
        Server::start(ServerOptions {
            base: base.to_owned(),
            ..ServerOptions::loopback(Arc::clone(&service))
        })
    };
    for (base, path) in [("", "/pull"), ("/", "/pull"), ("/a/b/", "/a/b/pull")] {
        let server = with(base).unwrap();
        let body = json!({ "scope": SCOPE }).to_string();
        assert_eq!(http(server.local_addr(), &format!("POST {path}"), &[], body.as_bytes()).status, 200);
        assert_eq!(format!("{}/pull", server.url()), format!("http://{}{path}", server.local_addr()));
    }
    for base in ["_sync", "/{x}", "/a b", "/a?b"] {
        assert!(matches!(with(base), Err(ServerError::Base(_))), "{base}");
    }
}

#[test]
fn a_panic_in_auth_is_500_and_the_server_goes_on() {
    struct Broken;
    impl Auth for Broken {
        fn authenticate(
            &self,
            token: Option<&str>,
            now: SystemTime,
        ) -> Result<Box<dyn Session + '_>, Unauthorized> {
            assert!(token.is_none(), "broken on purpose");
            let open: &'static mizu_sync_server::OpenAuth = Box::leak(Box::default());
            open.authenticate(token, now)
        }
    }
    let options = ServiceOptions { auth: Arc::new(Broken), ..Default::default() };
    let (server, _) = start(Service::in_memory(options).unwrap());
    std::panic::set_hook(Box::new(|_| {}));
    let failed = pull(server.local_addr(), &[EXTENDED, ("authorization", "Bearer x")]);
    let _ = std::panic::take_hook();
    assert_eq!((failed.status, &failed.json()["code"]), (500, &json!("internal_error")));
    assert_eq!(pull(server.local_addr(), &[]).status, 200);
}

#[test]
fn a_batch_whose_connection_closed_is_finished() {
    let (server, service) = start(service_with(Slow));
    let body = json!({ "mutations": [create("a"), create("b")] }).to_string();
    let connection = http_send(server.local_addr(), "POST /_sync/push", &[EXTENDED], body.as_bytes());
    thread::sleep(Duration::from_millis(150));
    drop(connection);
    let deadline = Instant::now() + Duration::from_secs(10);
    while service.pull(0).changes().len() < 2 {
        assert!(Instant::now() < deadline, "it was dropped");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_batch_whose_body_breaks_off_is_not_begun() {
    let (server, service) = start(service());
    let body = json!({ "mutations": [create("a")] }).to_string();
    let stream = std::net::TcpStream::connect(server.local_addr()).unwrap();
    let head = format!("POST /_sync/push HTTP/1.1\r\nhost: t\r\ncontent-length: {}\r\n\r\n", body.len() + 1);
    std::io::Write::write_all(&mut &stream, (head + &body).as_bytes()).unwrap();
    drop(stream);
    server.stop();
    assert!(service.pull(0).changes().is_empty());
}

#[test]
fn a_stop_finishes_the_replies_in_flight() {
    let (server, _) = start(service_with(Slow));
    let body = json!({ "mutations": [create("a")] }).to_string();
    let connection = http_send(server.local_addr(), "POST /_sync/push", &[], body.as_bytes());
    thread::sleep(Duration::from_millis(100));
    server.stop();
    let answer = http_receive(connection);
    assert_eq!((answer.status, answer.json()), (200, json!({ "results": [{ "ok": true }] })));
}

#[test]
fn a_stop_finishes_a_batch_whose_client_has_gone() {
    let (server, service) = start(service_with(Slow));
    let body = json!({ "mutations": [create("a")] }).to_string();
    let connection = http_send(server.local_addr(), "POST /_sync/push", &[], body.as_bytes());
    thread::sleep(Duration::from_millis(100));
    drop(connection);
    server.stop();
    assert_eq!(service.pull(0).changes().len(), 1);
}

#[test]
fn a_stop_does_not_wait_for_idle_connections_and_frees_the_port() {
    let (server, service) = start(service());
    let idle = http_send(server.local_addr(), "GET /healthz", &[], b"");
    thread::sleep(Duration::from_millis(50));
    let address = server.local_addr();
    let started = Instant::now();
    server.stop();
    assert!(started.elapsed() < Duration::from_secs(5));
    drop(idle);

    let options = ServerOptions { listen: address, ..ServerOptions::loopback(service) };
    let again = Server::start(options).unwrap();
    assert_eq!(http(again.local_addr(), "GET /healthz", &[], b"").status, 200);
}

#[test]
fn an_address_that_is_taken_is_an_error_that_names_it() {
    let (server, service) = start(service());
    let options = ServerOptions { listen: server.local_addr(), ..ServerOptions::loopback(service) };
    let Err(error) = Server::start(options) else { panic!("both listen") };
    assert!(error.to_string().contains(&server.local_addr().to_string()), "{error}");
}
