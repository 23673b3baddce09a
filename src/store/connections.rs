//! One connection that writes, a few that read, and the file's lock: taken and released together.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::error::StoreError;
use super::file::{self, FileLock, Location};

/// How hard a commit is pressed onto the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It survives a power cut.
    Full,
    /// It survives the death of the process; a power cut may take the last ones.
    Relaxed,
}

/// Idle readers that are kept.
const IDLE_READERS: usize = 4;

#[derive(Debug)]
pub struct Connections {
    location: Location,
    writer: Mutex<Writer>,
    readers: Mutex<Readers>,
    reader_left: Condvar,
}

#[derive(Debug)]
struct Readers {
    state: Access,
    idle: Vec<Connection>,
    active: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Open,
    Paused,
    Closed,
}

/// What a file was when it was to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// Open: what is known of it is so.
    Open,
    /// Paused: another client may have had it since.
    Paused,
}

#[derive(Debug)]
enum Writer {
    Open {
        connection: Connection,
        durability: Durability,
        /// Released after the connection is closed.
        lock: Option<FileLock>,
    },
    Paused,
    Closed,
}

impl Connections {
    pub fn open(location: Location) -> Result<Self, StoreError> {
        let location = match location {
            Location::File(path) => Location::File(file::real_path(&path)?),
            Location::Memory => Location::Memory,
        };
        let writer = Mutex::new(Self::open_writer(&location)?);
        let readers = Mutex::new(Readers { state: Access::Open, idle: Vec::new(), active: 0 });
        Ok(Self { location, writer, readers, reader_left: Condvar::new() })
    }

    fn open_writer(location: &Location) -> Result<Writer, StoreError> {
        let lock = match location {
            Location::File(path) => {
                file::require_regular(path)?;
                Some(FileLock::take(path)?)
            }
            Location::Memory => None,
        };
        let connection = file::open_writer(location)?;
        Ok(Writer::Open { connection, durability: Durability::Relaxed, lock })
    }

    pub const fn location(&self) -> &Location {
        &self.location
    }

    pub fn error(&self, error: &rusqlite::Error) -> StoreError {
        StoreError::from_sqlite(self.location.path(), error)
    }

