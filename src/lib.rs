//! Offline-first sync for apps: local data that is always there, writes that reach the server exactly once.

mod model;
pub mod net;
#[cfg(feature = "planted-bugs")]
pub mod planted;
mod store;
mod sync;
mod time;

pub use time::Timestamp;
