//! A client that has no server.

use std::sync::Arc;

use crate::client::{Builder, Client};
use crate::net::{Lane, Request, Response, Transport, TransportError};

/// Never asked, but a client must have one.
const NOWHERE: &str = "http://localhost/_sync";

/// A client in memory that has no server: reads and writes work, nothing is sent.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
/// # struct Todo { title: String, done: bool }
/// use mizu_sync::Client;
///
/// // What is to be tested.
/// fn tick_all(client: &Client) -> mizu_sync::Result<()> {
///     let todos = client.collection::<Todo>("todo");
///     for row in todos.find(|todo| !todo.done)? {
///         todos.get(&row.id).update(|todo| todo.done = true)?;
///     }
///     Ok(())
/// }
///
/// let client = mizu_sync::testing::client("user:1");
/// let todos = client.collection("todo");
/// todos.add(Todo { title: "Milk".into(), done: false })?;
/// tick_all(&client)?;
/// assert!(todos.all()?.iter().all(|row| row.value.done));
/// # Ok::<(), mizu_sync::Error>(())
/// ```
///
/// # Panics
/// When the scope is not valid: it must have 1 to 1024 bytes.
#[must_use]
#[track_caller]
pub fn client(scope: &str) -> Client {
    match builder(scope).open() {
        Ok(client) => client,
        Err(error) => panic!("no client could be opened: {error}"),
    }
}

/// Options of a [`client`], for a test of what the app sets.
///
/// ```
/// let client = mizu_sync::testing::builder("user:1").principal("ann").open()?;
/// # Ok::<(), mizu_sync::Error>(())
/// ```
pub fn builder(scope: &str) -> Builder {
    Client::builder(NOWHERE, scope).in_memory().transport(|| Arc::new(Nowhere))
}

/// A way to no server.
struct Nowhere;

impl Transport for Nowhere {
    fn exchange(&self, request: &Request) -> Result<Response, TransportError> {
        let url = format!("{NOWHERE}/{}", request.endpoint.path());
        Err(TransportError::Unreachable { url, reason: "this client of a test has no server".to_owned() })
    }

    fn interrupt(&self, _: Lane) {}

    fn shutdown(&self) {}
}
