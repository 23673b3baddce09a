//! `POST {base}/push`: sends mutations, answered one by one.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Cursor, Tag};

/// The body of a push.
#[derive(Debug, Serialize, Deserialize)]
pub struct PushRequest<'a> {
    /// In the order in which the user made them.
    #[serde(borrow)]
    pub mutations: Vec<Mutation<'a>>,
}

/// One mutation on the wire. The fields that are `Option` are sent in the extended form only.
#[derive(Debug, Serialize, Deserialize)]
pub struct Mutation<'a> {
    /// Made once, when the mutation was queued. (scope, id) is the key of deduplication.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    /// `todo.create`, for instance.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// The data partition that it belongs to.
    #[serde(borrow, default)]
    pub scope: Cow<'a, str>,
    /// Any JSON; `null` where the field is absent.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub args: Option<&'a RawValue>,
    /// The client that made it: for order, logs and support.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Cow<'a, str>>,
    /// Its number among the mutations of its client, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// RFC 3339, UTC, by the clock of the client.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Cow<'a, str>>,
}

/// The body of the answer 200 to a push.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushResponse {
    /// `results[i]` answers `mutations[i]`. Where there are fewer, the rest was not tried.
    pub results: Vec<PushResult>,
}

/// What became of one mutation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushResult {
    /// Whether it is applied, now or by an earlier push.
    pub ok: bool,
    /// How far one must have pulled to have seen its changes. Never a reason to move the pull cursor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
    /// The tag of `cursor` (extended form).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
    /// Why it failed: the text of a [`crate::Code`] or another (extended form).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Why it failed, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
