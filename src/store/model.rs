//! What the store holds, in Rust's types.

use std::borrow::Cow;
use std::fmt;

use mizu_sync_protocol::{Cursor, Tag, Wire};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::object::Object;
use crate::time::Timestamp;

/// Which entity: the name of its collection and its id there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityKey {
    /// The collection's name, such as `todo`.
    pub collection: String,
    /// The id in the collection.
    pub id: String,
}

impl EntityKey {
    /// The key of an entity.
    #[must_use]
    pub fn new(collection: &str, id: &str) -> Self {
        Self { collection: collection.to_owned(), id: id.to_owned() }
    }
}

impl fmt::Display for EntityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.collection, self.id)
    }
}

/// What the app does to one entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    /// A new entity. Refused when one is visible under its id.
    Create(Object),
    /// All the fields that the app knows; those that it does not know stay. `gone` names known fields that
    /// the new value leaves out.
    Set { known: Object, gone: Vec<String> },
    /// Only the fields that changed.
    Update { set: Object, unset: Vec<String> },
    /// Gone.
    Delete,
}

/// What one mutation did to one entity, recorded once. Laid over the server's truth it gives what the app sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Patch {
    /// Writes always.
    Create(Object),
    /// Writes where the entity exists.
    Replace(Object),
    /// Writes some top-level fields where the entity exists.
    Fields {
        /// The fields to write.
        set: Object,
        /// The names of fields to take away.
        unset: Vec<String>,
    },
    /// Hides it.
    Delete,
}

/// The `body` column of [`Patch::Fields`].
#[derive(Serialize, Deserialize)]
struct FieldsBody<'a> {
    #[serde(borrow)]
    set: &'a RawValue,
    unset: Vec<String>,
}

/// The arguments of a generic mutation.
#[derive(Default, Serialize, Deserialize)]
struct GenericArgs<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    set: Option<&'a RawValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unset: Option<Vec<String>>,
}

impl<'a> GenericArgs<'a> {
    fn of(id: &'a str) -> Self {
        Self { id: Cow::Borrowed(id), ..Self::default() }
    }
}

impl Patch {
    /// The entity after this patch.
    #[must_use]
    pub fn apply(&self, current: Option<Object>) -> Option<Object> {
        match self {
            Self::Create(data) => Some(data.clone()),
            Self::Replace(data) => current.map(|_| data.clone()),
            Self::Fields { set, unset } => current.map(|current| current.patched(set, unset)),
            Self::Delete => None,
        }
    }

    /// The `op` column, and the verb of the generic mutation.
    #[must_use]
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Create(_) => "create",
            Self::Replace(_) => "update",
            Self::Fields { .. } => "patch",
            Self::Delete => "delete",
        }
    }

    /// The `body` column.
    pub(crate) fn body(&self) -> Option<String> {
        match self {
            Self::Create(data) | Self::Replace(data) => Some(data.as_str().to_owned()),
            Self::Fields { set, unset } => {
                serde_json::to_string(&FieldsBody { set: set.as_raw(), unset: unset.clone() }).ok()
            }
            Self::Delete => None,
        }
    }

    /// The arguments of the generic mutation: `{id, data}`, `{id, set, unset}` or `{id}`.
    pub(crate) fn args(&self, id: &str) -> String {
        let args = match self {
            Self::Create(data) | Self::Replace(data) => {
                GenericArgs { data: Some(data.as_raw()), ..GenericArgs::of(id) }
            }
            Self::Fields { set, unset } => {
                GenericArgs { set: Some(set.as_raw()), unset: Some(unset.clone()), ..GenericArgs::of(id) }
            }
            Self::Delete => GenericArgs::of(id),
        };
        // Strings and raw values cannot fail to serialise.
        serde_json::to_string(&args).unwrap_or_default()
    }

    /// The inverse of [`Patch::args`]: the id, and the patch of this verb.
    pub(crate) fn from_args(verb: &str, args: &str) -> Option<(String, Self)> {
        let GenericArgs { id, data, set, unset } = serde_json::from_str(args).ok()?;
        let object = |raw: Option<&RawValue>| raw.and_then(|raw| Object::from_raw(raw.to_owned()));
        let patch = match verb {
            "create" => Self::Create(object(data)?),
            "update" => Self::Replace(object(data)?),
            "patch" => Self::Fields { set: object(set)?, unset: unset.unwrap_or_default() },
            "delete" => Self::Delete,
            _ => return None,
        };
        Some((id.into_owned(), patch))
    }

    /// About how many bytes it takes on the wire.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Create(data) | Self::Replace(data) => data.as_str().len(),
            Self::Fields { set, unset } => {
                set.as_str().len() + unset.iter().map(|name| name.len() + 3).sum::<usize>()
            }
            Self::Delete => 0,
        }
    }

    /// The patch with this verb and body; `None` if they do not fit.
    pub(crate) fn parse(verb: &str, body: Option<&str>) -> Option<Self> {
        let object = |text: &str| Object::parse(text.to_owned());
        match (verb, body) {
            ("create", Some(body)) => object(body).map(Self::Create),
            ("update", Some(body)) => object(body).map(Self::Replace),
            ("patch", Some(body)) => {
                let fields: FieldsBody<'_> = serde_json::from_str(body).ok()?;
                Some(Self::Fields { set: Object::from_raw(fields.set.to_owned())?, unset: fields.unset })
            }
            ("delete", _) => Some(Self::Delete),
            _ => None,
        }
    }
}

