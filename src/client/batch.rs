//! Several writes that are kept together or not at all.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::edits::Edits;
use crate::collection::{Collection, codec};
use crate::error::Result;
use crate::model::{Edit, EntityKey, Intent};
use crate::store::Store;

/// Writes that are committed together: what [`crate::Client::batch`] gives to its closure.
///
/// Nothing of it is on disk, and nobody else sees it, before the closure has returned. At the server each
/// write is atomic on its own; the batch as a whole is not.
pub struct Batch<'a> {
    edits: Edits<'a>,
    /// What is queued, in order; an entity's edit stands for itself, a custom mutation brings its own.
    intents: Vec<Intent>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(store: &'a Store) -> Self {
        Self { edits: Edits::new(store), intents: Vec::new() }
    }

    pub(super) fn into_intents(self) -> Vec<Intent> {
        self.intents
    }

    pub(super) fn into_edits(self) -> Vec<(EntityKey, Edit)> {
        self.edits.edits
    }

    /// An entity as it is with the writes of this batch; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read or does not fit the type.
    pub fn get<T: DeserializeOwned>(&self, collection: &Collection<T>, id: &str) -> Result<Option<T>> {
        let key = collection.key(id);
        self.edits.view(&key)?.map(|data| codec::decode(&key, &data)).transpose()
    }

    /// Adds a new entity under an id of the app's own.
    ///
    /// # Errors
    /// When one is visible under this id, or the value cannot be stored.
    pub fn create<T: Serialize>(&mut self, collection: &Collection<T>, id: &str, value: &T) -> Result<()> {
        let key = collection.key(id);
        let data = codec::encode(&key, value)?;
        self.edit(key, Edit::Create(data))
    }

    /// Adds a new entity under a new id, which it gives.
    ///
    /// # Errors
    /// When the value cannot be stored.
    pub fn add<T: Serialize>(&mut self, collection: &Collection<T>, value: &T) -> Result<String> {
        let id = crate::new_id();
        self.create(collection, &id, value)?;
        Ok(id)
    }

    /// Replaces an entity; fields that the app does not know stay.
    ///
    /// # Errors
    /// When there is no such entity, or the value cannot be stored.
    pub fn set<T>(&mut self, collection: &Collection<T>, id: &str, value: &T) -> Result<()>
    where
        T: Serialize + DeserializeOwned,
    {
        let key = collection.key(id);
        let current = self.edits.view(&key)?;
        let edit = codec::set(&key, current.as_ref(), value)?;
        self.edit(key, edit)
    }

    /// Changes some fields of an entity; only those are sent.
    ///
    /// # Errors
    /// When there is no such entity, it does not fit the type, or the new value cannot be stored.
    pub fn update<T>(
        &mut self,
        collection: &Collection<T>,
        id: &str,
        change: impl FnOnce(&mut T),
    ) -> Result<()>
    where
        T: Serialize + DeserializeOwned,
    {
        let key = collection.key(id);
        let current = self.edits.view(&key)?;
        match codec::update(&key, current.as_ref(), change)? {
            Some(edit) => self.edit(key, edit),
            None => Ok(()),
        }
    }

    /// Deletes an entity.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn delete<T>(&mut self, collection: &Collection<T>, id: &str) -> Result<()> {
        self.edit(collection.key(id), Edit::Delete)
    }

    /// Queues a mutation of the application's own, with no local effect.
    ///
    /// # Errors
    /// When the arguments cannot be serialised.
    pub fn mutate(&mut self, name: &str, args: &impl Serialize) -> Result<()> {
        let args = codec::args(name, args)?;
        self.intents.push(Intent::Custom { name: name.to_owned(), args, expected: Vec::new() });
        Ok(())
    }

    fn edit(&mut self, key: EntityKey, edit: Edit) -> Result<()> {
        self.edits.add(key.clone(), edit.clone())?;
        self.intents.push(Intent::Entity(key, edit));
        Ok(())
    }
}
