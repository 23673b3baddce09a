//! Offline-first sync for apps: local data that is always there, writes that reach the server exactly once.
//!
//! ```
//! use mizu_sync::Client;
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
//!         .on_rejected(|mutation| eprintln!("{mutation}"))
//!         .open()?;
//!
//!     let todos = client.collection::<Todo>("todo");
//!     let milk = todos.add(Todo { title: "Milk".into(), done: false })?;
//!     milk.update(|todo| todo.done = true)?;
//!
//!     assert_eq!(milk.get()?, Some(Todo { title: "Milk".into(), done: true }));
//!     let waiting: Vec<String> = client.pending()?.into_iter().map(|mutation| mutation.name).collect();
//!     assert_eq!(waiting, ["todo.create", "todo.patch"]);
//!     Ok(())
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
//! - **Secrets stay secret.** A token is in no file, no log line, no error text and no `Debug`.
//!
//! # What is where
//!
//! - [`Client`] opens a file, starts and stops the sync, knows what waits and what was rejected. Its options
//!   are in [`Builder`].
//! - [`Collection`], [`Entity`] and [`Row`] are the typed access to the data; [`Batch`] keeps several writes
//!   together.
//! - [`PendingMutation`] and [`RejectedMutation`] are what is on its way, and what the app has to decide about.
//! - [`Signal`], [`Computed`] and [`Effect`] are values that tell who has read them; [`reactive`] is about them.
//! - [`Error`] says what failed, where, and what to do. [`StoreError`] is about the file, [`SyncError`] about
//!   the server.
//! - [`Dialect`] is for a server that has shapes of its own, [`net::Transport`] for another way to it than HTTP.

// The simulator reaches into the engine and the store, which are documented for their readers, not as an API.
#![cfg_attr(feature = "simulation", allow(missing_docs, rustdoc::private_intra_doc_links))]

// The programs in README are tests too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

mod client;
mod collection;
mod error;
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
mod time;

pub use client::{Batch, Builder, Client, Edits, Unsent};
pub use collection::{Collection, Entity, Row};
pub use error::{Error, Result};
pub use mizu_sync_protocol::{Cursor, limits::LimitError};
pub use model::{EntityKey, PendingMutation, RejectedMutation};
pub use reactive::{Computed, Effect, Signal, batch, untrack};
pub use store::{Durability, StoreError};
pub use sync::{Dialect, EntityChange, EntityOp, SyncError, WireMutation};
pub use time::Timestamp;

/// A new id for an entity: a UUID of version 7, so that ids made later are greater.
#[must_use]
pub fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}
