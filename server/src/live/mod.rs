//! Hints that a scope's log has grown, without the socket that carries them.

mod hub;
mod session;

pub(crate) use hub::Hub;
pub use session::{LiveAnswer, LiveSession};
