//! Requests to the server, and its hints: the [`Transport`] trait and its implementation over HTTP,
//! [`HttpTransport`].
//!
//! A transport moves bytes. What they mean, when they are sent and what follows from an answer is decided in
//! the engine; nothing here knows of mutations, cursors or SQL.

mod body;
mod dialer;
mod error;
mod http;
mod interrupt;
mod live;
mod resolver;
mod secrets;
mod session;
mod socket;
mod system;
#[cfg(test)]
mod tests;
mod token;
mod url;
mod watchdog;

use std::fmt;
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use thiserror::Error;

pub use self::http::{HeaderError, HttpOptions, HttpTransport};
pub use self::live::{LiveEnd, LiveNews, LiveSocket};
pub(crate) use self::token::Tokens;
pub use self::token::{Token, TokenError};
pub use self::url::{BaseUrl, UrlError};

/// What a request is for. At most one request of each lane is in flight at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Sends mutations.
    Push,
    /// Fetches changes or snapshots.
    Pull,
}

/// The three requests of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `POST {base}/push`
    Push,
    /// `POST {base}/pull`
    Pull,
    /// `POST {base}/snapshot`
    Snapshot,
}

impl Endpoint {
    /// The lane that its requests travel in.
    #[must_use]
    pub const fn lane(self) -> Lane {
        match self {
            Self::Push => Lane::Push,
            Self::Pull | Self::Snapshot => Lane::Pull,
        }
    }

    /// The last part of its URL, without a slash.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Pull => "pull",
            Self::Snapshot => "snapshot",
        }
    }
}

/// One request. The transport adds the base URL, the content type, the token and the configured headers.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Where it goes.
    pub endpoint: Endpoint,
    /// The value of the header `Mizu-Log`, if there is one.
    pub log: Option<String>,
    /// JSON.
    pub body: Vec<u8>,
}

/// The head of an answer, of any status, and its body.
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Whether the header `Mizu-Sync` was there: a server of ours.
    pub extended: bool,
    /// The `Date` header.
    pub server_time: Option<SystemTime>,
    /// The `Retry-After` header, where it gives seconds.
    pub retry_after: Option<Duration>,
    /// The body, decompressed. Unbounded: whoever reads it bounds it. Reading fails, as the request would,
    /// when the peer falls silent or below the least rate, or when the lane is interrupted:
    /// [`TransportError::from_io`] tells which.
    pub body: Box<dyn Read + Send>,
}

/// What a request was waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// The addresses of the host.
    Resolve,
    /// The connection, TLS included: nothing of the request has left.
    Connect,
    /// The peer's taking the request.
    Send,
    /// The head of the answer.
    Wait,
    /// The body of the answer.
    Read,
    /// It is not known which: some part of the request.
    Whole,
}

impl Phase {
    /// Whether something of the request may have reached the server. Before that, nothing in it can be to blame.
    pub(crate) const fn is_after_connect(self) -> bool {
        matches!(self, Self::Send | Self::Wait | Self::Read | Self::Whole)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "looking up its address",
            Self::Connect => "connecting",
            Self::Send => "sending the request",
            Self::Wait => "waiting for the answer",
            Self::Read => "reading the answer",
            Self::Whole => "the request as a whole",
        })
    }
}

/// Why there is no answer. Each says it in a sentence for a person that names the host or URL and never a
/// token.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TransportError {
    /// The name could not be resolved, the host not reached, or the connection broke.
    #[error("cannot reach {url}: {reason}")]
    Unreachable {
        /// The URL of the request.
        url: String,
        /// What the system said.
        reason: String,
    },
    /// The peer was silent, or slower than the least rate, for longer than allowed.
    #[error("{url} did not answer in time ({phase})")]
    TimedOut {
        /// The URL of the request.
        url: String,
        /// What was being waited for.
        phase: Phase,
    },
    /// The TLS handshake failed: a wrong or expired certificate, for instance.
    #[error("no secure connection to {url}: {reason}")]
    Tls {
        /// The URL of the request.
        url: String,
        /// What the TLS library said.
        reason: String,
    },
    /// The lane was interrupted or the transport is shut down.
    #[error("the request to {url} was interrupted")]
    Interrupted {
        /// The URL of the request.
        url: String,
    },
}

/// A way to the server. The SDK brings [`HttpTransport`]; tests bring others.
///
/// Requests are made from one thread a lane, and [`Transport::interrupt`] and [`Transport::shutdown`] from any
/// thread at any time.
pub trait Transport: Send + Sync + 'static {
    /// Makes a request and waits for the head of its answer. An answer of any status is `Ok`.
    ///
    /// # Errors
    /// When there is no answer, see [`TransportError`].
    fn exchange(&self, request: &Request) -> Result<Response, TransportError>;

    /// Ends the request in flight in this lane, if there is one, with [`TransportError::Interrupted`], also
    /// while its body is being read. Later requests are not affected and do not reuse its connection.
    fn interrupt(&self, lane: Lane);

    /// Ends everything in flight and closes all connections, live sockets too; requests made later fail. Returns
    /// at once.
    fn shutdown(&self);

    /// A text that came from the server, without what must not be shown or stored: a token that it repeats, for
    /// instance. Unchanged unless told; one that knows secrets must take them out.
    fn conceal(&self, text: String) -> String {
        text
    }

    /// Replaces the token for the requests to come, and for the next live socket. Told at the start too, if there is
    /// one then. Ignored unless told: one that sends no token needs none.
    fn set_token(&self, token: Option<Token>) {
        drop(token);
    }

    /// A live socket, not open yet; none where there is no such thing. Unless told there is none, and the server is
    /// asked again and again instead.
    fn live(&self) -> Option<Arc<dyn LiveSocket>> {
        None
    }
}
