//! A real server and real clients, in temporary folders.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "each test uses some of it, and fails by a panic"
)]

pub mod scripted;

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mizu_sync::Client;
use mizu_sync_server::{Server, ServerOptions, Service, ServiceOptions};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

/// Longer than anything here takes.
pub const SOON: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub text: String,
    pub starred: bool,
}

impl Note {
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), starred: false }
    }
}

/// A server on a free port, its data in a file.
pub struct TestServer {
    server: Server,
    folder: TempDir,
}

impl TestServer {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let service = Service::open(folder.path().join("server.db"), ServiceOptions::default()).unwrap();
        let server = Server::start(ServerOptions::loopback(Arc::new(service))).unwrap();
        Self { server, folder }
    }

    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// Entities of a collection in the server's own database.
    pub fn count(&self, collection: &str) -> u64 {
        let connection = rusqlite::Connection::open(self.folder.path().join("server.db")).unwrap();
        let sql = "SELECT count(*) FROM entity WHERE collection = ?1";
        connection.query_row(sql, [collection], |row| row.get::<_, i64>(0)).unwrap().unsigned_abs()
    }
}

/// A client with a file of its own, which goes with it.
pub struct TestClient {
    pub client: Client,
    pub path: PathBuf,
    folder: TempDir,
}

impl Deref for TestClient {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

pub fn client(server: &TestServer, name: &str) -> TestClient {
    open(server.url(), name)
}

/// A client whose server is not there.
pub fn offline_client(name: &str) -> TestClient {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    open(&format!("http://127.0.0.1:{port}/_sync"), name)
}

fn open(url: &str, name: &str) -> TestClient {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("{name}.db"));
    let client = Client::builder(url, "user:1").database(&path).open().unwrap();
    TestClient { client, path, folder }
}
