//! What a client is doing.

use super::Problem;
use crate::client::{Authorization, Connectivity, Progress, Status};
use crate::error::Error;
use crate::time::Timestamp;

/// What a client is doing, all of one moment.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct NativeStatus {
    /// 0 stopped, 1 connecting, 2 online, 3 offline.
    pub connection: u8,
    /// Whether the server tells of changes by itself.
    pub live: bool,
    /// 0 granted, 1 awaiting a token, 2 needs a token, 3 forbidden.
    pub auth: u8,
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

impl From<Status> for NativeStatus {
    fn from(status: Status) -> Self {
        let line = status.to_string();
        let connection = match status.connection {
            Connectivity::Stopped => 0,
            Connectivity::Connecting => 1,
            Connectivity::Online => 2,
            Connectivity::Offline => 3,
        };
        let auth = match status.auth {
            Authorization::Granted => 0,
            Authorization::AwaitingToken => 1,
            Authorization::NeedsToken => 2,
            Authorization::Forbidden => 3,
        };
        Self {
            connection,
            live: status.live,
            auth,
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
