//! What can be in the way of a sync.

use thiserror::Error;

use crate::net::TransportError;
use crate::store::StoreError;

/// Why the sync does not get on. None of them loses anything: what is queued stays queued.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SyncError {
    /// The server does not answer. Tried again, and at once when the platform says that the network is back.
    #[error("cannot sync {scope:?}: {error}")]
    Offline {
        /// The data partition.
        scope: String,
        /// What failed.
        error: TransportError,
    },
    /// The server answers in a way that no retry will change: the base URL is wrong, or something stands
    /// between. Tried again slowly.
    #[error("cannot sync {scope:?}: {url} answered {status}{}; is the base URL right?", detail(.message))]
    Misconfigured {
        /// The data partition.
        scope: String,
        /// The URL of the request.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What the server said.
        message: String,
    },
    /// The server is overloaded or broken for now.
    #[error("cannot sync {scope:?} for now: {url} answered {status}{}; it is tried again", detail(.message))]
    Unavailable {
        /// The data partition.
        scope: String,
        /// The URL of the request.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What the server said.
        message: String,
    },
    /// The answer is not of this protocol: a captive portal's page, for instance.
    #[error(
        "cannot sync {scope:?}: {url} answered with something else than the sync protocol ({reason}); \
             does this network want a sign-in?"
    )]
    NotProtocol {
        /// The data partition.
        scope: String,
        /// The URL of the request.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The scope is larger than a server without pages can give.
    #[error("cannot sync {scope:?}: its data is larger than {} MiB, which needs a server that sends it in pages", .limit / (1024 * 1024))]
    TooLarge {
        /// The data partition.
        scope: String,
        /// What is allowed, in bytes.
        limit: u64,
    },
    /// The server had forgotten the beginning of its changes before a snapshot was caught up with them.
    #[error(
        "cannot sync {scope:?}: the server's log was trimmed before all of it was fetched; it is fetched anew"
    )]
    SnapshotOutdated {
        /// The data partition.
        scope: String,
    },
    /// The server wants a token, or another one.
    #[error("cannot sync {scope:?}: the server does not accept the token; sign in again")]
    NeedsAuth {
        /// The data partition.
        scope: String,
    },
    /// This user may not sync this scope.
    #[error("cannot sync {scope:?}: this user may not use this scope; what is queued is kept")]
    Forbidden {
        /// The data partition.
        scope: String,
    },
    /// The server refused a mutation for a reason that may pass; it is tried again.
    #[error("a mutation is not accepted for now: {reason}; it is tried again")]
    MutationFailed {
        /// What the server said.
        reason: String,
    },
    /// Changes came that this version of the app cannot read. They are kept aside.
    #[error("{count} changes from the server could not be read and were set aside ({reason})")]
    Unreadable {
        /// How many.
        count: u64,
        /// Why the first could not be read.
        reason: String,
    },
    /// The server's log is not the one that was synced with before: it was reset or restored from a backup.
    #[error(
        "the server's data was reset or restored: everything is fetched again; what it has lost is gone here too, \
         and only what was not confirmed yet is sent again"
    )]
    LogChanged,
    /// The server says again and again that its log is another one.
    #[error("the server's log keeps changing: everything is fetched again in {} s; is more than one database behind {url}?", .seconds)]
    LogKeepsChanging {
        /// The base URL.
        url: String,
        /// When it is tried again.
        seconds: u64,
    },
    /// The app's dialect could not make sense of something, or panicked.
    #[error("the dialect failed: {reason}")]
    Dialect {
        /// What it said.
        reason: String,
    },
    /// The local database could not be written.
    #[error("the sync could not be stored: {0}")]
    Store(#[from] StoreError),
}

fn detail(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(" ({message})") }
}

impl SyncError {
    /// Whether waiting does not help: somebody has to change the options, sign in, or free space.
    #[must_use]
    pub const fn needs_action(&self) -> bool {
        matches!(
            self,
            Self::Misconfigured { .. }
                | Self::TooLarge { .. }
                | Self::NeedsAuth { .. }
                | Self::Forbidden { .. }
                | Self::Dialect { .. }
                | Self::Store(_)
        )
    }
}