/// What a mutation to be queued means.
#[derive(Clone)]
pub(crate) enum Intent {
    /// A generic mutation of one entity.
    Entity(EntityKey, Edit),
    /// A mutation of the application's own, with what it is expected to do to entities here.
    Custom { name: String, args: Box<RawValue>, expected: Vec<(EntityKey, Edit)> },
}

/// A mutation to be queued.
#[derive(Clone)]
pub(crate) struct NewMutation {
    /// Unique for ever.
    pub(crate) id: String,
    /// By the clock of this device.
    pub(crate) created_at: Timestamp,
    pub(crate) intent: Intent,
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

/// What became of a mutation that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
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
    /// Failed for now, by the server's own word: it was not applied.
    Failed {
        /// Why, in words.
        error: String,
        /// When, in the server's time where that is known.
        at: Timestamp,
        /// Whether it is a suspect from now on.
        suspect: bool,
        /// Whether this counts towards its rejection.
        counted: bool,
    },
}

/// The state of a mutation that keeps failing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// Its place in the queue.
    pub seq: u64,
    /// Attempts that count.
    pub attempts: u32,
    /// When it failed first.
    pub first_failure: Timestamp,
    /// What the server said last.
    pub error: String,
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
    /// The last row of its last page; `None` once all pages are there.
    pub after: Option<EntityKey>,
    /// Rows so far.
    pub rows: u64,
    /// Rows in all, where the server told.
    pub total: Option<u64>,
}

/// One entity as the server has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerEntity {
    /// Which.
    pub key: EntityKey,
    /// Its data; `None` when it was deleted.
    pub data: Option<Object>,
}

/// A change from the server that cannot be used.
#[derive(Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Its cursor, where it had one.
    pub cursor: Option<Cursor>,
    /// Why, in words, without its content.
    pub reason: String,
    /// The change itself, unless it is too large to keep.
    pub raw: Option<String>,
}

/// A page of changes, read.
#[derive(Clone, Default)]
pub struct Page {
    /// In the server's order.
    pub changes: Vec<ServerEntity>,
    /// What could not be read.
    pub unreadable: Vec<Unreadable>,
    /// Where the page ends.
    pub cursor: Cursor,
    /// The tag of `cursor`.
    pub tag: Option<Tag>,
    /// When this page ends a pull, the pull's round: acked mutations without a cursor that were acked before
    /// that round settle.
    pub ended_round: Option<u64>,
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
    /// Why, as a code: one of the protocol's, or `outcome_unknown`, `keeps_failing`, `too_large`.
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
