//! Gathers edits in memory, so that several become one transaction. Reads see what was gathered.

use std::collections::HashMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::core::Core;
use crate::collection::Collection;
use crate::error::Result;
use crate::model::{Edit, EntityKey, Intent, Object};
use crate::store;

/// Writes to entities that are committed together: what [`crate::Client::mutate_expecting`] gives to its closure,
/// and a [`crate::Batch`] has beside custom mutations.
///
/// Nothing of it is on disk, and nobody else sees it, before the closure has returned.
pub struct Edits<'a> {
    core: &'a Core,
    pub(super) gathered: Gathered,
}

/// What was gathered.
#[derive(Default)]
pub(crate) struct Gathered {
    /// What the entities that were edited look like.
    views: HashMap<EntityKey, Option<Object>>,
    /// In order.
    intents: Vec<Intent>,
}

impl Gathered {
    /// The entity with what was gathered.
    pub fn view(&self, core: &Core, key: &EntityKey) -> Result<Option<Object>> {
        if let Some(view) = self.views.get(key) {
            return Ok(view.clone());
        }
        Ok(core.store.get(key)?.map(|row| row.data))
    }

    /// Adds an edit; refuses at once what the store would refuse.
    pub fn edit(&mut self, core: &Core, key: EntityKey, edit: Edit) -> Result<()> {
        let visible = self.view(core, &key)?;
        let patch = store::resolve(edit.clone(), visible.as_ref(), &key)?;
        self.views.insert(key.clone(), patch.apply(visible));
        self.intents.push(Intent::Entity(key, edit));
        Ok(())
    }

    /// Adds a mutation of the app's own.
    pub fn mutate(&mut self, name: &str, args: Box<RawValue>) {
        self.intents.push(Intent::Custom { name: name.to_owned(), args, expected: Vec::new() });
    }

    /// All of it, to be written.
    pub fn into_intents(self) -> Vec<Intent> {
        self.intents
    }

    /// The edits of entities, as what a mutation of the app's own is expected to do.
    pub fn into_edits(self) -> Vec<(EntityKey, Edit)> {
        let edit = |intent| match intent {
            Intent::Entity(key, edit) => Some((key, edit)),
            Intent::Custom { .. } => None,
        };
        self.intents.into_iter().filter_map(edit).collect()
    }
}

impl<'a> Edits<'a> {
    pub(super) fn new(core: &'a Core) -> Self {
        Self { core, gathered: Gathered::default() }
    }

    fn view(&self, key: &EntityKey) -> Result<Option<Object>> {
        self.gathered.view(self.core, key)
    }

    fn edit(&mut self, key: EntityKey, edit: Edit) -> Result<()> {
        self.gathered.edit(self.core, key, edit)
    }

    /// An entity as it is with the writes of this batch; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read or does not fit the type.
    pub fn get<T: DeserializeOwned>(&self, collection: &Collection<T>, id: &str) -> Result<Option<T>> {
        let key = collection.key(id);
        self.view(&key)?.map(|data| self.core.codec.decode(&key, &data)).transpose()
    }

    /// Adds a new entity under an id of the app's own.
    ///
    /// # Errors
    /// When one is visible under this id, or the value cannot be stored.
    pub fn create<T: Serialize + DeserializeOwned>(
        &mut self,
        collection: &Collection<T>,
        id: &str,
        value: &T,
    ) -> Result<()> {
        let key = collection.key(id);
        let data = self.core.codec.encode(&key, value)?;
        self.edit(key, Edit::Create(data))
    }

    /// Adds a new entity under a new id, which it gives.
    ///
    /// # Errors
    /// When the value cannot be stored.
    pub fn add<T: Serialize + DeserializeOwned>(
        &mut self,
        collection: &Collection<T>,
        value: &T,
    ) -> Result<String> {
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
        let current = self.view(&key)?;
        let edit = self.core.codec.set(&key, current.as_ref(), value)?;
        self.edit(key, edit)
    }

    /// Changes some fields of an entity; only those are sent. If somebody else changes the entity before all of it is
    /// committed, nothing is, and the call that was to commit it fails with [`crate::StoreError::Changed`].
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
        let current = self.view(&key)?;
        match self.core.codec.update(&key, current.as_ref(), change)? {
            Some((set, unset)) => self.edit(key, Edit::Update { set, unset, seen: current }),
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
}
