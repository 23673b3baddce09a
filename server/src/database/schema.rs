//! The tables, and the check that a file has them.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use thiserror::Error;

use crate::environment::Environment;

/// "MZSS" in ASCII: tells the file of a Mizu sync server from others.
const APPLICATION_ID: i32 = 0x4D5A_5353;
const VERSION: i32 = 1;

/// - `log_state` has one row: the database's own tag, which is the tag of cursor 0, and the last cursor given
///   out. Cursors are counted over all scopes.
/// - `scope.trimmed_*` is the last row that was trimmed from the scope's log; cursor 0 where none was.
/// - `log.mutation` is the cursor of the first row that the same mutation wrote, in whatever scope.
/// - `outcome` has either a cursor and a tag, or a code and an error. Times are milliseconds since 1970.
const TABLES: &str = "
    CREATE TABLE log_state (
        only_row INTEGER PRIMARY KEY CHECK (only_row = 0),
        tag INTEGER NOT NULL,
        last_cursor INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE scope (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        entities INTEGER NOT NULL,
        trimmed_cursor INTEGER NOT NULL,
        trimmed_tag INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE entity (
        scope INTEGER NOT NULL,
        collection TEXT NOT NULL,
        id TEXT NOT NULL,
        data TEXT NOT NULL,
        PRIMARY KEY (scope, collection, id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE log (
        scope INTEGER NOT NULL,
        cursor INTEGER NOT NULL,
        tag INTEGER NOT NULL,
        mutation INTEGER NOT NULL,
        time INTEGER NOT NULL,
        collection TEXT NOT NULL,
        id TEXT NOT NULL,
        op TEXT NOT NULL,
        data TEXT,
        PRIMARY KEY (scope, cursor)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE outcome (
        scope INTEGER NOT NULL,
        mutation TEXT NOT NULL,
        cursor INTEGER,
        tag INTEGER,
        code TEXT,
        error TEXT,
        time INTEGER NOT NULL,
        PRIMARY KEY (scope, mutation)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX outcome_by_time ON outcome (time);
";

/// Why a service cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The file is something else.
    #[error("{} is not the database of a Mizu sync server: give another path", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer version.
    #[error(
        "{} has schema version {found}, and this server knows versions up to {known}: use a newer server",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i32,
        /// The newest version that this server knows.
        known: i32,
    },
    /// SQLite cannot open it.
    #[error("the database {} cannot be opened: {source}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// An option asks for less than clients rely on.
    #[error("keep_log must be at least 7 days: clients rely on it")]
    LogKeptTooShortly,
}

/// Makes the tables in a new file; refuses a file that is not ours, and leaves it as it is.
pub(super) fn prepare(
    connection: &mut Connection,
    path: &Path,
    environment: &dyn Environment,
) -> Result<(), OpenError> {
    let failed = |source: rusqlite::Error| match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::NotOurs { path: path.to_owned() },
        _ => OpenError::Database { path: path.to_owned(), source },
    };
    match state(connection).map_err(failed)? {
        State::Ours => Ok(()),
        State::NotOurs => Err(OpenError::NotOurs { path: path.to_owned() }),
        State::Newer(found) => Err(OpenError::Newer { path: path.to_owned(), found, known: VERSION }),
        State::Empty => create(connection, environment).map_err(failed),
    }
}

enum State {
    Empty,
    Ours,
    NotOurs,
    Newer(i32),
}

fn state(connection: &Connection) -> rusqlite::Result<State> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let version = pragma("user_version")?;
    Ok(match pragma("application_id")? {
        APPLICATION_ID if version > VERSION => State::Newer(version),
        APPLICATION_ID => State::Ours,
        0 if version == 0 && is_empty(connection)? => State::Empty,
        _ => State::NotOurs,
    })
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))
}

fn create(connection: &mut Connection, environment: &dyn Environment) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been faster.
    if is_empty(&transaction)? {
        transaction.execute_batch(TABLES)?;
        let tag = environment.random().cast_signed();
        transaction.execute("INSERT INTO log_state VALUES (0, ?, 0)", [tag])?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()
}
