//! A handle on one entity.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::codec;
use crate::client::Core;
use crate::error::{Error, Result};
use crate::model::{Edit, EntityKey, Intent};
use crate::store::StoreError;

/// A handle on one entity, whether it is there or not.
pub struct Entity<T> {
    core: Arc<Core>,
    key: EntityKey,
    of: PhantomData<fn() -> T>,
}

impl<T> Entity<T> {
    pub(super) fn new(core: Arc<Core>, key: EntityKey) -> Self {
        Self { core, key, of: PhantomData }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.key.id
    }

    /// Whether it is visible.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn exists(&self) -> Result<bool> {
        Ok(self.core.store.exists(&self.key)?)
    }

    /// Deletes it, here at once and at the server when it gets there. That it is not visible here is no
    /// error: it may exist at the server.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn delete(&self) -> Result<()> {
        self.write(Edit::Delete)
    }

    fn write(&self, edit: Edit) -> Result<()> {
        self.core.write(vec![Intent::Entity(self.key.clone(), edit)]).map(drop)
    }
}

impl<T: DeserializeOwned> Entity<T> {
    /// Its value; `None` when it is not visible.
    ///
    /// # Errors
    /// When the database cannot be read, or the entity does not fit the type.
    pub fn get(&self) -> Result<Option<T>> {
        self.core.store.get(&self.key)?.map(|row| codec::decode(&self.key, &row.data)).transpose()
    }
}

impl<T: Serialize + DeserializeOwned> Entity<T> {
    /// Replaces it as a whole. Fields that this version of the app does not know stay as they are. On disk
    /// when this returns.
    ///
    /// # Errors
    /// [`crate::StoreError::NotFound`] when it is not visible; when the value cannot be stored; when the
    /// database cannot be written.
    pub fn set(&self, value: T) -> Result<()> {
        let current = self.core.store.get(&self.key)?.map(|row| row.data);
        self.write(codec::set(&self.key, current.as_ref(), &value)?)
    }

    /// Changes it: only the fields that are different afterwards are written and sent, so that changes of
    /// other fields by others survive. Nothing happens when none is. On disk when this returns.
    ///
    /// `change` is called again if the entity was changed meanwhile, so that none of two changes at the same time
    /// is lost.
    ///
    /// # Errors
    /// As [`Entity::set`], and when the entity does not fit the type.
    pub fn update(&self, mut change: impl FnMut(&mut T)) -> Result<()> {
        loop {
            let current = self.core.store.get(&self.key)?.map(|row| row.data);
            let Some((set, unset)) = codec::update(&self.key, current.as_ref(), &mut change)? else {
                return Ok(());
            };
            match self.write(Edit::Update { set, unset, seen: current }) {
                Err(Error::Store(StoreError::Changed { .. })) => {}
                result => return result,
            }
        }
    }
}

impl<T> Clone for Entity<T> {
    fn clone(&self) -> Self {
        Self { core: Arc::clone(&self.core), key: self.key.clone(), of: PhantomData }
    }
}

impl<T> fmt::Debug for Entity<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Entity").field(&self.key).finish()
    }
}
