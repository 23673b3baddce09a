//! Traffic recorded from go-mizu's own programs: our server gives its clients answers that they understand, and
//! says what its server says wherever that does not harm anybody.

#![allow(clippy::unwrap_used, reason = "a test that fails there says why")]

mod client;
mod go_client;
mod live;
mod server;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/websocket.rs"]
mod websocket;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mizu_sync_server::{Server, ServerOptions, Service, ServiceOptions};
use serde_json::Value;

use self::support::{HttpAnswer, http};

fn load(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors").join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn start(options: ServiceOptions) -> (Server, Arc<Service>) {
    let service = Arc::new(Service::in_memory(options).unwrap());
    (Server::start(ServerOptions::loopback(Arc::clone(&service))).unwrap(), service)
}

fn post(server: &Server, path: &str, body: &Value) -> HttpAnswer {
    let headers = [("user-agent", "Go-http-client/1.1"), ("content-type", "application/json")];
    // A recorded body that was no JSON stands as text.
    let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
    http(server.local_addr(), &format!("POST /_sync{path}"), &headers, body.as_bytes())
}

/// Both clients decode base64. The browser's then takes each byte for a character.
fn decode(data: &str) -> Value {
    let bytes = STANDARD.decode(data).unwrap();
    let go: Value = serde_json::from_slice(&bytes).unwrap();
    let browser: String = bytes.iter().map(|&byte| char::from(byte)).collect();
    assert_eq!(serde_json::from_str::<Value>(&browser).unwrap(), go);
    go
}
