//! The service behind HTTP/1.1.

mod connection;
mod connections;
mod gzip;
mod incoming;
mod limits;
mod memory;
mod place;
mod router;
mod server;
mod socket;
mod turns;

pub use limits::ServerLimits;
pub use server::{Server, ServerError, ServerOptions};
