//! What a mutation does to one entity.

use std::borrow::Cow;

use mizu_sync_protocol::json;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::object::Object;

/// What the app does to one entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// A new entity. Refused when one is visible under its id.
    Create(Object),
    /// All the fields that the app knows; those that it does not know stay. `gone` names known fields that
    /// the new value leaves out.
    Set { known: Object, gone: Vec<String> },
    /// Only the fields that changed. `seen` is the entity that the change was computed from, where the edit is
    /// refused if it is another one by now.
    Update { set: Object, unset: Vec<String>, seen: Option<Object> },
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
    pub fn body(&self) -> Option<String> {
        match self {
            Self::Create(data) | Self::Replace(data) => Some(data.as_str().to_owned()),
            Self::Fields { set, unset } => {
                serde_json::to_string(&FieldsBody { set: set.as_raw(), unset: unset.clone() }).ok()
            }
            Self::Delete => None,
        }
    }

    /// The arguments of the generic mutation: `{id, data}`, `{id, set, unset}` or `{id}`.
    pub fn args(&self, id: &str) -> String {
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
    pub fn from_args(verb: &str, args: &str) -> Option<(String, Self)> {
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
    pub fn size(&self) -> usize {
        match self {
            Self::Create(data) | Self::Replace(data) => data.as_str().len(),
            Self::Fields { set, unset } => {
                set.as_str().len() + unset.iter().map(|name| json::string_len(name) + 1).sum::<usize>()
            }
            Self::Delete => 0,
        }
    }

    /// The patch with this verb and body; `None` if they do not fit.
    pub fn parse(verb: &str, body: Option<&str>) -> Option<Self> {
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
