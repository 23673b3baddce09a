//! Who may do what. A token becomes a [`Session`] or is refused; every scope that a request touches is asked of
//! the session before anything is read or applied.

use std::fmt;
use std::time::SystemTime;

/// Turns tokens into sessions. Called on the thread of the request, with no lock held; it may block.
pub trait Auth: Send + Sync {
    /// The session of a request with this token, or with none. For a request with a large body the
    /// [`Server`](crate::Server) asks twice: before it reads the body, and then. For a live socket it asks when it is
    /// opened, at each subscription, and every 30 s.
    ///
    /// # Errors
    /// [`Unauthorized`] where the token is missing, unknown or expired at `now`: the answer is 401.
    fn authenticate(
        &self,
        token: Option<&str>,
        now: SystemTime,
    ) -> Result<Box<dyn Session + '_>, Unauthorized>;
}

/// What the bearer of a token may do, for the time of one request or subscription.
pub trait Session {
    /// The user.
    fn principal(&self) -> &Principal;

    /// Whether it may read and write in this scope. If not, the whole request is answered with 403, and a
    /// subscription is refused.
    fn allows(&self, scope: &str) -> bool;

    /// When the token expires, where that is known: a live socket is closed then. In any case it is asked again for
    /// every now and then whether the token is good.
    fn expires(&self) -> Option<SystemTime> {
        None
    }
}

/// A user's id. Its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Principal(String);

impl Principal {
    /// The user with this id.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// Its id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Principal(…)")
    }
}

/// The request has no valid token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token is missing, unknown or expired: ask for a new one")]
pub struct Unauthorized;

/// Lets everybody do everything, as a principal with an empty id. For development, and for behind a gateway
/// that has checked already.
#[derive(Clone, Debug)]
pub struct OpenAuth {
    nobody: Principal,
}

impl OpenAuth {
    /// The open door.
    #[must_use]
    pub fn new() -> Self {
        Self { nobody: Principal::new("") }
    }
}

impl Default for OpenAuth {
    fn default() -> Self {
        Self::new()
    }
}

impl Auth for OpenAuth {
    fn authenticate(&self, _: Option<&str>, _: SystemTime) -> Result<Box<dyn Session + '_>, Unauthorized> {
        Ok(Box::new(OpenSession(&self.nobody)))
    }
}

struct OpenSession<'a>(&'a Principal);

impl Session for OpenSession<'_> {
    fn principal(&self) -> &Principal {
        self.0
    }

    fn allows(&self, _scope: &str) -> bool {
        true
    }
}
