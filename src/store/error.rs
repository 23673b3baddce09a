//! What can go wrong with the local database.

use std::path::{Path, PathBuf};

use mizu_sync_protocol::limits::LimitError;
use rusqlite::ErrorCode;
use thiserror::Error;

use crate::model::EntityKey;

/// A failure of the local database. None of them loses data that was acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another client, in this process or another, has the file open.
    #[error("{} is already open in another client: close that one first, or use one client for both", .path.display())]
    AlreadyOpen {
        /// The database.
        path: PathBuf,
    },
    /// The file is something else than a database of this SDK. It was not touched.
    #[error("{} is not a Mizu Sync database: choose another path, nothing in the file was changed", .path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer version of this SDK. It was not touched.
    #[error("{} was written by a newer version (schema {found}, this one knows up to {supported}): update the app", .path.display())]
    NewerSchema {
        /// The database.
        path: PathBuf,
        /// The schema version in the file.
        found: i64,
        /// The highest that this version knows.
        supported: i64,
    },
    /// The file holds the data of another scope. It was not touched.
    #[error("{} holds the scope {found:?}, not {asked:?}: use one file for each scope", .path.display())]
    OtherScope {
        /// The database.
        path: PathBuf,
        /// The scope in the file.
        found: String,
        /// The scope in the options.
        asked: String,
    },
    /// The file holds the data of another user. It was not touched, and nothing in it is sent.
    #[error("{} belongs to another user: open this user's own file, or delete that one with what is unsent in it", .path.display())]
    OtherPrincipal {
        /// The database.
        path: PathBuf,
    },
    /// The file or its folder cannot be written.
    #[error("{} cannot be written: it, or its folder, is read-only", .path.display())]
    ReadOnly {
        /// The database.
        path: PathBuf,
    },
    /// There is no space left for the write; nothing of it was kept.
    #[error("no space left for {}: free some space and write again, nothing that was saved is lost", .path.display())]
    Full {
        /// The database.
        path: PathBuf,
    },
    /// The file is damaged. If it was found so when it was opened, it was set aside, and the next opening
    /// starts with a new one.
    #[error("{} is damaged ({reason}){}", .path.display(), set_aside_text(.set_aside.as_deref()))]
    Corrupt {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        reason: String,
        /// Where the damaged file is now.
        set_aside: Option<PathBuf>,
    },
    /// Reading or writing the file failed in another way.
    #[error("{} cannot be used: {reason}", .path.display())]
    Io {
        /// The database.
        path: PathBuf,
        /// What the system or SQLite said.
        reason: String,
    },
    /// The client is paused: the file is released.
    #[error("the client is paused: resume it before reading or writing")]
    Paused,
    /// The client is closed.
    #[error("the client is closed: open a new one")]
    Closed,
    /// An entity with this id is visible in the collection.
    #[error("{entity} exists already: update it, or choose another id")]
    AlreadyExists {
        /// The entity.
        entity: EntityKey,
    },
    /// The entity was changed while an update of it was computed. [`crate::Entity::update`] computes it again, a batch
    /// cannot.
    #[error("{entity} was changed meanwhile: nothing was written, do it again")]
    Changed {
        /// The entity.
        entity: EntityKey,
    },
    /// There is no such entity here.
    #[error("{entity} does not exist here")]
    NotFound {
        /// The entity.
        entity: EntityKey,
    },
    /// There is no such mutation here, or it is not in the state that the call needs.
    #[error("no {wanted} mutation has the id {id}")]
    NoSuchMutation {
        /// The id that was asked for.
        id: String,
        /// What the call needs: rejected, or any.
        wanted: &'static str,
    },
    /// The entity, as the write would leave it, is too large or too deep. Nothing was written.
    #[error("{entity} cannot be stored: {limit}")]
    EntityLimit {
        /// The entity.
        entity: EntityKey,
        /// The limit.
        limit: LimitError,
    },
    /// The arguments of a custom mutation are too large or too deep. Nothing was written.
    #[error("the mutation {name:?} cannot be queued: {limit}")]
    ArgsLimit {
        /// The mutation's name.
        name: String,
        /// The limit.
        limit: LimitError,
    },
    /// What a custom mutation is expected to change is too large for one. Nothing was written.
    #[error("the mutation {name:?} cannot be queued: {limit} for what it changes, so split it into several")]
    ChangesLimit {
        /// The mutation's name.
        name: String,
        /// The limit.
        limit: LimitError,
    },
    /// A name, an id or arguments that the protocol cannot carry.
    #[error("{what} is not valid: {reason}")]
    Invalid {
        /// Which part.
        what: &'static str,
        /// Why not.
        reason: String,
    },
}

fn set_aside_text(path: Option<&Path>) -> String {
    path.map_or_else(
        || ": close the client and restore or delete the file".to_owned(),
        |path| format!(": it was set aside as {}, open again to start with a new one", path.display()),
    )
}

impl StoreError {
    /// The variant for an error of SQLite on the file at `path`.
    pub(crate) fn from_sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        let path = path.to_owned();
        let reason = match error {
            // With what it says comes the statement, and what is in it is nobody's business.
            rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
            error => error.to_string(),
        };
        if is_unreadable(error) || is_schema_mismatch(error) {
            return Self::Corrupt { path, reason, set_aside: None };
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full { path },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly { path },
            Some(ErrorCode::DatabaseCorrupt) => Self::Corrupt { path, reason, set_aside: None },
            Some(ErrorCode::NotADatabase) => Self::NotADatabase { path },
            _ => Self::Io { path, reason },
        }
    }

    /// The variant for an error of the file system on the file at `path`.
    pub(crate) fn from_io(path: &Path, error: &std::io::Error) -> Self {
        let path = path.to_owned();
        match error.kind() {
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                Self::ReadOnly { path }
            }
            std::io::ErrorKind::StorageFull => Self::Full { path },
            _ => Self::Io { path, reason: error.to_string() },
        }
    }
}

/// Whether a value is not what this SDK writes there.
pub fn is_unreadable(error: &rusqlite::Error) -> bool {
    use rusqlite::Error::{
        FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, QueryReturnedNoRows, Utf8Error,
    };
    matches!(
        error,
        FromSqlConversionFailure(..)
            | IntegralValueOutOfRange(..)
            | InvalidColumnType(..)
            | Utf8Error(..)
            // Where there need not be a row, none is no error.
            | QueryReturnedNoRows
    )
}

/// Whether the tables are not those of the schema version that the file says it has. SQLite tells it by the general
/// code, and in words.
fn is_schema_mismatch(error: &rusqlite::Error) -> bool {
    let words = match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg,
        rusqlite::Error::SqliteFailure(failure, Some(words)) if failure.code == ErrorCode::Unknown => words,
        _ => return false,
    };
    ["no such ", "has no column named", "ON CONFLICT clause does not match"]
        .iter()
        .any(|beginning| words.contains(beginning))
}
