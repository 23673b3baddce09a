//! Gathers edits in memory, so that several become one transaction. Reads see what was gathered.

use std::collections::HashMap;

use crate::error::Result;
use crate::model::{Edit, EntityKey, Object};
use crate::store::{self, Store, StoreError};

pub struct Edits<'a> {
    store: &'a Store,
    /// What the entities that were edited look like.
    views: HashMap<EntityKey, Option<Object>>,
    pub edits: Vec<(EntityKey, Edit)>,
}

impl<'a> Edits<'a> {
    pub fn new(store: &'a Store) -> Self {
        Self { store, views: HashMap::new(), edits: Vec::new() }
    }

    /// The entity with what was gathered.
    pub fn view(&self, key: &EntityKey) -> Result<Option<Object>> {
        if let Some(view) = self.views.get(key) {
            return Ok(view.clone());
        }
        Ok(self.store.get(key)?.map(|row| row.data))
    }

    /// Adds an edit; refuses at once what the store would refuse.
    pub fn add(&mut self, key: EntityKey, edit: Edit) -> Result<(), StoreError> {
        let visible = match self.views.get(&key) {
            Some(view) => view.clone(),
            None => self.store.get(&key)?.map(|row| row.data),
        };
        let patch = store::resolve(edit.clone(), visible.as_ref(), &key)?;
        self.views.insert(key.clone(), patch.apply(visible));
        self.edits.push((key, edit));
        Ok(())
    }
}
