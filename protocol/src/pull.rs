//! `POST {base}/pull`: asks for the changes after a cursor.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Cursor, Tag};

/// The body of a pull.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequest<'a> {
    /// The data partition.
    #[serde(borrow, default)]
    pub scope: Cow<'a, str>,
    /// How far the client has pulled.
    #[serde(default)]
    pub cursor: Cursor,
    /// How many changes it wants at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// What happened to an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// It has this data now, and did not exist before.
    Create,
    /// It has this data now.
    Update,
    /// It is gone.
    Delete,
}

impl Op {
    /// Its text on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// One change, in the form that our server sends to extended clients.
#[derive(Debug, Serialize, Deserialize)]
pub struct Change<'a> {
    /// Its position in the log. The changes of one mutation follow each other.
    pub cursor: Cursor,
    /// The data partition.
    #[serde(borrow, default)]
    pub scope: Cow<'a, str>,
    /// The collection of the entity.
    #[serde(borrow)]
    pub entity: Cow<'a, str>,
    /// The entity's id in its collection.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    /// What happened.
    pub op: Op,
    /// The whole entity, a JSON object; none where it was deleted.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub data: Option<&'a RawValue>,
    /// RFC 3339, UTC, by the clock of the server.
    #[serde(borrow, default)]
    pub time: Cow<'a, str>,
}

/// The answer 200 to a pull, as a client reads it: each change is still raw, so that one that cannot be read
/// does not spoil the page.
#[derive(Debug, Deserialize)]
pub struct PullResponse<'a> {
    /// In the order of their cursors. go-mizu's server sends `null` for an empty page.
    #[serde(borrow, default)]
    pub changes: Option<Vec<&'a RawValue>>,
    /// Whether more changes wait after these.
    #[serde(default)]
    pub has_more: bool,
    /// The cursor to pull from next. Left out by go-mizu's server on an empty page: the cursor stays.
    #[serde(default)]
    pub next_cursor: Option<Cursor>,
    /// The tag of `next_cursor` (extended form).
    #[serde(default)]
    pub tag: Option<Tag>,
}
