//! For apps that use this SDK: what their tests and previews need. With the feature `testing`, which belongs into
//! `[dev-dependencies]`:
//!
//! ```toml
//! [dev-dependencies]
//! mizu-sync = { version = "0.1", features = ["testing"] }
//! ```
//!
//! # Idea
//! - [`client()`] is a client in memory that has no server: for tests of the app's own logic.
//! - [`Server`] is a small server of the sync protocol that does what a test tells it, behind real HTTP: for tests of
//!   what the app does when it is offline, refused, signed out, or not alone.
//! - [`preview()`] is a client in memory with rows that look confirmed, pending or rejected: for previews of screens.
//!
//! A test waits for what happens, never for time: with `flush`, `sync` and `wait_for_first_sync` of the client, and
//! with [`Server::wait_for`] for what the server is asked. Each has a limit that only a failing test reaches.
//!
//! ```
//! use mizu_sync::testing::{SOON, Server};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
//! struct Todo {
//!     title: String,
//!     done: bool,
//! }
//!
//! fn main() -> mizu_sync::Result<()> {
//!     let server = Server::start();
//!     let milk = Todo { title: "Milk".into(), done: false };
//!     server.put("user:1", "todo", "t1", &milk);
//!
//!     // The app: it ticks a todo in a tunnel, while somebody else renames it.
//!     let phone = server.client("user:1");
//!     let todos = phone.collection::<Todo>("todo");
//!     server.go_offline();
//!     todos.get("t1").update(|todo| todo.done = true)?;
//!     server.put("user:1", "todo", "t1", &Todo { title: "Oat milk".into(), ..milk });
//!     assert!(todos.row("t1")?.is_some_and(|row| row.pending && row.value.done));
//!
//!     // Both changes survive.
//!     server.go_online();
//!     phone.flush(SOON)?;
//!     let both = Some(Todo { title: "Oat milk".into(), done: true });
//!     assert_eq!(todos.get("t1").get()?, both);
//!     assert_eq!(server.get("user:1", "todo", "t1"), both);
//!     assert_eq!(server.mutations().len(), 1);
//!     Ok(())
//! }
//! ```
//!
//! # Limits
//! It is for tests: it panics where a test is wrong, keeps everything that it was ever asked, and speaks HTTP without
//! TLS, to this machine only, one request a connection. A custom mutation of [`Server`] sees its own scope alone. For
//! development and production there is `mizu-sync-server`.

mod backend;
mod http;
mod live;
mod local;
mod preview;
mod requests;
mod server;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use backend::{AppliedMutation, Backup, Refusal, Transaction};
pub use http::{Answer, Received};
pub use local::{builder, client};
pub use preview::{Preview, PreviewError, preview};
pub use requests::Waited;
pub use server::Server;

/// This project's own tests need a server that says anything. Not part of the public API.
#[doc(hidden)]
pub use http::{Scripted, Socket};

/// A minute: longer than anything in a test takes, for the timeouts of `sync`, `flush` and their like.
pub const SOON: Duration = Duration::from_secs(60);

/// What a thread that panicked has left behind is good enough for a test that fails by that panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
