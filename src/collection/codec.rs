//! Between the app's types and JSON.

#[cfg(feature = "ffi")]
use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::upcast::{Upcast, Upcasters, VERSION_FIELD};
use crate::error::{Error, Result};
use crate::model::{Edit, EntityKey, Object};
use crate::store::StoreError;

/// Turns values of the app's types into what is stored and back, whatever version of the app's model that is of.
#[derive(Debug, Default)]
pub struct Codec {
    upcasters: Upcasters,
}

impl Codec {
    pub fn new(upcasters: Upcasters) -> Self {
        Self { upcasters }
    }

    /// A value as it is stored. What could not be read back is refused: JSON has no NaN, for instance.
    pub fn encode<T: Serialize + DeserializeOwned>(&self, key: &EntityKey, value: &T) -> Result<Object> {
        let object = serialise(key, value)?;
        if let Err(Error::Decode { reason, .. }) = parse::<T>(key, &object) {
            let reason = format!("it could not be read back ({reason})");
            return Err(Error::Encode { entity: key.clone(), reason });
        }
        Ok(self.versioned(key, object))
    }

    /// A value that says of which version of the app's model it is, where there are versions.
    pub fn versioned(&self, key: &EntityKey, object: Object) -> Object {
        match self.version(key) {
            Some(version) => object.patched(&version, &[]),
            None => object,
        }
    }

    /// What an entity says of its version when it is written now.
    fn version(&self, key: &EntityKey) -> Option<Object> {
        let newest = self.upcasters.newest(&key.collection)?;
        Object::parse(format!("{{{VERSION_FIELD:?}:{newest}}}"))
    }

    /// A value as the app has it.
    pub fn decode<T: DeserializeOwned>(&self, key: &EntityKey, data: &Object) -> Result<T> {
        match self.upcasters.upcast(key, data) {
            None => parse(key, data),
            Some(Upcast { set, unset }) => parse(key, &data.patched(&set, &unset)),
        }
    }

    /// Whether a collection's model has versions.
    #[cfg(feature = "ffi")]
    pub fn has_versions(&self, collection: &str) -> bool {
        self.upcasters.newest(collection).is_some()
    }

    /// An entity as the newest version of the app's model has it.
    #[cfg(feature = "ffi")]
    pub fn newest<'a>(&self, key: &EntityKey, data: &'a Object) -> Cow<'a, Object> {
        match self.upcasters.upcast(key, data) {
            None => Cow::Borrowed(data),
            Some(Upcast { set, unset }) => Cow::Owned(data.patched(&set, &unset)),
        }
    }

    /// The edit that makes an entity `value`, and leaves the fields that the type does not know.
    pub fn set<T>(&self, key: &EntityKey, current: Option<&Object>, value: &T) -> Result<Edit>
    where
        T: Serialize + DeserializeOwned,
    {
        // `set_fields` says of which version it is.
        let after = Self::default().encode(key, value)?;
        self.set_fields(key, current, |newest| {
            // What the type knows of the current value; all of it where it does not fit the type.
            let before = match parse::<T>(key, newest) {
                Ok(before) => Some(serialise(key, &before)?),
                Err(_) => None,
            };
            Ok(Values { before, after })
        })
    }

    /// As [`Self::set`], by the JSON of the values: `change` gets the entity as the newest version of the model has it,
    /// and gives what the type knows of it, where it fits the type, and the new value.
    pub fn set_fields(
        &self,
        key: &EntityKey,
        current: Option<&Object>,
        change: impl FnOnce(&Object) -> Result<Values>,
    ) -> Result<Edit> {
        let Some(current) = current else { return Err(StoreError::NotFound { entity: key.clone() }.into()) };
        let upcast = self.upcasters.upcast(key, current);
        let newest = upcast.as_ref().map(|upcast| current.patched(&upcast.set, &upcast.unset));
        let Values { before, after } = change(newest.as_ref().unwrap_or(current))?;
        let known = self.versioned(key, after);
        let before = before.as_ref().unwrap_or(current);
        let mut gone = before.fields().names_not_in(&known.fields());
        gone.retain(|name| name != VERSION_FIELD);
        let known = match upcast {
            None => known,
            Some(Upcast { set, unset }) => {
                // The new value has the last word.
                gone.extend(unset.into_iter().filter(|name| !known.fields().has(name)));
                set.patched(&known, &[])
            }
        };
        Ok(Edit::Set { known, gone })
    }

    /// The fields of an entity that `change` changes, and those that it takes away; `None` when it changes none. Of an
    /// entity of an older version, what brings it to the newest is among them.
    pub fn update<T>(
        &self,
        key: &EntityKey,
        current: Option<&Object>,
        change: impl FnOnce(&mut T),
    ) -> Result<Option<(Object, Vec<String>)>>
    where
        T: Serialize + DeserializeOwned,
    {
        self.update_fields(key, current, |newest| {
            let mut value: T = parse(key, newest)?;
            let before = Some(serialise(key, &value)?);
            change(&mut value);
            // As without a version: the one that is stored stays, or is told by the upcast.
            Ok(Values { before, after: Self::default().encode(key, &value)? })
        })
    }

    /// As [`Self::update`], by the JSON of the values: `change` gets the entity as the newest version of the model has
    /// it, and gives what the type knows of it before and after.
    pub fn update_fields(
        &self,
        key: &EntityKey,
        current: Option<&Object>,
        change: impl FnOnce(&Object) -> Result<Values>,
    ) -> Result<Option<(Object, Vec<String>)>> {
        let Some(current) = current else { return Err(StoreError::NotFound { entity: key.clone() }.into()) };
        let upcast = self.upcasters.upcast(key, current);
        let newest = upcast.as_ref().map(|upcast| current.patched(&upcast.set, &upcast.unset));
        let Values { before, after } = change(newest.as_ref().unwrap_or(current))?;
        let before = before.as_ref().unwrap_or(current);
        let Some((set, unset)) = before.fields().patch_to(&after.fields()) else { return Ok(None) };
        let Some(newest) = newest else { return Ok(Some((Object::from_fields(&set), unset))) };
        let updated = newest.patched(&Object::from_fields(&set), &unset);
        let patch = current.fields().patch_to(&updated.fields());
        Ok(patch.map(|(set, unset)| (Object::from_fields(&set), unset)))
    }
}

/// An entity before and after a change of it, as the app's type has it.
pub struct Values {
    /// `None` where it does not fit the type.
    pub before: Option<Object>,
    pub after: Object,
}

fn serialise<T: Serialize>(key: &EntityKey, value: &T) -> Result<Object> {
    let failed = |reason: String| Error::Encode { entity: key.clone(), reason };
    let object = Object::from_value(value).map_err(|error| failed(error.to_string()))?;
    let no_object = "it does not serialise to a JSON object, as a struct with named fields does";
    object.ok_or_else(|| failed(no_object.to_owned()))
}

fn parse<T: DeserializeOwned>(key: &EntityKey, data: &Object) -> Result<T> {
    serde_json::from_str(data.as_str())
        .map_err(|error| Error::Decode { entity: key.clone(), reason: without_content(&error) })
}

/// What the deserialiser said, without what it may quote of the data.
fn without_content(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if text.starts_with("missing field") {
        return text;
    }
    match text.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None => format!("it does not fit at column {}", error.column()),
    }
}

/// The arguments of a custom mutation.
pub fn args(name: &str, args: &impl Serialize) -> Result<Box<RawValue>> {
    serde_json::value::to_raw_value(args)
        .map_err(|error| Error::EncodeArgs { name: name.to_owned(), reason: error.to_string() })
}
