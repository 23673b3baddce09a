//! The client: the threads that drive the engine, and what the app calls.

pub(crate) mod exchange;
pub(crate) mod execute;
