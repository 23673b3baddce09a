//! Between the app's types and JSON.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::model::{Edit, EntityKey, Object};
use crate::store::StoreError;

/// A value as it is stored. What could not be read back is refused: JSON has no NaN, for instance.
pub fn encode<T: Serialize + DeserializeOwned>(key: &EntityKey, value: &T) -> Result<Object> {
    let object = serialise(key, value)?;
    match decode::<T>(key, &object) {
        Err(Error::Decode { reason, .. }) => Err(Error::Encode {
            entity: key.clone(),
            reason: format!("it could not be read back ({reason})"),
        }),
        _ => Ok(object),
    }
}

fn serialise<T: Serialize>(key: &EntityKey, value: &T) -> Result<Object> {
    let failed = |reason: String| Error::Encode { entity: key.clone(), reason };
    let object = Object::from_value(value).map_err(|error| failed(error.to_string()))?;
    let no_object = "it does not serialise to a JSON object, as a struct with named fields does";
    object.ok_or_else(|| failed(no_object.to_owned()))
}

/// A value as the app has it.
pub fn decode<T: DeserializeOwned>(key: &EntityKey, data: &Object) -> Result<T> {
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

/// The edit that makes an entity `value`, and leaves the fields that the type does not know.
pub fn set<T>(key: &EntityKey, current: Option<&Object>, value: &T) -> Result<Edit>
where
    T: Serialize + DeserializeOwned,
{
    let known = encode(key, value)?;
    let Some(current) = current else { return Err(StoreError::NotFound { entity: key.clone() }.into()) };
    // What the type knows of the current value; all of it where it does not fit the type.
    let before = match decode::<T>(key, current) {
        Ok(before) => serialise(key, &before)?,
        Err(_) => current.clone(),
    };
    let gone = before.fields().names_not_in(&known.fields());
    Ok(Edit::Set { known, gone })
}

/// The fields of an entity that `change` changes, and those that it takes away; `None` when it changes none.
pub fn update<T>(
    key: &EntityKey,
    current: Option<&Object>,
    change: impl FnOnce(&mut T),
) -> Result<Option<(Object, Vec<String>)>>
where
    T: Serialize + DeserializeOwned,
{
    let Some(current) = current else { return Err(StoreError::NotFound { entity: key.clone() }.into()) };
    let mut value: T = decode(key, current)?;
    let before = serialise(key, &value)?;
    change(&mut value);
    let after = encode(key, &value)?;
    let patch = before.fields().patch_to(&after.fields());
    Ok(patch.map(|(set, unset)| (Object::from_fields(&set), unset)))
}

/// The arguments of a custom mutation.
pub fn args(name: &str, args: &impl Serialize) -> Result<Box<RawValue>> {
    serde_json::value::to_raw_value(args)
        .map_err(|error| Error::EncodeArgs { name: name.to_owned(), reason: error.to_string() })
}
