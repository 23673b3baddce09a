//! Offline-first sync for apps: local data that is always there, writes that reach the server exactly once.

pub mod net;
mod store;
mod time;

pub use time::Timestamp;
