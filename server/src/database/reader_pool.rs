//! Connections that only read. Each sees the database as it was when its transaction began, and waits for nobody.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::keep_statements;

/// Kept open for the next request; more are opened when more read at once.
const IDLE: usize = 8;

pub(super) struct ReaderPool {
    path: PathBuf,
    busy_timeout: Duration,
    idle: Mutex<Vec<Connection>>,
}

impl ReaderPool {
    pub(super) fn new(path: PathBuf, busy_timeout: Duration) -> Self {
        Self { path, busy_timeout, idle: Mutex::default() }
    }

    pub(super) fn take(&self) -> rusqlite::Result<Connection> {
        // A statement of its own, so that the lock is not held while a file is opened.
        let pooled = self.idle().pop();
        if let Some(reader) = pooled {
            return Ok(reader);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let reader = Connection::open_with_flags(&self.path, flags)?;
        reader.busy_timeout(self.busy_timeout)?;
        keep_statements(&reader)?;
        Ok(reader)
    }

    pub(super) fn put_back(&self, reader: Connection) {
        let mut idle = self.idle();
        if idle.len() < IDLE {
            idle.push(reader);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
