//! The tables, and how a file gets them.

use std::path::Path;

use rusqlite::Connection;

use super::error::StoreError;

/// Marks a SQLite file as one of ours: "MzSy".
pub const APPLICATION_ID: i32 = 0x4d7a_5379;

/// Each step leads from the schema version of its index to the next one.
const MIGRATIONS: &[&str] = &[V1];

/// The schema version of this library.
pub const VERSION: i64 = MIGRATIONS.len() as i64;

/// An entity is one row a generation: `data` is what the app sees (null = hidden); `base` is what the server
/// confirmed, kept only while patches lie over it (`overlay` counts them). `mutation.state` is 0 pending,
/// 1 acked, 2 rejected. `patch` holds what each mutation did to each entity.
/// `replica.generations` is the last generation that was given out: none is given out twice, since rows of a
/// snapshot that was given up may arrive late. `stage.newest_*` is the position of its newest page. Times are
/// milliseconds since 1970.
const V1: &str = "
    CREATE TABLE replica (
        one           INTEGER PRIMARY KEY CHECK (one = 1),
        scope         TEXT NOT NULL,
        principal     TEXT,
        client        TEXT NOT NULL,
        generation    INTEGER NOT NULL DEFAULT 1,
        generations   INTEGER NOT NULL DEFAULT 1,
        cursor        INTEGER NOT NULL DEFAULT 0,
        tag           TEXT,
        wire          TEXT,
        bootstrapped  INTEGER NOT NULL DEFAULT 0,
        resync        INTEGER NOT NULL DEFAULT 0,
        app_version   TEXT NOT NULL DEFAULT '',
        dialect_version TEXT NOT NULL DEFAULT ''
    );
    CREATE TABLE stage (
        one               INTEGER PRIMARY KEY CHECK (one = 1),
        generation        INTEGER NOT NULL,
        cursor            INTEGER NOT NULL,
        tag               TEXT,
        newest_cursor     INTEGER,
        newest_tag        TEXT,
        after_collection  TEXT,
        after_id          TEXT,
        rows              INTEGER NOT NULL,
        total             INTEGER
    );
    CREATE TABLE entity (
        generation  INTEGER NOT NULL,
        collection  TEXT NOT NULL,
        id          TEXT NOT NULL,
        data        TEXT,
        base        TEXT,
        overlay     INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (generation, collection, id)
    ) WITHOUT ROWID;
    CREATE TABLE mutation (
        seq            INTEGER PRIMARY KEY AUTOINCREMENT,
        id             TEXT NOT NULL,
        name           TEXT NOT NULL,
        args           TEXT,
        created_at     INTEGER NOT NULL,
        retries        TEXT,
        state          INTEGER NOT NULL DEFAULT 0,
        sent_at        INTEGER,
        failures       INTEGER NOT NULL DEFAULT 0,
        suspect        INTEGER NOT NULL DEFAULT 0,
        attempts       INTEGER NOT NULL DEFAULT 0,
        first_failure  INTEGER,
        cursor         INTEGER,
        tag            TEXT,
        round          INTEGER,
        code           TEXT,
        error          TEXT,
        rejected_at    INTEGER
    );
    CREATE INDEX mutation_acked ON mutation (cursor) WHERE state = 1;
    CREATE INDEX mutation_rejected ON mutation (seq) WHERE state = 2;
    CREATE INDEX mutation_suspect ON mutation (seq) WHERE suspect = 1;
    CREATE TABLE patch (
        seq         INTEGER NOT NULL,
        ordinal     INTEGER NOT NULL,
        collection  TEXT NOT NULL,
        id          TEXT NOT NULL,
        op          TEXT NOT NULL,
        body        TEXT,
        PRIMARY KEY (seq, ordinal)
    ) WITHOUT ROWID;
    CREATE INDEX patch_entity ON patch (collection, id);
    CREATE TABLE quarantine (
        place       INTEGER PRIMARY KEY,
        generation  INTEGER NOT NULL,
        cursor      INTEGER,
        reason      TEXT NOT NULL,
        raw         TEXT
    );
";

/// What a file says of itself.
pub struct Identity {
    application: i64,
    version: i64,
    tables: i64,
}

/// Asks a file what it is, without changing it.
///
/// # Errors
/// When it cannot be read.
pub fn identify(connection: &Connection) -> rusqlite::Result<Identity> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get(0));
    Ok(Identity {
        application: pragma("application_id")?,
        version: pragma("user_version")?,
        tables: connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?,
    })
}

impl Identity {
    /// The schema version of the file at `path`, 0 of a new one.
    ///
    /// # Errors
    /// For a file of another program, for one of a newer version, and for one that contradicts itself.
    pub fn check(&self, path: &Path) -> Result<i64, StoreError> {
        let path = || path.to_owned();
        match *self {
            Self { application: 0, version: 0, tables: 0 } => Ok(0),
            Self { application, .. } if application != i64::from(APPLICATION_ID) => {
                Err(StoreError::NotADatabase { path: path() })
            }
            Self { version: found @ 1..=VERSION, .. } => Ok(found),
            Self { version: found, .. } if found > VERSION => {
                Err(StoreError::NewerSchema { path: path(), found, supported: VERSION })
            }
            Self { version, .. } => {
                let reason = format!("it says that its schema version is {version}");
                Err(StoreError::Corrupt { path: path(), reason, set_aside: None })
            }
        }
    }
}

/// Brings the file at `path` to [`VERSION`], in one transaction.
///
/// # Errors
/// For a file of another program and for one of a newer version: neither is changed.
pub fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let sqlite = |error| StoreError::from_sqlite(path, &error);
    let found = identify(connection).map_err(sqlite)?.check(path)?;
    if found == VERSION {
        return Ok(());
    }
    let transaction = connection.transaction().map_err(sqlite)?;
    for step in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        transaction.execute_batch(step).map_err(sqlite)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(sqlite)?;
    transaction.pragma_update(None, "user_version", VERSION).map_err(sqlite)?;
    transaction.commit().map_err(sqlite)
}
