//! Offline-first sync for apps: local data that is always there, writes that reach the server exactly once.
//!
//! ```
//! use std::time::Duration;
//!
//! use mizu_sync::{Client, Effect, field};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
//! struct Todo {
//!     title: String,
//!     done: bool,
//! }
//!
//! fn main() -> mizu_sync::Result<()> {
//!     // An app gives `.database("todos.db")`, and calls `client.start()` to sync in the background.
//!     let client = Client::builder("https://api.example.com/_sync", "user:123")
//!         .in_memory()
//!         .on_rejected(|mutation| eprintln!("not accepted: {mutation}"))
//!         .open()?;
//!
//!     let todos = client.collection::<Todo>("todo");
//!     let open = todos.query().filter(field("done").eq(false)).order_by("title");
//!     let _printer = Effect::new({
//!         let open = open.clone();
//!         move || {
//!             println!("{} to do", open.count()?); // 0 to do, 1 to do, 0 to do
//!             Ok(())
//!         }
//!     });
//!
//!     let milk = todos.add(Todo { title: "Milk".into(), done: false })?; // on disk, offline too
//!     assert_eq!(open.count()?, 1); // one reads one's own writes
//!     client.delivered(Duration::from_secs(10))?; // the effect has seen it
//!     milk.update(|todo| todo.done = true)?; // sends `done` alone
//!
//!     let waiting: Vec<String> = client.pending()?.into_iter().map(|mutation| mutation.name).collect();
//!     assert_eq!(waiting, ["todo.create", "todo.patch"]);
//!     client.delivered(Duration::from_secs(10))
//! }
//! ```
//!
//! # Principles
//!
//! - **The device comes first.** Reads and writes never wait for the network. A write is on disk when its call
//!   returns, together with the mutation that will tell the server.
//! - **Exactly once.** A mutation has one id for life, by which the server tells a repetition. Nothing is taken
//!   for applied before a pull has brought it.
//! - **Never stuck, never silent.** An outage rejects nothing. A mutation that the server refuses is undone
//!   here, told to the app, and kept until the app retries or discards it; the others go on.
//! - **Unknown fields survive.** An update writes the fields that changed, and JSON that this version of the app
//!   does not know stays the bytes that it was.
//! - **Only what changed.** An effect runs when what it has read is different, and not when anything else is.
//! - **Secrets stay secret.** A token is in no file, no log line, no error text and no `Debug`.
//!
//! # What is where
//!
//! - [`Client`] opens a file, starts and stops the sync, knows what waits and what was rejected. Its options
//!   are in [`Builder`]. [`Client::status`] is all that it is doing, and a line for a person.
//! - [`Collection`], [`Entity`] and [`Row`] are the typed access to the data; [`Batch`] keeps several writes
//!   together.
//! - [`Query`] asks for some rows in an order, by conditions that [`field`] begins; [`Builder::index`] makes it
//!   fast. [`Query::subscribe`] tells what becomes of a list.
//! - [`Effect`], [`Computed`] and [`Signal`] run and hold what depends on data, on the status, or on values of
//!   the app's own; the rest is in [`reactive`].
//! - [`PendingMutation`] and [`RejectedMutation`] are what is on its way, and what the app has to decide about.
//! - [`Builder::principal`], [`Builder::token`] and [`Client::set_token`] say who is syncing;
//!   [`Builder::on_token_needed`] asks for a token. [`Builder::live`] is the socket on which the server hints at
//!   changes.
//! - [`Builder::upcast`] reads what older versions of the app have written.
//! - [`Signal`], [`Computed`] and [`Effect`] are values that tell who has read them; [`reactive`] is about them.
//! - [`Error`] says what failed, where, and what to do. [`StoreError`] is about the file, [`SyncError`] about
//!   the server.
//! - [`Dialect`] is for a server that has shapes of its own, [`net::Transport`] for another way to it than HTTP.
//! - `testing`, a feature, is for the tests and previews of an app.
//!
//! The guides are in the repository, under `docs/`; `getting-started.md` is the first.

// The simulator reaches into the engine and the store, which are documented for their readers, not as an API.
#![cfg_attr(feature = "simulation", allow(missing_docs, rustdoc::private_intra_doc_links))]

// The programs in README and in the guides are tests too.
#[cfg(doctest)]
mod guides {
    #[doc = include_str!("../README.md")]
    mod readme {}
    #[doc = include_str!("../docs/getting-started.md")]
    mod getting_started {}
    #[doc = include_str!("../docs/offline.md")]
    mod offline {}
    #[doc = include_str!("../docs/queries.md")]
    mod queries {}
    #[doc = include_str!("../docs/auth.md")]
    mod auth {}
    #[doc = include_str!("../docs/go-mizu.md")]
    mod go_mizu {}
    #[doc = include_str!("../docs/model-changes.md")]
    mod model_changes {}
    #[doc = include_str!("../docs/answers.md")]
    mod answers {}
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/testing.md")]
    mod testing {}
}

#[cfg(feature = "ffi")]
uniffi::setup_scaffolding!();

mod client;
mod collection;
mod error;
#[cfg(feature = "ffi")]
pub mod ffi;
mod model;
pub mod net;
#[cfg(feature = "planted-bugs")]
pub mod planted;
pub mod reactive;
#[cfg(feature = "simulation")]
#[doc(hidden)]
pub mod simulation;
mod store;
mod sync;
#[cfg(feature = "testing")]
pub mod testing;
mod time;

pub use client::{
    Authorization, Batch, Builder, Client, Connectivity, Edits, LogLevel, LogLine, Progress, Status, Unsent,
};
pub use collection::{Collection, Entity, Query, Row, RowChange, RowsUpdate, Subscription};
pub use error::{Error, Result};
pub use mizu_sync_protocol::{Cursor, limits::LimitError};
pub use model::{EntityKey, Field, Filter, Order, PendingMutation, RejectedMutation, Scalar, field};
pub use reactive::{Computed, Effect, Signal, batch, untrack};
pub use store::{Durability, StoreError, Version};
pub use sync::{Dialect, EntityChange, EntityOp, SyncError, WireMutation};
pub use time::Timestamp;

/// A new id for an entity: a UUID of version 7, so that ids made later are greater.
#[must_use]
pub fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}
