//! What a [`Mutator`](crate::Mutator) works with: the open transaction, seen through the protocol's limits.

use std::time::SystemTime;

use mizu_sync_protocol::limits::{self, MAX_NAME};
use mizu_sync_protocol::push::Mutation;
use rusqlite::Connection;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::auth::Principal;
use crate::database::{Batch, ScopeIndex};
use crate::entity::check_entity;
use crate::mutator::{Failure, Rejection};

/// One mutation in its transaction. Reads see what it and the mutations before it have written.
///
/// The methods `get`, `insert`, `replace`, `put` and `delete` are about the mutation's own scope; those of
/// another are reached through [`in_scope`](Self::in_scope).
pub struct MutationContext<'a> {
    connection: &'a Connection,
    batch: &'a mut Batch,
    mutation: &'a Mutation<'a>,
    principal: &'a Principal,
    scope: ScopeIndex,
    changed_bytes: usize,
    database_error: Option<rusqlite::Error>,
}

impl<'a> MutationContext<'a> {
    pub(crate) fn new(
        connection: &'a Connection,
        batch: &'a mut Batch,
        mutation: &'a Mutation<'a>,
        principal: &'a Principal,
        scope: ScopeIndex,
    ) -> Self {
        Self { connection, batch, mutation, principal, scope, changed_bytes: 0, database_error: None }
    }

    /// The error of the database that the mutator may have swallowed. The transaction is of no use after it.
    pub(crate) fn into_database_error(self) -> Option<rusqlite::Error> {
        self.database_error
    }

    /// The mutation as it was sent.
    #[must_use]
    pub fn mutation(&self) -> &'a Mutation<'a> {
        self.mutation
    }

    /// The mutation's arguments, decoded.
    ///
    /// # Errors
    /// `invalid_mutation` where they do not fit `T`.
    pub fn args<T: serde::Deserialize<'a>>(&self) -> Result<T, Rejection> {
        let text = self.mutation.args.map_or("null", RawValue::get);
        serde_json::from_str(text).map_err(|error| {
            // Only the place: the parser's words may quote the user's data.
            Rejection::invalid(format!(
                "the arguments do not fit this mutation, see column {}",
                error.column()
            ))
        })
    }

    /// The user who sent it.
    #[must_use]
    pub fn principal(&self) -> &'a Principal {
        self.principal
    }

    /// The time of the batch, which its changes carry.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.batch.now()
    }

    /// The entities of another scope. Changes there go to that scope's log. Whether the user may do this is for
    /// the mutator to decide.
    ///
    /// # Errors
    /// `invalid_mutation` where the name is empty or too long.
    pub fn in_scope(&mut self, name: &str) -> Result<ScopeContext<'_, 'a>, Failure> {
        check_name("scope", name)?;
        let scope = self.database(|connection, batch| batch.scope(connection, name))?;
        Ok(ScopeContext { context: self, scope })
    }

    fn own(&mut self) -> ScopeContext<'_, 'a> {
        let scope = self.scope;
        ScopeContext { context: self, scope }
    }

    /// An entity's data.
    ///
    /// # Errors
    /// [`Failure::Temporary`] where the database fails.
    pub fn get(&mut self, collection: &str, id: &str) -> Result<Option<Box<RawValue>>, Failure> {
        self.own().get(collection, id)
    }

    /// An entity's data, decoded.
    ///
    /// # Errors
    /// [`Failure::Temporary`] where the database fails or the data does not fit `T`.
    pub fn get_as<T: DeserializeOwned>(&mut self, collection: &str, id: &str) -> Result<Option<T>, Failure> {
        self.own().get_as(collection, id)
    }

    /// Stores an entity that does not exist yet. Whether it did so.
    ///
    /// # Errors
    /// `invalid_mutation` where the data is no object or above a limit; [`Failure::Temporary`] where the
    /// database fails.
    pub fn insert(&mut self, collection: &str, id: &str, data: &RawValue) -> Result<bool, Failure> {
        self.own().insert(collection, id, data)
    }

    /// Stores new data of an entity that exists. Whether it did so.
    ///
    /// # Errors
    /// As [`MutationContext::insert`].
    pub fn replace(&mut self, collection: &str, id: &str, data: &RawValue) -> Result<bool, Failure> {
        self.own().replace(collection, id, data)
    }

    /// Stores an entity, whether it exists or not.
    ///
    /// # Errors
    /// As [`MutationContext::insert`].
    pub fn put(&mut self, collection: &str, id: &str, data: &RawValue) -> Result<(), Failure> {
        self.own().put(collection, id, data)
    }

    /// Stores an entity, whether it exists or not, encoded.
    ///
    /// # Errors
    /// As [`MutationContext::insert`].
    pub fn put_as<T: Serialize>(&mut self, collection: &str, id: &str, value: &T) -> Result<(), Failure> {
        self.own().put_as(collection, id, value)
    }

    /// Deletes an entity. Whether it existed.
    ///
    /// # Errors
    /// [`Failure::Temporary`] where the database fails.
    pub fn delete(&mut self, collection: &str, id: &str) -> Result<bool, Failure> {
        self.own().delete(collection, id)
    }

    /// Runs `work` unless the database has failed before: SQLite may have ended the transaction, and what
    /// follows would be committed one by one.
    fn database<T>(
        &mut self,
        work: impl FnOnce(&Connection, &mut Batch) -> rusqlite::Result<T>,
    ) -> Result<T, Failure> {
        if self.database_error.is_none() {
            match work(self.connection, self.batch) {
                Ok(value) => return Ok(value),
                Err(error) => self.database_error = Some(error),
            }
        }
        Err(Failure::Temporary("the server's database failed".to_owned()))
    }

    fn account(&mut self, collection: &str, id: &str, data: &str) -> Result<(), Rejection> {
        check_name("collection", collection)?;
        check_name("id", id)?;
        self.changed_bytes += limits::change_size(collection, id, data);
        limits::check_changes(self.changed_bytes)
            .map_err(|_| Rejection::invalid("the mutation changes more than 4 MiB: split it"))
    }

    fn account_entity(&mut self, collection: &str, id: &str, data: &str) -> Result<(), Rejection> {
        check_entity(data)?;
        self.account(collection, id, data)
    }
}

