//! Mutations: as the app makes them, as they are sent, what becomes of them, as the app is shown them.

use std::fmt;

use mizu_sync_protocol::{Cursor, Tag, Wire};
use serde_json::value::RawValue;

use super::entity::EntityKey;
use super::object::Object;
use super::patch::{Edit, Patch};
use crate::time::Timestamp;

/// What a mutation to be queued means.
#[derive(Clone)]
pub enum Intent {
    /// A generic mutation of one entity.
    Entity(EntityKey, Edit),
    /// A mutation of the application's own, with what it is expected to do to entities here.
    Custom { name: String, args: Box<RawValue>, expected: Vec<(EntityKey, Edit)> },
}

/// A mutation to be queued.
#[derive(Clone)]
pub struct NewMutation {
    /// Unique for ever.
    pub id: String,
    /// By the clock of this device.
    pub created_at: Timestamp,
    pub intent: Intent,
}

/// What a queued mutation means, as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub enum Meaning {
    /// A generic mutation of one entity.
    Entity {
        /// The entity.
        key: EntityKey,
        /// What it does.
        patch: Patch,
        /// Of [`Patch::Fields`] that is to be sent in the plain form: the whole object as it stands after this
        /// mutation; `None` when there is no such entity.
        whole: Option<Object>,
    },
    /// A mutation of the application's own.
    Custom {
        /// Its name.
        name: String,
        /// Its arguments, JSON.
        args: Box<str>,
    },
}

/// A mutation that is on its way to the server.
#[derive(Clone)]
pub struct Outgoing {
    /// Its place in the queue, and its number among this client's mutations.
    pub seq: u64,
    /// The key of deduplication.
    pub id: String,
    /// By the clock of this device.
    pub created_at: Timestamp,
    /// What it means.
    pub meaning: Meaning,
    /// The entities that it is known to touch.
    pub entities: Vec<EntityKey>,
    /// How often the server has answered it with a temporary failure.
    pub failures: u32,
}

/// What is to be sent next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// The next mutations in order, those that are suspects or wait behind one left out.
    Next {
        /// At most this many.
        limit: usize,
    },
    /// This one alone.
    Only(u64),
}

/// What a push may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchRequest {
    /// Which mutations.
    pub selection: Selection,
    /// The form in which they will be sent.
    pub wire: Wire,
    /// Whether patches are sent as whole objects.
    pub whole: bool,
    /// Their size together, at most; a single one may be larger.
    pub max_bytes: usize,
    /// What each of them takes beside its name, id and arguments.
    pub bytes_each: usize,
    /// The server's time, where it is known.
    pub server_now: Option<Timestamp>,
}

/// Mutations to be sent now, or else those that have expired. That they are sent is already on disk.
#[derive(Clone, Default)]
pub struct Batch {
    /// In order.
    pub mutations: Vec<Outgoing>,
    /// Those that were sent so long ago, and never answered, that the server may have forgotten them.
    pub expired: Vec<u64>,
    /// Those that cannot be read any more. Only a damaged file holds such.
    pub damaged: Vec<u64>,
}

/// What became of a mutation that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Applied, and pulled before it was sent: an earlier answer was lost.
    Settled,
    /// Applied. `round` is the number of the last pull that had begun when the answer came.
    Acked {
        /// How far one must have pulled to have seen it.
        cursor: Option<Cursor>,
        /// The tag of `cursor`.
        tag: Option<Tag>,
        /// See above.
        round: u64,
    },
    /// Refused for good.
    Rejected {
        /// Why, as a code.
        code: String,
        /// Why, in words.
        error: String,
    },
    /// Failed for now.
    Failed {
        /// Why, in words.
        error: String,
        /// When, in the server's time where that is known.
        at: Timestamp,
        /// Whether it is a suspect from now on.
        suspect: bool,
        /// The server's own word that it had not been applied until then, in its time. A copy of it may still
        /// be on its way.
        not_applied_before: Option<Timestamp>,
    },
}

/// A mutation as the app is shown it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingMutation {
    /// Its id.
    pub id: String,
    /// Its number among this client's mutations.
    pub seq: u64,
    /// `todo.create`, for instance.
    pub name: String,
    /// Its arguments, JSON.
    pub args: String,
    /// When the app made it, by the clock of this device.
    pub created_at: Timestamp,
    /// Whether the server has applied it already; it is then only waiting for a pull to confirm it.
    pub acked: bool,
    /// How often the server has answered it with a temporary failure.
    pub failures: u32,
    /// What the server said last, if it failed.
    pub error: Option<String>,
    /// The rejected mutation that it retries.
    pub retries: Option<String>,
}

/// A mutation that was refused, for the app or its user to decide about.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RejectedMutation {
    /// Its id.
    pub id: String,
    /// Its number among this client's mutations.
    pub seq: u64,
    /// `todo.create`, for instance.
    pub name: String,
    /// Its arguments, JSON.
    pub args: String,
    /// Why, as a code: one of the protocol's, or `outcome_unknown`, `keeps_failing`, `too_large`,
    /// `damaged`.
    pub code: String,
    /// Why, in words.
    pub error: String,
    /// When it was refused, by the clock of this device.
    pub at: Timestamp,
    /// When the app made it, by the clock of this device.
    pub created_at: Timestamp,
    /// The rejected mutation that it had retried.
    pub retries: Option<String>,
}

impl fmt::Display for RejectedMutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} was not accepted: {} ({})", self.name, self.error, self.code)
    }
}

// Arguments are the user's data: they stay out of logs.
impl fmt::Debug for PendingMutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, seq, name, acked, failures, .. } = self;
        f.debug_struct("PendingMutation")
            .field("id", id)
            .field("seq", seq)
            .field("name", name)
            .field("acked", acked)
            .field("failures", failures)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RejectedMutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, seq, name, code, .. } = self;
        f.debug_struct("RejectedMutation")
            .field("id", id)
            .field("seq", seq)
            .field("name", name)
            .field("code", code)
            .finish_non_exhaustive()
    }
}
