//! A JSON object whose values stay text: numbers keep all their digits, fields their order, values their form.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

/// The fields of a JSON object, in order.
#[derive(Default)]
pub(crate) struct Object<'a> {
    fields: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> Object<'a> {
    /// With the fields of `set` replaced where they stand or added at the end, and those of `unset` gone.
    pub(crate) fn patched(mut self, set: &Self, unset: &[Cow<'_, str>]) -> Self {
        let new: HashMap<&str, &'a RawValue> =
            set.fields.iter().map(|(name, value)| (name.as_ref(), *value)).collect();
        let mut placed = HashSet::new();
        for (name, value) in &mut self.fields {
            if let Some((&name, &new)) = new.get_key_value(name.as_ref()) {
                *value = new;
                placed.insert(name);
            }
        }
        for (name, _) in &set.fields {
            if placed.insert(name) {
                self.fields.push((name.clone(), new[name.as_ref()]));
            }
        }
        let gone: HashSet<&str> = unset.iter().map(AsRef::as_ref).collect();
        self.fields.retain(|(name, _)| !gone.contains(name.as_ref()));
        self
    }

    pub(crate) fn to_raw(&self) -> serde_json::Result<Box<RawValue>> {
        serde_json::value::to_raw_value(self)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some((Name(name), value)) = map.next_entry()? {
                    fields.push((name, value));
                }
                Ok(Object { fields })
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// A field's name, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields.len()))?;
        for (name, value) in &self.fields {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patched(object: &str, set: &str, unset: &[&str]) -> String {
        let object: Object<'_> = serde_json::from_str(object).unwrap();
        let set: Object<'_> = serde_json::from_str(set).unwrap();
        let unset: Vec<Cow<'_, str>> = unset.iter().map(|name| Cow::Borrowed(*name)).collect();
        object.patched(&set, &unset).to_raw().unwrap().get().to_owned()
    }

    #[test]
    fn a_patch_leaves_order_digits_and_inner_form_alone() {
        let object = r#"{"z": 9007199254740993, "a": 1.10, "deep": { "x" : [1, 2] }, "gone": 0}"#;
        assert_eq!(
            patched(object, r#"{"new":1e400,"a":2.20}"#, &["gone", "never"]),
            r#"{"z":9007199254740993,"a":2.20,"deep":{ "x" : [1, 2] },"new":1e400}"#
        );
    }

    #[test]
    fn names_are_compared_by_meaning() {
        assert_eq!(patched(r#"{"a":1,"\u0062":1}"#, r#"{"\u0061":2,"b":2}"#, &[]), r#"{"a":2,"b":2}"#);
    }

    #[test]
    fn a_field_that_is_set_twice_takes_the_last_value() {
        assert_eq!(patched("{}", r#"{"a":1,"a":2}"#, &[]), r#"{"a":2}"#);
    }
}
