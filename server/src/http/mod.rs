//! The service behind HTTP/1.1.

mod gzip;
mod router;
mod server;

pub use server::{Server, ServerError, ServerOptions};
