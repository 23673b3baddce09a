//! What goes into a [`Service`](crate::Service) and what comes out: HTTP without HTTP.

use std::time::Duration;

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

/// The answer to a [`Request`]. No `Debug`: it holds the user's data.
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
    /// The scopes whose logs have grown, each once, in the order in which they did.
    pub changed_scopes: Vec<String>,
}
