//! Local writes: queued and applied in one transaction, on disk when the call returns.
//!
//! Writers that come while another one commits wait together, and the next one of them commits for all.

use std::sync::{Arc, Mutex};

use mizu_sync_protocol::limits;
use rusqlite::{Transaction, params};

use super::connections::{WriterGuard, lock};
use super::error::StoreError;
use super::overlay::{self, EntityRow};
use super::{Changed, Store, TransactionExt};
use crate::model::{ChangeSet, Edit, EntityKey, Intent, NewMutation, Patch};

/// Mutations that are committed together or not at all, consecutive in the queue.
pub type LocalWrite = Vec<NewMutation>;

/// A write that waits for its turn, and then its result.
pub struct Waiting {
    write: LocalWrite,
    /// What it changed of what is seen.
    result: Mutex<Option<Result<ChangeSet, StoreError>>>,
}

/// Writes committed by one transaction at most.
const GROUP: usize = 256;

impl Store {
    /// Queues the mutations and applies them to what the app sees. When this returns they are on disk.
    ///
    /// # Errors
    /// Then nothing of `write` was kept.
    pub fn write(&self, write: LocalWrite) -> Result<(), StoreError> {
        for mutation in &write {
            check(mutation)?;
        }
        let mine = Arc::new(Waiting { write, result: Mutex::new(None) });
        lock(&self.waiting).push_back(Arc::clone(&mine));
        loop {
            let mut writer = self.connections.writer();
            // Whoever had the writer before may have committed this write too.
            let result = lock(&mine.result).take();
            if let Some(result) = result {
                drop(writer);
                return result.map(|seen| self.announce(&seen));
            }
            let group: Vec<Arc<Waiting>> = {
                let mut waiting = lock(&self.waiting);
                let size = waiting.len().min(GROUP);
                waiting.drain(..size).collect()
            };
            let results = self.commit_group(&mut writer, &group);
            for (waiting, result) in group.iter().zip(results) {
                *lock(&waiting.result) = Some(result.map(|changed| self.committed(changed)));
            }
        }
    }

