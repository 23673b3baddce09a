//! The SQLite file: one connection that writes, several that read.
//!
//! Text and JSON in it is what the wire carries; nothing here knows the protocol's requests.

mod batch;
mod outcome;
mod position;
mod reader_pool;
mod schema;
mod scope;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, Transaction, TransactionBehavior};

pub(crate) use batch::{Batch, ScopeIndex, millis};
pub(crate) use outcome::Outcome;
pub(crate) use position::Position;
pub use schema::OpenError;
pub(crate) use scope::Scope;

use self::reader_pool::ReaderPool;
use crate::environment::Environment;
use crate::options::Durability;

/// Statements that a connection keeps prepared: more than there are.
const PREPARED_STATEMENTS: usize = 64;
/// The write-ahead log shrinks to this many bytes after a burst.
const WAL_KEPT: u32 = 64 * 1024 * 1024;

pub(crate) struct Database {
    writer: Mutex<Connection>,
    readers: Readers,
}

enum Readers {
    /// A database in memory belongs to its one connection, which then reads too.
    Writer,
    Pool(ReaderPool),
}

impl Database {
    pub(crate) fn open(
        path: &Path,
        durability: Durability,
        busy_timeout: Duration,
        environment: &dyn Environment,
    ) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Database { path: path.to_owned(), source };
        let mut writer = Connection::open(path).map_err(failed)?;
        // First, because switching to the write-ahead log may itself have to wait.
        writer.busy_timeout(busy_timeout).map_err(failed)?;
        schema::prepare(&mut writer, path, environment)?;
        configure_writer(&writer, durability).map_err(failed)?;

        let readers = Readers::Pool(ReaderPool::new(path.to_owned(), busy_timeout));
        Ok(Self { writer: Mutex::new(writer), readers })
    }

    pub(crate) fn in_memory(environment: &dyn Environment) -> Result<Self, OpenError> {
        let path = Path::new(":memory:");
        let failed = |source| OpenError::Database { path: path.to_owned(), source };
        let mut writer = Connection::open_in_memory().map_err(failed)?;
        keep_statements(&writer).map_err(failed)?;
        schema::prepare(&mut writer, path, environment)?;
        Ok(Self { writer: Mutex::new(writer), readers: Readers::Writer })
    }

    /// Waits for its turn to write.
    pub(crate) fn writer(&self) -> Writer<'_> {
        // A thread that panicked has rolled its transaction back while it unwound.
        Writer(self.writer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs `read` on one moment of the database.
    pub(crate) fn read<T, E: From<rusqlite::Error>>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        match &self.readers {
            Readers::Writer => read(&self.writer().0),
            Readers::Pool(pool) => {
                let mut reader = pool.take()?;
                let result = read(&*reader.transaction()?);
                pool.put_back(reader);
                result
            }
        }
    }
}

impl Database {
    /// Its bytes without the write-ahead log, and the last cursor given out.
    pub(crate) fn size(&self) -> rusqlite::Result<(u64, u64)> {
        let sql = "SELECT page_count * page_size, last_cursor \
                   FROM pragma_page_count, pragma_page_size, log_state";
        let number = |value: i64| value.unsigned_abs();
        self.read(|connection| {
            connection
                .prepare_cached(sql)?
                .query_row([], |row| Ok((number(row.get(0)?), number(row.get(1)?))))
        })
    }
}

/// The right to write.
pub(crate) struct Writer<'a>(MutexGuard<'a, Connection>);

impl Writer<'_> {
    /// A transaction that holds the file's write lock from its start.
    pub(crate) fn begin(&mut self) -> rusqlite::Result<Transaction<'_>> {
        self.0.transaction_with_behavior(TransactionBehavior::Immediate)
    }
}

/// Statements are prepared once. Without the stability guarantee the planner looks at bound values, and SQLite
/// prepares a statement anew whenever another one is bound.
fn keep_statements(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

fn configure_writer(connection: &Connection, durability: Durability) -> rusqlite::Result<()> {
    keep_statements(connection)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "journal_size_limit", WAL_KEPT)?;
    match durability {
        Durability::Full => {
            connection.pragma_update(None, "synchronous", "full")?;
            // On Apple's systems a plain fsync leaves data in the disk's cache. Elsewhere these do nothing.
            connection.pragma_update(None, "fullfsync", true)?;
            connection.pragma_update(None, "checkpoint_fullfsync", true)
        }
        Durability::Relaxed => connection.pragma_update(None, "synchronous", "normal"),
    }
}
