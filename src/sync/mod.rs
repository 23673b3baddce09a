//! The sync engine: decides what is sent, what an answer means and what follows. No thread, socket, clock,
//! file or SQL in it.
//!
//! # Idea
//! [`Engine::handle`] takes an [`Event`] and the time, and gives [`Action`]s. Whoever drives it executes them
//! and reports back with further events. Everything that a phone does to a client (loss, delay, the death of
//! the process, a jumping clock) is then a sequence of events, and the simulator makes them from a seed.
//!
//! Around the engine stand the functions that turn mutations into bytes ([`encode`]) and bytes into answers
//! ([`answer`]), also without I/O of their own.
//!
//! # Limits
//! One push and one pull, or one request for a snapshot, are under way at a time; and one live socket.

mod access;
pub(crate) mod answer;
pub(crate) mod backoff;
pub(crate) mod changes;
mod dialect;
pub(crate) mod encode;
mod engine;
mod error;
mod event;
mod failures;
mod gate;
mod live;
mod log;
mod pull;
mod push;
mod push_answers;
mod push_failures;
mod signals;
pub(crate) mod snapshot;
mod staging;
mod state;
mod trials;

#[cfg(test)]
mod tests;

pub use dialect::{Dialect, EntityChange, EntityOp, WireMutation};
pub use engine::{Config, Engine};
pub use error::SyncError;
pub use event::{
    Action, Answer, Command, Event, Exchange, Failure, Head, Moment, Notice, Plan, Reply, Stored, Time,
};
pub use state::{Access, Connection, LiveState, SyncState};