    /// Commits the writes of a group together, and gives the result of each.
    fn commit_group(
        &self,
        writer: &mut WriterGuard<'_>,
        group: &[Arc<Waiting>],
    ) -> Vec<Result<Changed, StoreError>> {
        match writer.transaction(self.durability, |tx| self.apply_group(tx, group)) {
            Ok(results) => results,
            // Some of them may fit all the same.
            Err(StoreError::Full { .. }) if group.len() > 1 => group
                .iter()
                .map(|waiting| writer.transaction(self.durability, |tx| self.apply_write(tx, &waiting.write)))
                .collect(),
            Err(error) => group.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    /// Applies each write of the group, or leaves no trace of it.
    ///
    /// # Errors
    /// When SQLite has ended the transaction, as it may do on a full disk: then nothing is left of any of them.
    fn apply_group(
        &self,
        tx: &Transaction<'_>,
        group: &[Arc<Waiting>],
    ) -> Result<Vec<Result<Changed, StoreError>>, StoreError> {
        if let [only] = group {
            return Ok(vec![Ok(self.apply_write(tx, &only.write)?)]);
        }
        let mut results = Vec::with_capacity(group.len());
        for waiting in group {
            self.run(tx, "SAVEPOINT write_of_group")?;
            let result = self.apply_write(tx, &waiting.write);
            if let Err(error) = &result {
                if tx.is_autocommit() {
                    return Err(error.clone());
                }
                self.run(tx, "ROLLBACK TO write_of_group")?;
            }
            self.run(tx, "RELEASE write_of_group")?;
            results.push(result);
        }
        Ok(results)
    }

    fn run(&self, tx: &Transaction<'_>, sql: &str) -> Result<(), StoreError> {
        tx.run(sql, []).map(drop).map_err(|error| self.error(&error))
    }

    fn apply_write(&self, tx: &Transaction<'_>, write: &LocalWrite) -> Result<Changed, StoreError> {
        let mut changed = Changed { pending: write.len() as i64, ..Changed::default() };
        changed.seen.queue = true;
        write.iter().try_for_each(|mutation| self.apply_mutation(tx, mutation, &mut changed.seen))?;
        Ok(changed)
    }

    fn apply_mutation(
        &self,
        tx: &Transaction<'_>,
        mutation: &NewMutation,
        seen: &mut ChangeSet,
    ) -> Result<(), StoreError> {
        let sqlite = |error| self.error(&error);
        let generation = self.generation();
        let resolve = |key: &EntityKey, edit: &Edit| {
            let row = EntityRow::read(tx, generation, key).map_err(sqlite)?;
            overlay::resolve(edit.clone(), row.data.as_ref(), key).map(|patch| (row, patch))
        };
        match &mutation.intent {
            Intent::Entity(key, edit) => {
                let (row, patch) = resolve(key, edit)?;
                let seq = insert(tx, mutation, &generic_name(key, &patch), None).map_err(sqlite)?;
                overlay::lay(tx, generation, (seq, 0), key, row, &patch, seen).map(drop).map_err(sqlite)
            }
            Intent::Custom { name, args, expected } => {
                let seq = insert(tx, mutation, name, Some(args.get())).map_err(sqlite)?;
                let mut changed = 0;
                for (ordinal, (key, edit)) in (0..).zip(expected) {
                    let (row, patch) = resolve(key, edit)?;
                    changed += overlay::lay(tx, generation, (seq, ordinal), key, row, &patch, seen)
                        .map_err(sqlite)?;
                }
                check_changes(name, changed)
            }
        }
    }
}

/// The name of a generic mutation in this SDK's own terms.
pub fn generic_name(key: &EntityKey, patch: &Patch) -> String {
    format!("{}.{}", key.collection, patch.verb())
}

fn insert(
    tx: &Transaction<'_>,
    mutation: &NewMutation,
    name: &str,
    args: Option<&str>,
) -> rusqlite::Result<i64> {
    let sql = "INSERT INTO mutation (id, name, args, created_at) VALUES (?1, ?2, ?3, ?4)";
    tx.run(sql, params![mutation.id, name, args, mutation.created_at.as_millis()])?;
    Ok(tx.last_insert_rowid())
}

/// Refuses what the protocol cannot carry, before anything is written.
fn check(mutation: &NewMutation) -> Result<(), StoreError> {
    match &mutation.intent {
        Intent::Entity(key, _) => check_key(key),
        Intent::Custom { name, args, expected } => {
            check_name("the mutation's name", name)?;
            limits::check_args(args.get())
                .map_err(|limit| StoreError::ArgsLimit { name: name.clone(), limit })?;
            expected.iter().try_for_each(|(key, _)| check_key(key))
        }
    }
}

/// Refuses a mutation that changes more than a server takes of one.
pub fn check_changes(name: &str, bytes: usize) -> Result<(), StoreError> {
    limits::check_changes(bytes).map_err(|limit| StoreError::ChangesLimit { name: name.to_owned(), limit })
}

fn check_key(key: &EntityKey) -> Result<(), StoreError> {
    /// The verb of a generic mutation follows the collection's name in that of the mutation.
    const VERB: usize = ".create".len();
    check_length("the collection's name", &key.collection, limits::MAX_NAME - VERB)?;
    check_collection(&key.collection)?;
    check_name("the entity's id", &key.id)
}

/// Refuses a collection that no query could name: SQL's texts end at a NUL.
pub fn check_collection(name: &str) -> Result<(), StoreError> {
    if name.contains('\0') {
        return Err(StoreError::Invalid {
            what: "the collection's name",
            reason: "it has a NUL in it".to_owned(),
        });
    }
    Ok(())
}

/// Refuses a name that is empty or longer than the protocol carries.
pub fn check_name(what: &'static str, name: &str) -> Result<(), StoreError> {
    check_length(what, name, limits::MAX_NAME)
}

fn check_length(what: &'static str, name: &str, most: usize) -> Result<(), StoreError> {
    let reason = match name.len() {
        0 => "it is empty".to_owned(),
        length if length > most => format!("it has {length} bytes, at most {most} are allowed"),
        _ => return Ok(()),
    };
    Err(StoreError::Invalid { what, reason })
}
