//! Typed access to the local data: [`Collection`], [`Entity`], [`Query`], [`Row`].
//!
//! # Idea
//! A collection is a name and a type. Reads come from the local database and writes go there, together with
//! the mutation that will tell the server. An entity and a query are handles: making one reads nothing. Whoever
//! reads through them inside of an effect is woken when the answer is another one.
//!
//! # Limits
//! A value must serialise to a JSON object of at most 512 KiB and 64 levels. There are no joins: relate
//! entities by a field that holds an id.

pub(crate) mod codec;
mod entity;
mod query;
mod row;
mod rows;
mod subscription;
pub(crate) mod upcast;

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use entity::Entity;
pub use query::Query;
pub use row::Row;
#[cfg(feature = "ffi")]
pub(crate) use rows::Shown;
pub use rows::{RowChange, RowsUpdate};
pub use subscription::Subscription;

use crate::client::Core;
use crate::error::Result;
use crate::model::{Edit, EntityKey, Intent};

/// The entities of one name and type.
pub struct Collection<T> {
    core: Arc<Core>,
    name: Arc<str>,
    every: Query<T>,
}

impl<T> Collection<T> {
    pub(crate) fn new(core: Arc<Core>, name: &str) -> Self {
        let name: Arc<str> = name.into();
        let every = Query::new(Arc::clone(&core), Arc::clone(&name));
        Self { core, name, every }
    }

    pub(crate) fn key(&self, id: &str) -> EntityKey {
        EntityKey::new(&self.name, id)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A handle on the entity with this id, whether there is one or not.
    pub fn get(&self, id: &str) -> Entity<T> {
        Entity::new(Arc::clone(&self.core), self.key(id))
    }

    /// Whether an entity with this id is visible.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn has(&self, id: &str) -> Result<bool> {
        self.get(id).exists()
    }

    /// How many entities are visible.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn count(&self) -> Result<u64> {
        self.every.count()
    }

    /// All its entities, to be narrowed down.
    pub fn query(&self) -> Query<T> {
        self.every.clone()
    }
}

impl<T: Serialize + DeserializeOwned> Collection<T> {
    /// Adds a new entity under an id of the app's own. It is on disk when this returns.
    ///
    /// Choose ids that nobody else chooses, or use [`Self::add`]. Where two devices create one id, the server keeps the
    /// first; the other device's creation is rejected, and what it has changed since then changes the first.
    ///
    /// # Errors
    /// [`crate::StoreError::AlreadyExists`] when one is visible under this id; when the value cannot be
    /// stored; when the database cannot be written.
    pub fn create(&self, id: &str, value: T) -> Result<Entity<T>> {
        let key = self.key(id);
        let data = self.core.codec.encode(&key, &value)?;
        self.core.write(vec![Intent::Entity(key, Edit::Create(data))])?;
        Ok(self.get(id))
    }

    /// Adds a new entity under a new id. It is on disk when this returns: for many at once, a
    /// [`batch`](crate::Client::batch) needs one write to the disk instead of one each.
    ///
    /// # Errors
    /// When the value cannot be stored, or the database not be written.
    pub fn add(&self, value: T) -> Result<Entity<T>> {
        self.create(&crate::new_id(), value)
    }
}

impl<T: DeserializeOwned> Collection<T> {
    /// All visible entities, by id. One that does not fit the type is passed over, and reported once by
    /// `on_error`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn all(&self) -> Result<Vec<Row<T>>> {
        self.every.all()
    }

    /// The visible entities that `wanted` says yes to, by id. Otherwise as [`Collection::all`]; a
    /// [`query`](Self::query) reads only what it asks for.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn find(&self, mut wanted: impl FnMut(&T) -> bool) -> Result<Vec<Row<T>>> {
        let mut rows = self.all()?;
        rows.retain(|row| wanted(&row.value));
        Ok(rows)
    }

    /// One entity with all that is known of it; `None` when it is not visible.
    ///
    /// # Errors
    /// When it cannot be read or does not fit the type.
    pub fn row(&self, id: &str) -> Result<Option<Row<T>>> {
        self.get(id).row()
    }
}

impl<T> Clone for Collection<T> {
    fn clone(&self) -> Self {
        Self { core: Arc::clone(&self.core), name: Arc::clone(&self.name), every: self.every.clone() }
    }
}

impl<T> fmt::Debug for Collection<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collection").field("name", &self.name).finish_non_exhaustive()
    }
}
