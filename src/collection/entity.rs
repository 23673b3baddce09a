//! A handle on one entity.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::row::{self, Row};
use super::subscription::Subscription;
use crate::client::Core;
use crate::client::watches::Aspect;
use crate::error::Result;
use crate::model::{Edit, EntityKey, Intent, Object};
use crate::reactive::{self, Computed};
use crate::store::{StoreError, StoredRow};

/// A handle on one entity, whether it is there or not.
///
/// Reads inside of an effect or a computed value make it run again when the entity is changed, here or by others, and
/// only then.
pub struct Entity<T> {
    asked: Arc<Asked>,
    of: PhantomData<fn() -> T>,
}

/// Which entity, and what of it is remembered for those who watch.
struct Asked {
    core: Arc<Core>,
    key: EntityKey,
    data: OnceLock<Computed<Result<Option<Object>, StoreError>>>,
    row: OnceLock<Computed<Result<Option<StoredRow>, StoreError>>>,
}

impl Asked {
    /// Its data now.
    fn data(&self) -> Result<Option<Object>, StoreError> {
        let read = |core: &Core, key: &EntityKey| Ok(core.store.get(key)?.map(|row| row.data));
        if !reactive::is_tracking() {
            return read(&self.core, &self.key);
        }
        let data = self.data.get_or_init(|| {
            let (core, key) = (Arc::clone(&self.core), self.key.clone());
            let source = core.watches.entity(&key, Aspect::Data);
            Computed::new(move || {
                source.track();
                read(&core, &key)
            })
        });
        data.get()
    }

    /// It with its marks.
    fn row(&self) -> Result<Option<StoredRow>, StoreError> {
        if !reactive::is_tracking() {
            return self.core.store.get(&self.key);
        }
        let row = self.row.get_or_init(|| {
            let (core, key) = (Arc::clone(&self.core), self.key.clone());
            let source = core.watches.entity(&key, Aspect::Row);
            Computed::new(move || {
                source.track();
                core.store.get(&key)
            })
        });
        row.get()
    }
}

impl<T> Entity<T> {
    pub(super) fn new(core: Arc<Core>, key: EntityKey) -> Self {
        let asked = Asked { core, key, data: OnceLock::new(), row: OnceLock::new() };
        Self { asked: Arc::new(asked), of: PhantomData }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.asked.key.id
    }

    /// Whether it is visible.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn exists(&self) -> Result<bool> {
        Ok(self.asked.data()?.is_some())
    }

    /// Its data now. Tracked.
    #[cfg(feature = "ffi")]
    pub(crate) fn stored(&self) -> Result<Option<Object>> {
        Ok(self.asked.data()?)
    }

    /// It with its marks. Tracked.
    #[cfg(feature = "ffi")]
    pub(crate) fn stored_row(&self) -> Result<Option<StoredRow>> {
        Ok(self.asked.row()?)
    }

    /// Deletes it, here at once and at the server when it gets there. That it is not visible here is no
    /// error: it may exist at the server.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn delete(&self) -> Result<()> {
        self.write(Edit::Delete)
    }

    /// It as it is stored, for a change of it: nobody has to be woken by that.
    fn current(&self) -> Result<Option<Object>> {
        Ok(self.asked.core.store.get(&self.asked.key)?.map(|row| row.data))
    }

    fn write(&self, edit: Edit) -> Result<()> {
        self.asked.core.write(vec![Intent::Entity(self.asked.key.clone(), edit)]).map(drop)
    }
}

impl<T: DeserializeOwned> Entity<T> {
    /// Its value; `None` when it is not visible.
    ///
    /// # Errors
    /// When the database cannot be read, or the entity does not fit the type.
    pub fn get(&self) -> Result<Option<T>> {
        let Asked { core, key, .. } = &*self.asked;
        self.asked.data()?.map(|data| core.codec.decode(key, &data)).transpose()
    }

    /// It with all that is known of it; `None` when it is not visible.
    ///
    /// # Errors
    /// As [`Entity::get`].
    pub fn row(&self) -> Result<Option<Row<T>>> {
        let Asked { core, key, .. } = &*self.asked;
        self.asked.row()?.map(|row| row::typed(core, key, &row)).transpose()
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
        let Asked { core, key, .. } = &*self.asked;
        let current = self.current()?;
        self.write(core.codec.set(key, current.as_ref(), &value)?)
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
        let Asked { core, key, .. } = &*self.asked;
        core.update(key, |current| core.codec.update(key, current, &mut change))
    }
}

impl<T: DeserializeOwned + 'static> Entity<T> {
    /// Lets `listener` have the entity now, and whenever it is another one: `None` when it is not visible. It is called
    /// on this thread first and on the client's thread for callbacks later, with no lock held, until the subscription is
    /// dropped.
    pub fn subscribe(&self, mut listener: impl FnMut(Option<Row<T>>) + Send + 'static) -> Subscription {
        let entity = self.clone();
        Subscription::new(move || {
            let row = entity.row()?;
            reactive::outside(|| listener(row));
            Ok(())
        })
    }
}

impl<T> Clone for Entity<T> {
    fn clone(&self) -> Self {
        Self { asked: Arc::clone(&self.asked), of: PhantomData }
    }
}

impl<T> fmt::Debug for Entity<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Entity").field(&self.asked.key).finish()
    }
}
