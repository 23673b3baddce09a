//! Offline-first sync for apps: local data that is always there, writes that reach the server exactly once.

// The simulator reaches into the engine and the store, which are documented for their readers, not as an API.
#![cfg_attr(feature = "simulation", allow(missing_docs))]

mod client;
mod collection;
mod error;
mod model;
pub mod net;
#[cfg(feature = "planted-bugs")]
pub mod planted;
#[cfg(feature = "simulation")]
#[doc(hidden)]
pub mod simulation;
mod store;
mod sync;
mod time;

pub use client::{Batch, Builder, Client, Unsent};
pub use collection::{Collection, Entity, Row};
pub use error::{Error, Result};
pub use mizu_sync_protocol::Cursor;
pub use model::{EntityKey, PendingMutation, RejectedMutation};
pub use store::{Durability, StoreError};
pub use sync::{Dialect, EntityChange, EntityOp, SyncError, WireMutation};
pub use time::Timestamp;

/// A new id for an entity: a UUID of version 7, so that ids made later are greater.
#[must_use]
pub fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}
