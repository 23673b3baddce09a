//! What a file remembers of the sync.

use mizu_sync_protocol::{Cursor, LogPosition, Tag, Wire};

use super::entity::EntityKey;
use crate::time::Timestamp;

/// The state of a mutation that keeps failing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// Its place in the queue.
    pub seq: u64,
    /// Attempts that count.
    pub attempts: u32,
    /// When it failed first.
    pub first_failure: Timestamp,
    /// What the server said last, or what became of the request.
    pub error: String,
    /// Whether the server's own word is that it was not applied.
    pub answered: bool,
}

/// How many mutations are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Waiting to be sent, or sent and not answered.
    pub pending: u64,
    /// Applied by the server, and not yet seen by a pull.
    pub acked: u64,
    /// Refused; the app has to decide.
    pub rejected: u64,
}

impl Counts {
    /// The greater number of each state.
    #[must_use]
    pub fn at_least(self, other: Self) -> Self {
        Self {
            pending: self.pending.max(other.pending),
            acked: self.acked.max(other.acked),
            rejected: self.rejected.max(other.rejected),
        }
    }
}

/// What the file remembers of the sync.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// This file's name at servers.
    pub client: String,
    /// How far it has pulled.
    pub cursor: Cursor,
    /// The tag of `cursor`.
    pub tag: Option<Tag>,
    /// How the server is spoken to; `None` before its first answer.
    pub wire: Option<Wire>,
    /// Whether a first snapshot has been taken.
    pub bootstrapped: bool,
    /// Whether the server's log was found to be another one, and no snapshot has been taken since.
    pub resync: bool,
    /// A snapshot that is being taken.
    pub stage: Option<Stage>,
    /// The highest ack of a mutation that is not settled.
    pub acked: Option<(Cursor, Option<Tag>)>,
    /// The mutations that keep failing, oldest first.
    pub suspects: Vec<Suspect>,
    /// The generation that is seen.
    pub generation: u64,
    /// How many changes are in quarantine.
    pub quarantined: u64,
    /// The version of the app and of its dialect that last used the file.
    pub versions: Versions,
}

/// What decides whether changes that could not be read may be readable now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Versions {
    /// The app's own version.
    pub app: String,
    /// The dialect's version.
    pub dialect: String,
}

/// A snapshot that is being taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Where its rows are.
    pub generation: u64,
    /// Where pulls into it continue.
    pub cursor: Cursor,
    /// The tag of `cursor`.
    pub tag: Option<Tag>,
    /// The position of its newest page, whose rows may be newer than `cursor`: whether they are of the same log
    /// has to be asked.
    pub newest_page: Option<LogPosition>,
    /// The last row of its last page; `None` once all pages are there.
    pub after: Option<EntityKey>,
    /// Rows so far.
    pub rows: u64,
    /// Rows in all, where the server told.
    pub total: Option<u64>,
}

impl Stage {
    /// The newest position that its rows may be of.
    #[must_use]
    pub fn newest(&self) -> (Cursor, Option<&Tag>) {
        match &self.newest_page {
            Some(page) if page.cursor > self.cursor => (page.cursor, Some(&page.tag)),
            _ => (self.cursor, self.tag.as_ref()),
        }
    }
}