    /// Waits for the one right to write.
    pub fn writer(&self) -> WriterGuard<'_> {
        WriterGuard { writer: lock(&self.writer), connections: self }
    }

    /// Runs `work` in one transaction and commits it; on an error everything is as before.
    pub fn write<T>(
        &self,
        durability: Durability,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.writer().transaction(durability, work)
    }

    /// Runs `work` on a connection that sees everything committed before. Never waits for a writer, but in
    /// memory, where there is one connection for all.
    pub fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let Location::File(path) = &self.location else {
            return match &*lock(&self.writer) {
                Writer::Open { connection, .. } => work(connection),
                Writer::Paused => Err(StoreError::Paused),
                Writer::Closed => Err(StoreError::Closed),
            };
        };
        let idle = {
            let mut readers = lock(&self.readers);
            match readers.state {
                Access::Open => {}
                Access::Paused => return Err(StoreError::Paused),
                Access::Closed => return Err(StoreError::Closed),
            }
            readers.active += 1;
            readers.idle.pop()
        };
        let connection = idle.map_or_else(|| file::open_reader(path), Ok);
        let (connection, result) = match connection {
            Ok(connection) => {
                let result = work(&connection);
                (Some(connection), result)
            }
            Err(error) => (None, Err(error)),
        };
        let mut readers = lock(&self.readers);
        readers.active -= 1;
        if readers.state == Access::Open && readers.idle.len() < IDLE_READERS {
            readers.idle.extend(connection);
        } else {
            drop(connection);
        }
        drop(readers);
        self.reader_left.notify_all();
        result
    }

    /// Releases the file, its lock included, once reads and writes under way have ended. Later ones fail with
    /// [`StoreError::Paused`].
    pub fn pause(&self) {
        if self.location != Location::Memory {
            self.release(Access::Paused, Writer::Paused);
        }
    }

    /// As [`Self::pause`], for good.
    pub fn close(&self) {
        self.release(Access::Closed, Writer::Closed);
    }

    /// Deletes the file, its lock held until it is gone, and closes for good; unless `refuse` says no while
    /// nobody else can write. A paused file is opened for that, and paused again if it is not deleted; so is one
    /// that cannot be deleted.
    pub fn destroy<E>(
        &self,
        refuse: impl FnOnce(&mut WriterGuard<'_>, Before) -> Result<Result<(), E>, StoreError>,
    ) -> Result<Result<(), E>, StoreError> {
        let mut guard = self.writer();
        let before = match *guard.writer {
            Writer::Open { .. } => Before::Open,
            Writer::Paused => Before::Paused,
            Writer::Closed => return Err(StoreError::Closed),
        };
        if before == Before::Paused {
            *guard.writer = Self::open_writer(&self.location)?;
        }
        let judged = refuse(&mut guard, before);
        if !matches!(judged, Ok(Ok(()))) {
            if before == Before::Paused {
                *guard.writer = Writer::Paused;
            }
            return judged;
        }
        let held = std::mem::replace(&mut *guard.writer, Writer::Paused);
        drop(guard);
        self.release(Access::Paused, Writer::Paused);
        if let (Location::File(path), Writer::Open { connection, lock, .. }) = (&self.location, held) {
            // SQLite cleans up by path when it closes: it must not find another client's file.
            drop(connection);
            let deleted = file::delete(path);
            drop(lock);
            deleted?;
        }
        self.close();
        judged
    }

    /// Closes for good after `error`, which came up while the file was being opened. What is damaged is set aside, its
    /// lock held until it is.
    pub fn set_aside(&self, error: StoreError) -> StoreError {
        let held = std::mem::replace(&mut *lock(&self.writer), Writer::Closed);
        self.release(Access::Closed, Writer::Closed);
        match (error, held, &self.location) {
            (
                StoreError::Corrupt { reason, .. },
                Writer::Open { connection, lock, .. },
                Location::File(path),
            ) => {
                drop(connection);
                let error = file::set_aside(path, reason);
                drop(lock);
                error
            }
            (error, ..) => error,
        }
    }

    fn release(&self, access: Access, state: Writer) {
        let mut readers = lock(&self.readers);
        if readers.state == Access::Closed {
            return;
        }
        readers.state = access;
        readers.idle.clear();
        while readers.active > 0 {
            readers = self.reader_left.wait(readers).unwrap_or_else(PoisonError::into_inner);
        }
        drop(readers);
        *lock(&self.writer) = state;
    }

    /// Takes the file again after [`Self::pause`]. Nobody reads or writes before `prepare` has: if it fails, the file is
    /// paused still.
    pub fn resume(
        &self,
        prepare: impl FnOnce(&mut WriterGuard<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut guard = self.writer();
        match *guard.writer {
            Writer::Open { .. } => return Ok(()),
            Writer::Closed => return Err(StoreError::Closed),
            Writer::Paused => *guard.writer = Self::open_writer(&self.location)?,
        }
        if let Err(error) = prepare(&mut guard) {
            *guard.writer = Writer::Paused;
            return Err(error);
        }
        lock(&self.readers).state = Access::Open;
        Ok(())
    }
}

/// The right to write. What is changed beside the file while it is held is seen together with the commit.
pub struct WriterGuard<'a> {
    writer: MutexGuard<'a, Writer>,
    connections: &'a Connections,
}

impl WriterGuard<'_> {
    /// Runs `work` in one transaction and commits it; on an error everything is as before.
    pub fn transaction<T>(
        &mut self,
        wanted: Durability,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (connection, durability) = match &mut *self.writer {
            Writer::Open { connection, durability, .. } => (connection, durability),
            Writer::Paused => return Err(StoreError::Paused),
            Writer::Closed => return Err(StoreError::Closed),
        };
        let sqlite = |error| self.connections.error(&error);
        if *durability != wanted {
            let level = if wanted == Durability::Full { "full" } else { "normal" };
            connection.pragma_update(None, "synchronous", level).map_err(sqlite)?;
            *durability = wanted;
        }
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sqlite)?;
        let result = work(&transaction)?;
        transaction.commit().map_err(sqlite)?;
        Ok(result)
    }
}

/// A panic while the lock was held left a transaction that rolled back: the data behind it is sound.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
