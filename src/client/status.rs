//! What a client is doing, for a status line.

use std::fmt;

use mizu_sync_protocol::Cursor;

use super::monitor::{Running, Seen};
use crate::model::Counts;
use crate::sync::{Access, Connection, LiveState, SyncError, SyncState};
use crate::time::Timestamp;

/// Whether the server answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Connectivity {
    /// The sync does not run: it was not started, or it is stopped, paused or closed.
    #[default]
    Stopped,
    /// Nobody knows yet.
    Connecting,
    /// It answers.
    Online,
    /// It does not answer, or there is no network.
    Offline,
}

/// Whether the server lets this client sync.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Authorization {
    /// As far as is known.
    #[default]
    Granted,
    /// It wants a token, or another one, and the app was asked for it by `on_token_needed`.
    AwaitingToken,
    /// It wants a token, or another one, and nobody has it: let the user sign in, and call
    /// [`crate::Client::set_token`].
    NeedsToken,
    /// It refuses this scope to this user.
    Forbidden,
}

/// How far a snapshot is that is being fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows that are here.
    pub rows: u64,
    /// Rows in all, where the server told.
    pub total: Option<u64>,
}

/// What a client is doing, all of one moment. [`crate::Client::status`] gives it. Shown, it is a line for a person:
/// `online · 3 to send · 12,000 of 120,000 rows · 1 not accepted`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Whether the server answers.
    pub connection: Connectivity,
    /// Whether the server tells of changes by itself, so that they come within a blink. Otherwise it is asked.
    pub live: bool,
    /// Whether the server lets this client sync.
    pub auth: Authorization,
    /// Whether writes are being sent.
    pub uploading: bool,
    /// Whether changes are being fetched.
    pub downloading: bool,
    /// How far the snapshot is that is being fetched, the first one for instance.
    pub progress: Option<Progress>,
    /// Writes that are not confirmed.
    pub pending: u64,
    /// Writes that were refused, and neither retried nor discarded.
    pub rejected: u64,
    /// Whether the server's data has been here once.
    pub synced_once: bool,
    /// How far the server's log has been pulled.
    pub cursor: Cursor,
    /// When the sync had last caught up with the server, by the clock of this device; none since the start.
    pub last_sync: Option<Timestamp>,
    /// What is in the way of the sync now.
    pub error: Option<SyncError>,
    /// What the server says of a write that keeps failing, and with which those wait that touch the same entities.
    pub blocked: Option<String>,
}

impl Status {
    /// What can be seen now.
    pub(super) fn of(seen: &Seen, queue: Counts) -> Self {
        let Seen { state, running, .. } = seen;
        let SyncState { connection, access, progress, .. } = state;
        let running = *running == Running::Started;
        let connection = match connection {
            _ if !running => Connectivity::Stopped,
            _ if state.no_network => Connectivity::Offline,
            Connection::Unknown => Connectivity::Connecting,
            Connection::Online => Connectivity::Online,
            Connection::Offline => Connectivity::Offline,
        };
        Self {
            connection,
            live: running && state.live == LiveState::Up,
            auth: match access {
                Access::Granted => Authorization::Granted,
                Access::AwaitingToken => Authorization::AwaitingToken,
                Access::NeedsAuth => Authorization::NeedsToken,
                Access::Forbidden { .. } => Authorization::Forbidden,
            },
            uploading: running && state.uploading,
            downloading: running && state.downloading,
            progress: progress.map(|progress| Progress { rows: progress.rows, total: progress.total }),
            pending: queue.pending + queue.acked,
            rejected: queue.rejected,
            synced_once: state.bootstrapped,
            cursor: state.cursor,
            last_sync: state.last_sync,
            error: state.error.clone(),
            blocked: state.blocked.clone(),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.connection, self.auth) {
            (Connectivity::Stopped, _) => "not syncing",
            (_, Authorization::AwaitingToken) => "signing in",
            (_, Authorization::NeedsToken) => "signed out",
            (_, Authorization::Forbidden) => "not allowed",
            (Connectivity::Connecting, _) => "connecting",
            (Connectivity::Online, _) => "online",
            (Connectivity::Offline, _) => "offline",
        })?;
        if self.pending > 0 {
            write!(f, " · {} to send", Grouped(self.pending))?;
        }
        match self.progress {
            Some(Progress { rows, total: Some(total) }) => {
                write!(f, " · {} of {} rows", Grouped(rows), Grouped(total.max(rows)))?;
            }
            Some(Progress { rows, total: None }) => write!(f, " · {} rows", Grouped(rows))?,
            None => {}
        }
        if self.blocked.is_some() {
            f.write_str(" · some wait for one that keeps failing")?;
        }
        if self.rejected > 0 {
            write!(f, " · {} not accepted", Grouped(self.rejected))?;
        }
        Ok(())
    }
}

/// A number with a comma between each three digits.
struct Grouped(u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_one_line_that_says_what_matters() {
        let online = Status { connection: Connectivity::Online, ..Status::default() };
        let busy = Status {
            pending: 3,
            progress: Some(Progress { rows: 12_000, total: Some(120_000) }),
            rejected: 1,
            ..online.clone()
        };
        for (status, line) in [
            (Status::default(), "not syncing"),
            (online.clone(), "online"),
            (busy, "online · 3 to send · 12,000 of 120,000 rows · 1 not accepted"),
            (
                Status { progress: Some(Progress { rows: 999, total: None }), ..online.clone() },
                "online · 999 rows",
            ),
            (
                Status { auth: Authorization::NeedsToken, pending: 1_234_567, ..online.clone() },
                "signed out · 1,234,567 to send",
            ),
            (Status { auth: Authorization::Forbidden, ..online }, "not allowed"),
        ] {
            assert_eq!(status.to_string(), line);
        }
    }
}
