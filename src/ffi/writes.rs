//! Writes, as JSON text.

use serde_json::value::RawValue;

use super::CallbackError;
use super::error::ApiResult;
use crate::client::{Core, Gathered};
use crate::collection::codec::Values;
use crate::error::{Error, Result};
use crate::model::{Edit, EntityKey, Intent, Object};

/// A write.
#[derive(Clone, uniffi::Enum)]
pub enum Write {
    /// A new entity.
    Create {
        /// In this collection.
        collection: String,
        /// Under this id.
        id: String,
        /// Its JSON.
        data: String,
    },
    /// The end of an entity.
    Delete {
        /// In this collection.
        collection: String,
        /// With this id.
        id: String,
    },
    /// A mutation of the app's own, without an effect here.
    Mutate {
        /// Its name.
        name: String,
        /// Its arguments, as JSON.
        args: String,
    },
}

/// A mutation of the app's own, and what it is expected to do is what a batch has gathered.
#[derive(Clone, uniffi::Record)]
pub struct Expected {
    /// Its name.
    pub name: String,
    /// Its arguments, as JSON.
    pub args: String,
}

/// A change of an entity, computed on the other side.
#[uniffi::export(foreign)]
pub trait Change: Send + Sync {
    /// Gets the entity as it is. Called again if somebody else has changed it meanwhile.
    fn change(&self, data: String) -> std::result::Result<Changed, CallbackError>;
}

/// An entity before and after a change.
#[derive(Clone, uniffi::Record)]
pub struct Changed {
    /// What the app's type knows of it; `None` where it does not fit the type.
    pub before: Option<String>,
    /// What it is to be.
    pub after: String,
}

impl Write {
    /// As the store takes it.
    pub(super) fn intent(self, core: &Core) -> Result<Intent> {
        Ok(match self {
            Self::Create { collection, id, data } => {
                let key = EntityKey::new(&collection, &id);
                let object = core.codec.versioned(&key, object(&key, data)?);
                Intent::Entity(key, Edit::Create(object))
            }
            Self::Delete { collection, id } => Intent::Entity(EntityKey::new(&collection, &id), Edit::Delete),
            Self::Mutate { name, args } => {
                Intent::Custom { args: raw(&name, args)?, name, expected: Vec::new() }
            }
        })
    }

    /// Adds it to a batch.
    pub(super) fn gather(self, core: &Core, gathered: &mut Gathered) -> Result<()> {
        match self.intent(core)? {
            Intent::Entity(key, edit) => gathered.edit(core, key, edit),
            Intent::Custom { name, args, .. } => {
                gathered.mutate(&name, args);
                Ok(())
            }
        }
    }
}

/// Replaces an entity as a whole, or changes the fields that are different.
pub(super) fn change(core: &Core, key: &EntityKey, whole: bool, change: &dyn Change) -> ApiResult<()> {
    if whole {
        let current = core.store.get(key)?.map(|row| row.data);
        let edit = core.codec.set_fields(key, current.as_ref(), |newest| values(key, newest, change))?;
        core.write(vec![Intent::Entity(key.clone(), edit)])?;
        return Ok(());
    }
    core.update(key, |current| core.codec.update_fields(key, current, |newest| values(key, newest, change)))?;
    Ok(())
}

/// As [`change`], in a batch.
pub(super) fn gather_change(
    core: &Core,
    gathered: &mut Gathered,
    key: EntityKey,
    whole: bool,
    change: &dyn Change,
) -> Result<()> {
    let current = gathered.view(core, &key)?;
    if whole {
        let edit = core.codec.set_fields(&key, current.as_ref(), |newest| values(&key, newest, change))?;
        return gathered.edit(core, key, edit);
    }
    let changed = core.codec.update_fields(&key, current.as_ref(), |newest| values(&key, newest, change))?;
    match changed {
        Some((set, unset)) => gathered.edit(core, key, Edit::Update { set, unset, seen: current }),
        None => Ok(()),
    }
}

fn values(key: &EntityKey, newest: &Object, change: &dyn Change) -> Result<Values> {
    let Changed { before, after } = change.change(newest.as_str().to_owned())?;
    let before = before.map(|before| object(key, before)).transpose()?;
    Ok(Values { before, after: object(key, after)? })
}

/// A value of the other side, which has to be a JSON object.
fn object(key: &EntityKey, text: String) -> Result<Object> {
    Object::parse(text).ok_or_else(|| {
        let reason =
            "it does not serialise to a JSON object, as a class with named properties does".to_owned();
        Error::Encode { entity: key.clone(), reason }
    })
}

pub(super) fn raw(name: &str, args: String) -> Result<Box<RawValue>> {
    RawValue::from_string(args)
        .map_err(|error| Error::EncodeArgs { name: name.to_owned(), reason: error.to_string() })
}