/// The entities of one scope, for a mutation. See [`MutationContext`], whose methods these are.
pub struct ScopeContext<'c, 'a> {
    context: &'c mut MutationContext<'a>,
    scope: ScopeIndex,
}

impl ScopeContext<'_, '_> {
    /// See [`MutationContext::get`].
    ///
    /// # Errors
    /// As there.
    pub fn get(&mut self, collection: &str, id: &str) -> Result<Option<Box<RawValue>>, Failure> {
        let scope = self.scope;
        let found =
            self.context.database(|connection, batch| batch.get(connection, scope, collection, id))?;
        found.map(RawValue::from_string).transpose().map_err(|_| unreadable())
    }

    /// See [`MutationContext::get_as`].
    ///
    /// # Errors
    /// As there.
    pub fn get_as<T: DeserializeOwned>(&mut self, collection: &str, id: &str) -> Result<Option<T>, Failure> {
        let scope = self.scope;
        let found =
            self.context.database(|connection, batch| batch.get(connection, scope, collection, id))?;
        found.map(|text| serde_json::from_str(&text)).transpose().map_err(|_| unreadable())
    }

    /// See [`MutationContext::insert`].
    ///
    /// # Errors
    /// As there.
    pub fn insert(&mut self, collection: &str, id: &str, data: &RawValue) -> Result<bool, Failure> {
        let (scope, data) = (self.scope, data.get());
        self.context.account_entity(collection, id, data)?;
        self.context.database(|connection, batch| batch.insert(connection, scope, collection, id, data))
    }

    /// See [`MutationContext::replace`].
    ///
    /// # Errors
    /// As there.
    pub fn replace(&mut self, collection: &str, id: &str, data: &RawValue) -> Result<bool, Failure> {
        let (scope, data) = (self.scope, data.get());
        self.context.account_entity(collection, id, data)?;
        self.context.database(|connection, batch| batch.replace(connection, scope, collection, id, data))
    }

    /// See [`MutationContext::put`].
    ///
    /// # Errors
    /// As there.
    pub fn put(&mut self, collection: &str, id: &str, data: &RawValue) -> Result<(), Failure> {
        let (scope, data) = (self.scope, data.get());
        self.context.account_entity(collection, id, data)?;
        self.context.database(|connection, batch| {
            if !batch.replace(connection, scope, collection, id, data)? {
                batch.insert(connection, scope, collection, id, data)?;
            }
            Ok(())
        })
    }

    /// See [`MutationContext::put_as`].
    ///
    /// # Errors
    /// As there.
    pub fn put_as<T: Serialize>(&mut self, collection: &str, id: &str, value: &T) -> Result<(), Failure> {
        let data = serde_json::value::to_raw_value(value)
            .map_err(|_| Rejection::invalid("the new entity has no JSON form"))?;
        self.put(collection, id, &data)
    }

    /// See [`MutationContext::delete`].
    ///
    /// # Errors
    /// As there.
    pub fn delete(&mut self, collection: &str, id: &str) -> Result<bool, Failure> {
        let scope = self.scope;
        self.context.account(collection, id, "")?;
        self.context.database(|connection, batch| batch.delete(connection, scope, collection, id))
    }
}

fn unreadable() -> Failure {
    Failure::Temporary("an entity on the server does not have the form that this mutation expects".to_owned())
}

/// Checks a name that becomes part of a key.
pub(crate) fn check_name(what: &'static str, name: &str) -> Result<(), Rejection> {
    match name.len() {
        0 => Err(Rejection::invalid(format!("the {what} is empty"))),
        1..=MAX_NAME => Ok(()),
        _ => Err(Rejection::invalid(format!("the {what} has more than {MAX_NAME} bytes"))),
    }
}
