//! What a mutation works with: its arguments, and the entities of its scope.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use mizu_sync_protocol::limits::{self, MAX_NAME};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::Refusal;
use super::database::Entities;
use crate::model::{EntityKey, Object};

/// A custom mutation at work, see [`Server::on_mutation`](super::super::Server::on_mutation): what it was sent with,
/// and the entities of its scope. What it does is kept if it returns `Ok`, and else undone.
pub struct Transaction {
    scope: String,
    args: Box<RawValue>,
    entities: Arc<Entities>,
    overlay: BTreeMap<EntityKey, Option<Object>>,
    changes: Vec<Change>,
    bytes: usize,
}

/// What became of one entity.
#[derive(Clone)]
pub struct Change {
    pub key: EntityKey,
    /// None where it was deleted.
    pub data: Option<Object>,
    pub existed: bool,
}

impl Transaction {
    pub(in crate::testing) fn new(scope: &str, args: Box<RawValue>, entities: Arc<Entities>) -> Self {
        let scope = scope.to_owned();
        Self { scope, args, entities, overlay: BTreeMap::new(), changes: Vec::new(), bytes: 0 }
    }

    /// All of it, for code that has to own it; nothing stays here.
    #[cfg(feature = "ffi")]
    pub(crate) fn take(&mut self) -> Self {
        let nothing = Self::new(&self.scope, RawValue::NULL.to_owned(), Arc::default());
        std::mem::replace(self, nothing)
    }

    /// The scope that the mutation belongs to.
    #[must_use]
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// The mutation's arguments, decoded.
    ///
    /// # Errors
    /// `invalid_mutation` where they do not fit `T`: return it with `?`.
    pub fn args<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        serde_json::from_str(self.args.get())
            .map_err(|error| Refusal::invalid(format!("the arguments do not fit this mutation: {error}")))
    }

    /// An entity, decoded; none where there is none.
    ///
    /// # Errors
    /// `invalid_mutation` where it does not fit `T`.
    pub fn get<T: DeserializeOwned>(&self, collection: &str, id: &str) -> Result<Option<T>, Refusal> {
        let unfit = |error| Refusal::invalid(format!("{collection} {id:?} is of another type: {error}"));
        let found = self.find(&EntityKey::new(collection, id));
        found.map(|data| serde_json::from_str(data.as_str()).map_err(unfit)).transpose()
    }

    /// Stores an entity, whether it exists or not.
    ///
    /// # Errors
    /// `invalid_mutation` where the value is no JSON object, or above a limit of the protocol.
    pub fn put(&mut self, collection: &str, id: &str, value: &impl Serialize) -> Result<(), Refusal> {
        let no_object = || Refusal::invalid("an entity must be a JSON object");
        let data = Object::from_value(value).ok().flatten().ok_or_else(no_object)?;
        self.store_if(EntityKey::new(collection, id), data, |_| true).map(drop)
    }

    /// Deletes an entity. Whether it existed.
    ///
    /// # Errors
    /// `invalid_mutation` where a name is above a limit of the protocol.
    pub fn delete(&mut self, collection: &str, id: &str) -> Result<bool, Refusal> {
        let key = EntityKey::new(collection, id);
        let existed = self.find(&key).is_some();
        self.account(&key, "")?;
        if existed {
            self.change(key, None);
        }
        Ok(existed)
    }

    pub(super) fn args_as<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, Refusal> {
        serde_json::from_str(self.args.get())
            .map_err(|_| Refusal::invalid("the arguments do not fit this mutation"))
    }

    pub(super) fn find(&self, key: &EntityKey) -> Option<&Object> {
        self.overlay.get(key).map_or_else(|| self.entities.get(key), Option::as_ref)
    }

    /// Stores an entity that does not exist yet. Whether it did so.
    pub(super) fn insert(&mut self, key: EntityKey, data: Object) -> Result<bool, Refusal> {
        self.store_if(key, data, |exists| !exists)
    }

    /// Stores new data of an entity that exists. Whether it did so.
    pub(super) fn replace(&mut self, key: EntityKey, data: Object) -> Result<bool, Refusal> {
        self.store_if(key, data, |exists| exists)
    }

    /// The scope, and what was changed, in order.
    pub(super) fn into_changes(self) -> (String, Vec<Change>) {
        (self.scope, self.changes)
    }

    /// What is above a limit is refused first, whatever is there.
    fn store_if(
        &mut self,
        key: EntityKey,
        data: Object,
        wanted: impl FnOnce(bool) -> bool,
    ) -> Result<bool, Refusal> {
        check_entity(data.as_str())?;
        self.account(&key, data.as_str())?;
        let stores = wanted(self.find(&key).is_some());
        if stores {
            self.change(key, Some(data));
        }
        Ok(stores)
    }

    fn change(&mut self, key: EntityKey, data: Option<Object>) {
        let existed = self.find(&key).is_some();
        self.overlay.insert(key.clone(), data.clone());
        self.changes.push(Change { key, data, existed });
    }

    fn account(&mut self, key: &EntityKey, data: &str) -> Result<(), Refusal> {
        check_name("collection", &key.collection)?;
        check_name("id", &key.id)?;
        self.bytes += limits::change_size(&key.collection, &key.id, data);
        limits::check_changes(self.bytes)
            .map_err(|_| Refusal::invalid("the mutation changes more than 4 MiB: split it"))
    }
}

// The user's data stays out of logs.
impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").field("changes", &self.changes.len()).finish_non_exhaustive()
    }
}

/// Checks a name that becomes part of a key.
pub fn check_name(what: &str, name: &str) -> Result<(), Refusal> {
    match name.len() {
        0 => Err(Refusal::invalid(format!("the {what} is empty"))),
        1..=MAX_NAME => Ok(()),
        _ => Err(Refusal::invalid(format!("the {what} has more than {MAX_NAME} bytes"))),
    }
}

fn check_entity(data: &str) -> Result<(), Refusal> {
    limits::check_entity(data)
        .map_err(|problem| Refusal::invalid(format!("the entity cannot be stored: {problem}")))?;
    if names_are_text(data) {
        Ok(())
    } else {
        Err(Refusal::invalid("the entity cannot be stored: the name of a field is no Unicode"))
    }
}

/// Whether the names of all fields at all levels are Unicode. JSON can spell halves of surrogate pairs.
fn names_are_text(json: &str) -> bool {
    let parts: Option<Vec<&RawValue>> = match json.trim_start().bytes().next() {
        Some(b'{') => {
            let fields: Option<HashMap<String, &RawValue>> = serde_json::from_str(json).ok();
            fields.map(|fields| fields.into_values().collect())
        }
        Some(b'[') => serde_json::from_str(json).ok(),
        _ => Some(Vec::new()),
    };
    parts.is_some_and(|parts| parts.into_iter().all(|part| names_are_text(part.get())))
}
