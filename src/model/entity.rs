//! Entities, and what the server says of them.

use std::fmt;

use mizu_sync_protocol::{Cursor, Tag};

use super::object::Object;

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
    /// The round of the pull that it belongs to. Only what was acked before that round settles: the round's
    /// requests named those acks, and the server did not object that they are of another log.
    pub round: u64,
    /// Whether it ends that pull: then acks without a cursor settle too.
    pub ends_round: bool,
}

/// What a page did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Mutations whose effects are confirmed.
    pub settled: u64,
    /// Changes that went into quarantine.
    pub quarantined: u64,
}
