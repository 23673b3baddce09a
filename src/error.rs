//! Everything that a call of this SDK can fail with.

use std::time::Duration;

use thiserror::Error;

use crate::model::EntityKey;
use crate::net::{HeaderError, TokenError, UrlError};
use crate::store::StoreError;
use crate::sync::SyncError;

/// The result of a call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed: what, where, and what to do, in one sentence. No failure loses what was saved before.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// The local database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The sync cannot get on, and waiting does not help.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// The base URL in the options.
    #[error(transparent)]
    BaseUrl(#[from] UrlError),
    /// The token in the options.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// A header in the options.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// Another of the options.
    #[error("the option {option} is not valid: {reason}")]
    InvalidOption {
        /// Its name.
        option: &'static str,
        /// Why not, and what to do.
        reason: &'static str,
    },
    /// A value of the app's cannot be stored: it must serialise to a JSON object from which it can be read back.
    #[error("{entity} cannot be stored: {reason}")]
    Encode {
        /// The entity.
        entity: EntityKey,
        /// What is wrong with it.
        reason: String,
    },
    /// The arguments of a mutation cannot be serialised.
    #[error("the arguments of {name:?} cannot be stored: {reason}")]
    EncodeArgs {
        /// The mutation.
        name: String,
        /// What the serialiser said.
        reason: String,
    },
    /// An entity is there, but it does not fit the app's type.
    #[error(
        "{entity} does not fit the app's type: {reason}; make new fields optional or give them a default, and do not rename old ones"
    )]
    Decode {
        /// The entity.
        entity: EntityKey,
        /// What the deserialiser said, without the content.
        reason: String,
    },
    /// The call needs a client that was started.
    #[error("the client is not started: call start() first")]
    NotStarted,
    /// A computed value must not write: it may run at any time, on any thread, and again.
    #[error("a computed value must not write: write in an effect, a callback or where the app decides to")]
    InComputed,
    /// The client was started before.
    #[error("the client is started already")]
    AlreadyStarted,
    /// The sync has ended by a panic, which is a bug. Nothing that was saved is lost.
    #[error("the sync has ended by a panic: call start() to begin it again, and report this bug")]
    Panicked,
    /// What was waited for did not happen in time. Nothing is lost; it goes on in the background.
    #[error("not {waiting_for} after {} s: {reason}", .after.as_secs_f32())]
    TimedOut {
        /// What was waited for.
        waiting_for: &'static str,
        /// For how long.
        after: Duration,
        /// Why it takes so long, as far as is known.
        reason: String,
    },
    /// Data that was not sent would be lost.
    #[error("{}", unsent(*.pending, *.rejected))]
    Unsent {
        /// Mutations that the server has not confirmed.
        pending: u64,
        /// Mutations that were rejected.
        rejected: u64,
    },
    /// Code of the app in another language failed, where it was called for a value.
    #[cfg(feature = "ffi")]
    #[error("the app's own code failed: {reason}")]
    Callback {
        /// What it said.
        reason: String,
    },
    /// The system gave no thread.
    #[error("no thread could be started: {reason}")]
    Thread {
        /// What the system said.
        reason: String,
    },
}

fn unsent(pending: u64, rejected: u64) -> String {
    let sent = format!("{} not sent", mutations(pending));
    let decided = format!("{} rejected and not decided about", mutations(rejected));
    match (pending, rejected) {
        (_, 0) => format!("{sent}: sync first, or let the wipe lose them"),
        (0, _) => format!("{decided}: retry or discard first, or let the wipe lose them"),
        _ => format!("{sent}, {decided}: sync, retry or discard first, or let the wipe lose them"),
    }
}

fn mutations(count: u64) -> String {
    if count == 1 { "1 mutation is".to_owned() } else { format!("{count} mutations are") }
}

impl Error {
    /// Whether the client was closed before the call.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Store(StoreError::Closed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_wipe_would_lose_is_counted_in_words_that_fit() {
        for (pending, rejected, expected) in [
            (1, 0, "1 mutation is not sent: sync first, or let the wipe lose them"),
            (2, 0, "2 mutations are not sent: sync first, or let the wipe lose them"),
            (
                0,
                1,
                "1 mutation is rejected and not decided about: retry or discard first, or let the wipe lose them",
            ),
            (
                1,
                2,
                "1 mutation is not sent, 2 mutations are rejected and not decided about: \
                 sync, retry or discard first, or let the wipe lose them",
            ),
        ] {
            assert_eq!(Error::Unsent { pending, rejected }.to_string(), expected);
        }
    }
}
