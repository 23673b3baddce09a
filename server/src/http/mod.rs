//! The service behind HTTP/1.1.

mod connection;
mod connections;
mod gzip;
mod incoming;
mod limits;
mod live;
mod memory;
mod metrics;
mod place;
mod rate;
mod router;
mod server;
mod socket;
mod stop;
mod turns;
mod upgrade;

pub use limits::ServerLimits;
pub use rate::{NoRate, RateLimit};
pub use server::{Server, ServerError, ServerOptions};
