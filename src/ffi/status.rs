//! What a client is doing.

use super::Problem;
use crate::client::{Authorization, Connectivity, Progress, Status};
use crate::error::Error;
use crate::time::Timestamp;

/// What a client is doing, all of one moment.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct NativeStatus {
    /// Whether the server answers.
    pub connection: NativeConnection,
    /// Whether the server tells of changes by itself.
    pub live: bool,
    /// Whether the server lets this client sync.
    pub auth: NativeAuth,
    /// Whether writes are being sent.
    pub uploading: bool,
    /// Whether changes are being fetched.
    pub downloading: bool,
    /// Rows that are here of a snapshot that is being fetched.
    pub rows: Option<u64>,
    /// Rows in all of it, where the server told.
    pub total: Option<u64>,
    /// Writes that are not confirmed.
    pub pending: u64,
    /// Writes that were refused.
    pub rejected: u64,
    /// Whether the server's data has been here once.
    pub synced_once: bool,
    /// How far the server's log has been pulled.
    pub cursor: u64,
    /// When the sync had last caught up, in milliseconds since 1970.
    pub last_sync: Option<i64>,
    /// What is in the way.
    pub error: Option<Problem>,
    /// What the server says of a write that keeps failing.
    pub blocked: Option<String>,
    /// All of that in a line for a person.
    pub line: String,
}

/// Whether the server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum NativeConnection {
    /// The sync does not run.
    Stopped,
    /// Nobody knows yet.
    Connecting,
    /// It answers.
    Online,
    /// It does not.
    Offline,
}

impl From<Connectivity> for NativeConnection {
    fn from(connection: Connectivity) -> Self {
        match connection {
            Connectivity::Stopped => Self::Stopped,
            Connectivity::Connecting => Self::Connecting,
            Connectivity::Online => Self::Online,
            Connectivity::Offline => Self::Offline,
        }
    }
}

/// Whether the server lets a client sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum NativeAuth {
    /// As far as is known.
    Granted,
    /// It wants a token, and the app was asked for it.
    AwaitingToken,
    /// It wants a token, and nobody has it.
    NeedsToken,
    /// It refuses the scope.
    Forbidden,
}

impl From<Authorization> for NativeAuth {
    fn from(auth: Authorization) -> Self {
        match auth {
            Authorization::Granted => Self::Granted,
            Authorization::AwaitingToken => Self::AwaitingToken,
            Authorization::NeedsToken => Self::NeedsToken,
            Authorization::Forbidden => Self::Forbidden,
        }
    }
}

impl From<Status> for NativeStatus {
    fn from(status: Status) -> Self {
        let line = status.to_string();
        Self {
            connection: status.connection.into(),
            live: status.live,
            auth: status.auth.into(),
            uploading: status.uploading,
            downloading: status.downloading,
            rows: status.progress.map(|Progress { rows, .. }| rows),
            total: status.progress.and_then(|Progress { total, .. }| total),
            pending: status.pending,
            rejected: status.rejected,
            synced_once: status.synced_once,
            cursor: status.cursor.get(),
            last_sync: status.last_sync.map(Timestamp::as_millis),
            error: status.error.map(|error| Error::Sync(error).into()),
            blocked: status.blocked,
            line,
        }
    }
}
