//! Offline-first sync for apps: local data that is always there, writes that reach the server exactly once.

// The simulator reaches into the engine and the store, which are documented for their readers, not as an API.
#![cfg_attr(feature = "simulation", allow(missing_docs))]

mod client;
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

pub use time::Timestamp;
