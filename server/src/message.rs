//! What goes into a [`Service`](crate::Service) and what comes out: HTTP without HTTP.

use std::fmt;
use std::time::Duration;

use mizu_sync_protocol::Cursor;
use mizu_sync_protocol::limits::MAX_ACCEPTED_BODY;
use serde::Deserialize;

use crate::refusal::Refusal;

/// The three endpoints of the protocol.
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
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Push, Self::Pull, Self::Snapshot];

    /// Its name in the URL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Pull => "pull",
            Self::Snapshot => "snapshot",
        }
    }
}

/// One request of a client. No `Debug`: it holds a token and the user's data.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Where it was sent.
    pub endpoint: Endpoint,
    /// Whether it had the header `Mizu-Sync: 1`.
    pub extended: bool,
    /// The value of the header `Mizu-Log`.
    pub log: Option<&'a str>,
    /// What followed `Bearer` in the header `Authorization`.
    pub token: Option<&'a str>,
    /// The JSON body.
    pub body: &'a [u8],
}

/// The answer to a [`Request`]. Its `Debug` does not show the user's data.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Whether it has the header `Mizu-Sync: 1`: whenever the request had it.
    pub extended: bool,
    /// The value of the header `Retry-After`, whole seconds.
    pub retry_after: Option<Duration>,
    /// The JSON body.
    pub body: Vec<u8>,
    /// The scopes whose logs have grown, each once, with the newest cursor. Whoever listens by a
    /// [`LiveSession`](crate::LiveSession) has been told.
    pub grown: Vec<(String, Cursor)>,
}

impl<'a> Request<'a> {
    pub(crate) fn parse<T: Deserialize<'a>>(&self) -> Result<T, Refusal> {
        if self.body.len() > MAX_ACCEPTED_BODY {
            return Err(Refusal::too_large(format!("the body has more than {MAX_ACCEPTED_BODY} bytes")));
        }
        let text = std::str::from_utf8(self.body).ok();
        text.and_then(|text| serde_json::from_str(text).ok())
            .ok_or_else(|| Refusal::invalid("invalid request body"))
    }
}

impl Reply {
    pub(crate) fn ok(request: &Request<'_>, body: Vec<u8>) -> Self {
        Self { status: 200, extended: request.extended, retry_after: None, body, grown: Vec::new() }
    }

    pub(crate) fn refused(request: &Request<'_>, refusal: &Refusal) -> Self {
        Self { status: refusal.status, retry_after: refusal.retry_after, ..Self::ok(request, refusal.body()) }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("extended", &self.extended)
            .field("retry_after", &self.retry_after)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
