//! Several writes that are kept together or not at all.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::ApiResult;
use super::writes::{self, Change, Expected, Write};
use crate::client::{Client, Core, Gathered};
use crate::model::{EntityKey, Intent};

/// Writes that are gathered in memory. Reads through it see them; nobody else does before [`NativeBatch::commit`].
#[derive(uniffi::Object)]
pub struct NativeBatch {
    client: Arc<Client>,
    gathered: Mutex<Gathered>,
}

impl NativeBatch {
    pub(super) fn new(client: Arc<Client>) -> Arc<Self> {
        Arc::new(Self { client, gathered: Mutex::default() })
    }

    fn core(&self) -> &Core {
        self.client.core()
    }

    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[uniffi::export]
impl NativeBatch {
    /// The JSON of an entity with the writes of this batch; `None` when there is none.
    pub fn get(&self, collection: &str, id: &str) -> ApiResult<Option<String>> {
        let key = EntityKey::new(collection, id);
        let view = self.gathered().view(self.core(), &key)?;
        Ok(view.map(|data| self.core().codec.newest(&key, &data).as_str().to_owned()))
    }

    /// Adds a write.
    pub fn write(&self, write: Write) -> ApiResult<()> {
        Ok(write.gather(self.core(), &mut self.gathered())?)
    }

    /// Changes an entity: as a whole, or the fields that are different.
    pub fn change(&self, collection: &str, id: &str, whole: bool, change: Arc<dyn Change>) -> ApiResult<()> {
        let key = EntityKey::new(collection, id);
        // The other side computes the change, and may ask this batch meanwhile.
        let mut gathered = mem::take(&mut *self.gathered());
        let result = writes::gather_change(self.core(), &mut gathered, key, whole, &*change);
        *self.gathered() = gathered;
        Ok(result?)
    }

    /// Writes all of it at once. Gives the ids of its mutations.
    pub fn commit(&self) -> ApiResult<Vec<String>> {
        let intents = mem::take(&mut *self.gathered()).into_intents();
        Ok(if intents.is_empty() { Vec::new() } else { self.core().write(intents)? })
    }

    /// Queues one mutation of the app's own that is expected to do what was gathered. Gives its id.
    pub fn commit_as(&self, mutation: Expected) -> ApiResult<String> {
        let Expected { name, args } = mutation;
        let args = writes::raw(&name, args)?;
        let expected = mem::take(&mut *self.gathered()).into_edits();
        let ids = self.core().write(vec![Intent::Custom { name, args, expected }])?;
        Ok(ids.into_iter().next().unwrap_or_default())
    }
}
