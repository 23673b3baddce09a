//! What can be seen of the sync.

use mizu_sync_protocol::Cursor;

use super::error::SyncError;
use super::event::Moment;
use crate::time::Timestamp;

/// Whether the server answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connection {
    /// Nobody has asked it yet.
    #[default]
    Unknown,
    /// It answers.
    Online,
    /// It does not.
    Offline,
}

/// Whether the server lets this client sync.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// As far as is known.
    #[default]
    Granted,
    /// It wants another token, and the app was asked for one.
    AwaitingToken,
    /// It wants another token, and the app knows.
    NeedsAuth,
    /// It refuses this scope. Asked again then.
    Forbidden { until: Moment },
}

/// Whether the server tells by itself when there is something new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LiveState {
    /// It does not, for now: it is asked.
    #[default]
    Off,
    /// A socket is being opened, or waits for the acknowledgement.
    Connecting,
    /// It does.
    Up,
}

/// How far a snapshot is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows here.
    pub rows: u64,
    /// Rows in all, where the server told.
    pub total: Option<u64>,
}

/// What can be seen of the sync, all of one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncState {
    pub connection: Connection,
    pub access: Access,
    /// How many tokens the app has set since the start.
    pub tokens: u64,
    pub live: LiveState,
    pub cursor: Cursor,
    /// Whether a first snapshot is complete.
    pub bootstrapped: bool,
    pub uploading: bool,
    pub downloading: bool,
    /// Of a snapshot that is being taken.
    pub progress: Option<Progress>,
    /// Whether the platform says that there is no network.
    pub no_network: bool,
    /// When it had last caught up with the server since the start, by the clock of this device.
    pub last_sync: Option<Timestamp>,
    /// Why mutations do not get on while the server answers.
    pub blocked: Option<String>,
    /// What is in the way; none once it is over.
    pub error: Option<SyncError>,
    /// How often something was in the way.
    pub failures: u64,
    /// Of the requests to sync, the last before a pull began that has ended caught up.
    pub request_served: u64,
}
