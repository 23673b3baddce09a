//! What is counted, and who sees it.

#![allow(clippy::unwrap_used, reason = "a test that fails there says why")]

mod support;
#[path = "support/websocket.rs"]
mod websocket;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use mizu_sync_server::{
    Crud, Failure, MutationContext, Mutator, Rejection, Server, ServerOptions, Service, ServiceOptions,
    TokenFile,
};
use serde_json::{Value, json};
use support::{HttpAnswer, http, mutation};
use websocket::Socket;

const CANARY: &str = "canary";
const BEARER: (&str, &str) = ("authorization", "Bearer canary-token");

/// Generic mutations, but for those that are named otherwise.
struct Moody;

impl Mutator for Moody {
    fn apply(&self, context: &mut MutationContext<'_>) -> Result<(), Failure> {
        match context.mutation().name.as_ref() {
            "no" => Err(Rejection::forbidden("canary").into()),
            "later" => Err(Failure::Temporary("canary".to_owned())),
            _ => Crud.apply(context),
        }
    }
}

fn start() -> Server {
    let tokens = r#"[{"token":"canary-token","principal":"canary-user","scopes":["canary-scope"]}]"#;
    let auth = Arc::new(TokenFile::parse(tokens).unwrap());
    let options = ServiceOptions { auth, mutator: Arc::new(Moody), ..Default::default() };
    let service = Arc::new(Service::in_memory(options).unwrap());
    let metrics = Some((Ipv4Addr::LOCALHOST, 0).into());
    Server::start(ServerOptions { metrics, ..ServerOptions::loopback(service) }).unwrap()
}

fn post(server: &Server, endpoint: &str, body: &Value) -> HttpAnswer {
    let headers = [BEARER, ("mizu-sync", "1")];
    http(server.local_addr(), &format!("POST /_sync/{endpoint}"), &headers, body.to_string().as_bytes())
}

fn scoped(id: &str, name: &str, args: Value) -> Value {
    let mut mutation = mutation(id, name, args);
    mutation["scope"] = "canary-scope".into();
    mutation
}

/// All samples; every line must be one, or the head of a family.
fn samples(address: SocketAddr) -> BTreeMap<String, f64> {
    let answer = http(address, "GET /metrics", &[], b"");
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("text/plain; version=0.0.4; charset=utf-8"))
    );
    let text = String::from_utf8(answer.body).unwrap();
    assert!(!text.contains(CANARY), "{text}");
    let mut samples = BTreeMap::new();
    let mut family = "";
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("# TYPE ") {
            family = head.split(' ').next().unwrap();
        } else if !line.starts_with("# HELP ") {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(name.starts_with(family), "{line} is not of {family}");
            let former = samples.insert(name.to_owned(), value.parse().unwrap());
            assert_eq!(former, None, "{line} is there twice");
        }
    }
    samples
}

#[test]
fn everything_that_happens_is_counted_and_nobody_is_named() {
    let server = start();
    let mut socket = Socket::open(server.local_addr(), &[BEARER]);
    socket.subscribe("canary-scope");
    let entity = |id: &str| json!({ "id": id, "data": {} });
    let batch = json!({ "mutations": [
        scoped("m1", "todo.create", entity("canary-1")),
        scoped("m2", "todo.create", entity("canary-2")),
        scoped("m1", "todo.create", entity("canary-1")),
        scoped("m3", "todo.create", entity("canary-1")),
        scoped("m4", "no", Value::Null),
        scoped("m5", "canary", Value::Null),
        scoped("m6", "later", Value::Null),
    ]});
    assert_eq!(post(&server, "push", &batch).status, 200);
    socket.text();
    post(&server, "pull", &json!({ "scope": "canary-scope" }));
    post(&server, "snapshot", &json!({ "scope": "canary-scope" }));
    post(&server, "pull", &json!({ "scope": "canary-other" }));

    let samples = samples(server.metrics_addr().unwrap());
    for (name, value) in [
        (r#"mizu_requests_total{endpoint="push",status="200"}"#, 1.0),
        (r#"mizu_requests_total{endpoint="pull",status="200"}"#, 1.0),
        (r#"mizu_requests_total{endpoint="pull",status="403"}"#, 1.0),
        (r#"mizu_requests_total{endpoint="live",status="101"}"#, 1.0),
        (r#"mizu_request_duration_seconds_count{endpoint="pull"}"#, 2.0),
        (r#"mizu_request_duration_seconds_bucket{endpoint="pull",le="+Inf"}"#, 2.0),
        (r#"mizu_mutations_total{outcome="applied",code=""}"#, 2.0),
        (r#"mizu_mutations_total{outcome="repeated",code=""}"#, 1.0),
        (r#"mizu_mutations_total{outcome="failed",code=""}"#, 1.0),
        (r#"mizu_mutations_total{outcome="rejected",code="conflict"}"#, 1.0),
        (r#"mizu_mutations_total{outcome="rejected",code="forbidden"}"#, 1.0),
        (r#"mizu_mutations_total{outcome="rejected",code="unknown_mutation"}"#, 1.0),
        ("mizu_changes_pulled_total", 2.0),
        ("mizu_snapshot_rows_total", 2.0),
        ("mizu_hints_sent_total", 1.0),
        ("mizu_live_sockets", 1.0),
        ("mizu_subscriptions", 1.0),
        ("mizu_cursor", 2.0),
    ] {
        assert_eq!(samples.get(name), Some(&value), "{name} in {samples:#?}");
    }
    assert!(samples["mizu_connections"] >= 2.0 && samples["mizu_database_bytes"] > 0.0);
}

#[test]
fn a_batch_that_is_not_committed_counts_nothing() {
    let server = start();
    let mutation = scoped("m1", "todo.create", json!({ "id": "a", "data": {} }));
    let mut forbidden = mutation.clone();
    forbidden["scope"] = "elsewhere".into();
    assert_eq!(post(&server, "push", &json!({ "mutations": [mutation, forbidden] })).status, 403);
    let samples = samples(server.metrics_addr().unwrap());
    assert_eq!(samples[r#"mizu_mutations_total{outcome="applied",code=""}"#], 0.0);
}

#[test]
fn clients_do_not_see_the_metrics_and_nothing_else_is_beside_them() {
    let server = start();
    for path in ["GET /metrics", "GET /_sync/metrics"] {
        assert_eq!(http(server.local_addr(), path, &[], b"").status, 404);
    }
    assert_eq!(http(server.metrics_addr().unwrap(), "POST /_sync/pull", &[BEARER], b"{}").status, 404);
    let service = Arc::new(support::service());
    assert_eq!(Server::start(ServerOptions::loopback(service)).unwrap().metrics_addr(), None);
}
