//! JSON objects as text. Values stay the bytes that they were: a number of 30 digits, a field that this version
//! of the app does not know, the order of the fields all survive.

use std::fmt;

use mizu_sync_protocol::{Fields, json};
use serde::Serialize;
use serde_json::value::RawValue;

/// The text of a JSON object.
#[derive(Clone)]
pub struct Object(Box<RawValue>);

impl Object {
    /// Takes JSON text; `None` unless it is valid and an object.
    pub fn parse(text: String) -> Option<Self> {
        RawValue::from_string(text).ok().and_then(Self::from_raw)
    }

    /// Takes JSON; `None` unless it is an object.
    pub fn from_raw(raw: Box<RawValue>) -> Option<Self> {
        json::is_object(raw.get()).then_some(Self(raw))
    }

    /// Serialises a value; `Ok(None)` unless it becomes an object.
    ///
    /// # Errors
    /// When the value cannot be serialised.
    pub fn from_value<T: Serialize>(value: &T) -> Result<Option<Self>, serde_json::Error> {
        serde_json::value::to_raw_value(value).map(Self::from_raw)
    }

    /// Whether all of its fields can be named. JSON can spell names that are no Unicode: halves of surrogate
    /// pairs.
    pub fn is_readable(&self) -> bool {
        !self.as_str().contains("\\u") || serde_json::from_str::<Fields<'_>>(self.as_str()).is_ok()
    }

    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    pub fn as_raw(&self) -> &RawValue {
        &self.0
    }

    /// Its top-level fields.
    pub fn fields(&self) -> Fields<'_> {
        // What comes from the server is asked whether it is readable; a damaged file could still say otherwise.
        serde_json::from_str(self.as_str()).unwrap_or_default()
    }

    /// The object with these fields.
    pub fn from_fields(fields: &Fields<'_>) -> Self {
        // Strings as keys and raw values as values cannot fail to serialise.
        Self(fields.to_raw().unwrap_or_default())
    }

    /// This object with `set` written over it and then `unset` taken away.
    pub fn patched(&self, set: &Self, unset: &[String]) -> Self {
        Self::from_fields(&self.fields().patched(&set.fields(), unset))
    }
}

// The user's data stays out of logs.
impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Object({} bytes)", self.as_str().len())
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Object {}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Object {
        Object::parse(text.to_owned()).unwrap()
    }

    #[test]
    fn only_an_object_is_an_object() {
        for text in ["7", "[]", "null", "\"{}\"", "{", ""] {
            assert!(Object::parse(text.to_owned()).is_none(), "{text}");
        }
        assert!(Object::parse(" {}".to_owned()).is_some());
    }

    #[test]
    fn a_patch_leaves_other_fields_as_the_bytes_that_they_were() {
        let before = object(r#"{"n": 12345678901234567890123, "title":"a","x\u0079":1.50,"b":2}"#);
        let after = before.patched(&object(r#"{"title":"b","new":[1]}"#), &["b".to_owned(), "z".to_owned()]);
        assert_eq!(after.as_str(), r#"{"n":12345678901234567890123,"title":"b","xy":1.50,"new":[1]}"#);
    }
}
