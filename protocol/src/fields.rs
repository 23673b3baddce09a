//! The top-level fields of a JSON object, and what a patch does to them. Values stay text: numbers keep all
//! their digits, fields their order, values their form.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;

/// The top-level fields of a JSON object, in its order. Of a name that is there twice, each.
#[derive(Clone, Default)]
pub struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// With the fields of `set` replaced where they stand or added at the end, and those of `unset` gone.
    #[must_use]
    pub fn patched(mut self, set: &Self, unset: &[impl AsRef<str>]) -> Self {
        let new: HashMap<&str, &'a RawValue> =
            set.0.iter().map(|(name, value)| (name.as_ref(), *value)).collect();
        let mut placed = HashSet::new();
        for (name, value) in &mut self.0 {
            if let Some((&name, &new)) = new.get_key_value(name.as_ref()) {
                *value = new;
                placed.insert(name);
            }
        }
        for (name, _) in &set.0 {
            if placed.insert(name) {
                self.0.push((name.clone(), new[name.as_ref()]));
            }
        }
        let gone: HashSet<&str> = unset.iter().map(AsRef::as_ref).collect();
        self.0.retain(|(name, _)| !gone.contains(name.as_ref()));
        self
    }

    /// The patch that turns these fields into `after`: what to set, and the names to take away. Values are
    /// compared as text: to be worth it, both sides come from the same serialiser. `None` without a difference.
    #[must_use]
    pub fn patch_to(&self, after: &Self) -> Option<(Self, Vec<String>)> {
        let known: HashMap<&str, &str> =
            self.0.iter().map(|(name, value)| (name.as_ref(), value.get())).collect();
        let changed = |(name, value): &&(Cow<'a, str>, &'a RawValue)| {
            known.get(name.as_ref()).is_none_or(|known| *known != value.get())
        };
        let set = Self(after.0.iter().filter(changed).cloned().collect());
        let unset = self.names_not_in(after);
        (!set.0.is_empty() || !unset.is_empty()).then_some((set, unset))
    }

    /// The names of those fields that `other` has not.
    #[must_use]
    pub fn names_not_in(&self, other: &Fields<'_>) -> Vec<String> {
        let known: HashSet<&str> = other.0.iter().map(|(name, _)| name.as_ref()).collect();
        let missing = self.0.iter().filter(|(name, _)| !known.contains(name.as_ref()));
        missing.map(|(name, _)| name.clone().into_owned()).collect()
    }

    /// Whether there is one of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// The object as text.
    ///
    /// # Errors
    /// None is known: strings as keys and raw values as values can be serialised.
    pub fn to_raw(&self) -> serde_json::Result<Box<RawValue>> {
        serde_json::value::to_raw_value(self)
    }
}

// The user's data stays out of logs.
impl fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fields({})", self.0.len())
    }
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// Refuses names that are no Unicode: JSON can spell halves of surrogate pairs.
impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;

        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some((Name(name), value)) = map.next_entry()? {
                    fields.push((name, value));
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(FieldsVisitor)
    }
}

/// A field's name, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Fields<'_> {
        serde_json::from_str(text).unwrap()
    }

    fn patched(object: &str, set: &str, unset: &[&str]) -> String {
        fields(object).patched(&fields(set), unset).to_raw().unwrap().get().to_owned()
    }

    #[test]
    fn a_patch_leaves_order_digits_and_inner_form_alone() {
        let object = r#"{"z": 12345678901234567890123, "a": 1.10, "deep": { "x" : [1, 2] }, "gone": 0}"#;
        assert_eq!(
            patched(object, r#"{"new":1e400,"a":2.20}"#, &["gone", "never"]),
            r#"{"z":12345678901234567890123,"a":2.20,"deep":{ "x" : [1, 2] },"new":1e400}"#
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

    #[test]
    fn a_patch_from_one_object_to_another_makes_the_other() {
        let (before, after) = (r#"{"a":1,"b":{"c":2},"d":3}"#, r#"{"a":1,"b":{"c":5},"e":null}"#);
        let (set, unset) = fields(before).patch_to(&fields(after)).unwrap();
        assert_eq!(set.to_raw().unwrap().get(), r#"{"b":{"c":5},"e":null}"#);
        assert_eq!(unset, ["d"]);
        assert_eq!(fields(before).patched(&set, &unset).to_raw().unwrap().get(), after);
    }

    #[test]
    fn equal_objects_need_no_patch() {
        assert!(fields(r#"{"a":1}"#).patch_to(&fields(r#"{"a":1}"#)).is_none());
    }

    #[test]
    fn a_name_that_is_no_unicode_is_refused() {
        assert!(serde_json::from_str::<Fields<'_>>(r#"{"\ud800":1}"#).is_err());
    }
}
