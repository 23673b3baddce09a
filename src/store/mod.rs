//! The local database: entities, the optimistic layer over them, the queue of mutations, the snapshot stage.
//!
//! SQLite is the source of truth. Each function here is one transaction, and the file is sound between any
//! two of them: the process may die anywhere. The store decides nothing about the sync; it does what the
//! engine says and answers what it is asked.
//!
//! # Idea
//! An entity is one row: `data` is what the app sees, `base` what the server confirmed. A mutation records
//! what it did to each entity as a patch. Whenever `base` changes, or a mutation is settled or rejected,
//! `data` is made anew from `base` and the patches that remain. Reads never merge anything.
//!
//! # Limits
//! One process a file; one writer, any number of readers. A panic or an error inside of a function leaves
//! the file as it was before.

mod commit;
mod condition;
mod connections;
mod decide;
mod error;
mod file;
mod indexes;
mod lists;
mod outcomes;
mod overlay;
mod page;
mod query;
mod queue;
mod read;
mod replica;
mod schema;
mod stage;
mod tables;
mod write;

#[cfg(any(test, feature = "simulation"))]
mod invariants;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use rusqlite::{Params, Transaction};

pub use commit::Version;
pub use connections::Durability;
pub use error::StoreError;
pub use file::Location;
pub use indexes::Index;
pub use outcomes::{OUTCOME_UNKNOWN, OUTCOME_UNKNOWN_ERROR};
pub use overlay::resolve;
#[cfg(feature = "ffi")]
pub use query::MOST_CONDITIONS;
pub use query::Matched;
pub use queue::{DAMAGED, DAMAGED_ERROR};
#[cfg(feature = "ffi")]
pub use read::RawRow;
pub use read::StoredRow;

use crate::model::{ChangeSet, Counts};
use commit::{Changed, Observer};
use connections::{Before, Connections, WriterGuard, lock};

/// Whose data a file holds.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The data partition.
    pub scope: String,
    /// The user.
    pub principal: Option<String>,
    /// The name under which a new file is known to servers.
    pub client: String,
}

/// The local database. All of it can be used from any thread.
pub struct Store {
    connections: Connections,
    owner: Owner,
    durability: Durability,
    /// The generation that is seen. Changes while the right to write is held.
    generation: AtomicI64,
    /// The generation of a snapshot that is being taken, 0 if none.
    staging: AtomicI64,
    /// Counts the sessions of the sync. What is on its way in an older one comes too late.
    session: AtomicU64,
    counts: Mutex<Counts>,
    /// Counts the commits that changed what is seen. Changes while the right to write is held.
    version: AtomicU64,
    observer: OnceLock<Observer>,
    /// Those that the app has declared.
    indexes: Mutex<Vec<Index>>,
    waiting: Mutex<VecDeque<Arc<write::Waiting>>>,
}

impl Store {
    /// Opens the database, or makes it.
    ///
    /// # Errors
    /// See [`StoreError`]; a file of another kind, version, scope or user is left as it is.
    pub fn open(location: Location, owner: Owner, durability: Durability) -> Result<Self, StoreError> {
        let store = Self {
            connections: Connections::open(location)?,
            owner,
            durability,
            generation: AtomicI64::new(0),
            staging: AtomicI64::new(0),
            session: AtomicU64::new(0),
            counts: Mutex::default(),
            version: AtomicU64::new(0),
            observer: OnceLock::new(),
            indexes: Mutex::default(),
            waiting: Mutex::default(),
        };
        let loaded = store.load(&mut store.connections.writer());
        loaded.map_err(|error| store.connections.set_aside(error))?;
        Ok(store)
    }

    /// Makes sure that the file is this owner's, and learns what is kept of it in memory.
    fn load(&self, writer: &mut WriterGuard<'_>) -> Result<(), StoreError> {
        let (generation, staging, counts) = writer.transaction(Durability::Relaxed, |tx| {
            let sqlite = |error| self.error(&error);
            let generation = self.claim(tx)?;
            // All of it, so that damage shows while the file can still be set aside.
            let stage = replica::read(tx).map_err(sqlite)?.stage;
            let staging = stage.map_or(0, |stage| stage.generation.cast_signed());
            Ok((generation, staging, lists::count(tx).map_err(sqlite)?))
        })?;
        // Before anybody else can write.
        self.generation.store(generation, Ordering::SeqCst);
        self.staging.store(staging, Ordering::SeqCst);
        *lock(&self.counts) = counts;
        Ok(())
    }

    fn claim(&self, tx: &Transaction<'_>) -> Result<i64, StoreError> {
        replica::claim(tx, &self.owner, self.connections.location())
    }

    /// Releases the file, its lock included, until [`Self::resume`]. Returns when nothing holds it any more.
    pub fn pause(&self) {
        self.connections.pause();
    }

    /// Takes the file again. Another client may have had it meanwhile, so it is looked at as if it were opened.
    ///
    /// # Errors
    /// When another client has taken it, it cannot be opened, or it is somebody else's now.
    pub fn resume(&self) -> Result<(), StoreError> {
        self.connections.resume(|writer| self.load(writer))?;
        self.build_indexes().inspect_err(|_| self.connections.pause())?;
        let seen = self.committed(Changed { seen: ChangeSet::everything(), ..Changed::default() });
        self.announce(&seen);
        Ok(())
    }

    /// Releases the file for good. Everything later fails with [`StoreError::Closed`].
    pub fn close(&self) {
        self.connections.close();
    }

    /// Deletes the file, if the queue as it is then allows it, and closes the store for good. The inner error
    /// is the queue that did not. Of a paused store the file's own queue is judged: another client may have had
    /// it meanwhile.
    ///
    /// # Errors
    /// When the file cannot be deleted, or cannot be taken again as [`Self::resume`] does. The store is paused
    /// then, and this can be called again.
    pub fn destroy(&self, allowed: impl FnOnce(Counts) -> bool) -> Result<Result<(), Counts>, StoreError> {
        self.connections.destroy(|writer, before| {
            let counts = match before {
                Before::Open => self.counts(),
                Before::Paused => writer.transaction(Durability::Relaxed, |tx| {
                    self.claim(tx)?;
                    lists::count(tx).map_err(|error| self.error(&error))
                })?,
            };
            Ok(if allowed(counts) { Ok(()) } else { Err(counts) })
        })
    }

    fn generation(&self) -> i64 {
        self.generation.load(Ordering::SeqCst)
    }

    fn error(&self, error: &rusqlite::Error) -> StoreError {
        self.connections.error(error)
    }
}

/// One statement, prepared once a connection.
trait TransactionExt {
    /// Runs it, and gives the number of rows that it changed.
    fn run(&self, sql: &str, params: impl Params) -> rusqlite::Result<usize>;
}

impl TransactionExt for Transaction<'_> {
    fn run(&self, sql: &str, params: impl Params) -> rusqlite::Result<usize> {
        self.prepare_cached(sql)?.execute(params)
    }
}
