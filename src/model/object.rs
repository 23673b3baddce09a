//! JSON objects as text, and what can be done to their top-level fields without a tree.
//!
//! Values stay the bytes that they were: a number of 30 digits, a field that this version of the app does not
//! know, the order of the fields all survive.

use std::borrow::Cow;
use std::fmt;

use mizu_sync_protocol::json;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
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

    /// Its top-level fields. Of a field that is there twice, each is.
    pub fn fields(&self) -> Fields<'_> {
        // What comes from the server is asked whether it is readable; a damaged file could still say otherwise.
        serde_json::from_str(self.as_str()).unwrap_or_default()
    }

    /// This object with `set` written over it and then `unset` taken away.
    pub fn patched(&self, set: &Self, unset: &[String]) -> Self {
        let mut fields = self.fields();
        for (name, value) in set.fields().0 {
            fields.put(name, value);
        }
        fields.0.retain(|(name, _)| !unset.iter().any(|gone| gone == name));
        fields.to_object()
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

/// The top-level fields of an object, in its order.
#[derive(Debug, Default)]
pub struct Fields<'a>(pub Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Fields<'a> {
    fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| *value)
    }

    fn put(&mut self, name: Cow<'a, str>, value: &'a RawValue) {
        match self.0.iter_mut().rev().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    fn to_object(&self) -> Object {
        // Strings as keys and raw values as values cannot fail to serialise.
        let raw = serde_json::value::to_raw_value(self).unwrap_or_default();
        Object(raw)
    }

    /// The names of those fields that `other` has not.
    pub fn names_not_in(&self, other: &Fields<'_>) -> Vec<String> {
        let missing = self.0.iter().filter(|(name, _)| other.get(name).is_none());
        missing.map(|(name, _)| name.clone().into_owned()).collect()
    }
}

/// What turns the object `before` into `after`: the fields to set and the names to take away. Both come from
/// the same serialiser, so values are compared as text. `None` when there is no difference.
pub fn difference(before: &Object, after: &Object) -> Option<(Object, Vec<String>)> {
    let (old, new) = (before.fields(), after.fields());
    let changed = |(name, value): &(Cow<'_, str>, &RawValue)| {
        old.get(name).is_none_or(|known| known.get() != value.get())
    };
    let set = Fields(new.0.iter().filter(|field| changed(field)).cloned().collect());
    let unset = old.names_not_in(&new);
    (!set.0.is_empty() || !unset.is_empty()).then(|| (set.to_object(), unset))
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;

        #[derive(Deserialize)]
        struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::with_capacity(map.size_hint().unwrap_or(8));
                while let Some((Name(name), value)) = map.next_entry()? {
                    fields.push((name, value));
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(FieldsVisitor)
    }
}

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
        let before = object(r#"{"n": 12345678901234567890123, "title":"a","x\u0079":1.50}"#);
        let after = before.patched(&object(r#"{"title":"b","new":[1]}"#), &[]);
        assert_eq!(after.as_str(), r#"{"n":12345678901234567890123,"title":"b","xy":1.50,"new":[1]}"#);
    }

    #[test]
    fn a_patch_takes_fields_away() {
        let before = object(r#"{"a":1,"b":2}"#);
        assert_eq!(before.patched(&object("{}"), &["a".to_owned(), "z".to_owned()]).as_str(), r#"{"b":2}"#);
    }

    #[test]
    fn a_difference_applied_gives_the_other_object() {
        let before = object(r#"{"a":1,"b":{"c":2},"d":3}"#);
        let after = object(r#"{"a":1,"b":{"c":5},"e":null}"#);
        let (set, unset) = difference(&before, &after).unwrap();
        assert_eq!(set.as_str(), r#"{"b":{"c":5},"e":null}"#);
        assert_eq!(unset, ["d"]);
        assert_eq!(before.patched(&set, &unset).as_str(), after.as_str());
    }

    #[test]
    fn equal_objects_have_no_difference() {
        assert!(difference(&object(r#"{"a":1}"#), &object(r#"{"a":1}"#)).is_none());
    }
}
