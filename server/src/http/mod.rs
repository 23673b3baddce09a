//! The service behind HTTP/1.1.

mod connection;
mod connections;
mod gzip;
mod limits;
mod place;
mod router;
mod server;
mod socket;

pub use limits::ServerLimits;
pub use server::{Server, ServerError, ServerOptions};
