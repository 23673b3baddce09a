//! The reference server of the Mizu sync protocol, with SQLite inside.
//!
//! # The parts
//!
//! - [`Service`] is the server without HTTP: one [`Request`] in, one [`Reply`] out, on any thread. It holds the
//!   promises: a push is one database transaction with a savepoint a mutation, the outcome of a mutation is
//!   stored with its effect, and a reply is made only after the commit.
//! - [`Mutator`] is the business logic. [`Crud`] is built in, so that the server serves any app out of the box.
//! - [`Auth`] turns a token into a [`Session`] that says which scopes it may use: [`OpenAuth`], [`TokenFile`].
//! - [`LiveSession`] tells a client when a scope has grown.
//! - [`Server`] puts a service behind HTTP and WebSockets, on a runtime of its own.
//!
//! The guide for those who run it is `docs/server.md`.
//!
//! ```
//! use std::sync::Arc;
//! use mizu_sync_server::{Server, ServerOptions, Service, ServiceOptions};
//!
//! let service = Arc::new(Service::in_memory(ServiceOptions::default())?);
//! let server = Server::start(ServerOptions::loopback(service))?;
//! println!("listening on {}", server.url());
//! server.stop();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

// The programs in the guide are tests too.
#[cfg(doctest)]
#[doc = include_str!("../../docs/server.md")]
mod guide {}

mod auth;
mod crud;
mod database;
mod entity;
mod environment;
mod http;
mod json;
mod live;
mod message;
mod metrics;
mod mutation_context;
mod mutator;
mod options;
mod plain;
#[cfg(feature = "planted-bugs")]
mod planted;
mod pull;
mod push;
mod refusal;
mod service;
mod snapshot;
mod standing;
mod token_file;
mod trim;

pub use auth::{Auth, OpenAuth, Principal, Session, Unauthorized};
pub use crud::Crud;
pub use database::OpenError;
pub use environment::{Environment, SystemEnvironment};
pub use http::{NoRate, RateLimit, Server, ServerError, ServerLimits, ServerOptions};
pub use live::{LiveAnswer, LiveSession};
pub use message::{Endpoint, Reply, Request};
pub use mutation_context::{MutationContext, ScopeContext};
pub use mutator::{Failure, Mutator, Rejection};
pub use options::{Durability, ServiceOptions};
#[cfg(feature = "planted-bugs")]
pub use planted::{Bug, UnknownBug};
pub use service::Service;
pub use token_file::{TokenFile, TokenFileError};
pub use trim::{TrimError, Trimmed};
