//! `POST {base}/snapshot`: asks for everything in a scope, in pages where both sides are extended.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The body of a request for a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotRequest<'a> {
    /// The data partition.
    #[serde(borrow, default)]
    pub scope: Cow<'a, str>,
    /// How many entities a page holds at most (extended form).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Collection and id of the last entity of the page before (extended form).
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub after: Option<(Cow<'a, str>, Cow<'a, str>)>,
}
