//! What a server that serves any app by generic mutations reads: the arguments of `<collection>.<verb>`.
//!
//! | verb | arguments |
//! |---|---|
//! | `create`, `update` | [`WithData`] |
//! | `patch` | [`Patch`] |
//! | `delete` | [`Target`] |

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::Fields;

/// `{"id","data"}`: an entity as a whole. That `data` is an object is for the server to check.
#[derive(Clone, Deserialize)]
pub struct WithData<'a> {
    /// The entity's.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    /// All of it, JSON.
    #[serde(borrow)]
    pub data: &'a RawValue,
}

/// `{"id","set":{…},"unset":[…]}`: top-level fields of an entity. What is left out is empty.
#[derive(Clone, Deserialize)]
pub struct Patch<'a> {
    /// The entity's.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    /// New values.
    #[serde(borrow, default)]
    pub set: Fields<'a>,
    /// Names of fields to take away, after that.
    #[serde(borrow, default)]
    pub unset: Vec<Cow<'a, str>>,
}

/// `{"id"}`.
#[derive(Clone, Deserialize)]
pub struct Target<'a> {
    /// The entity's.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
}
