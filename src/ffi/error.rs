//! The one error that crosses the boundary, and the table that leads to it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use thiserror::Error;

use super::CallbackError;
use crate::error::Error;
use crate::reactive::text_of;
use crate::store::StoreError;
use crate::sync::SyncError;

/// The result of a call over the boundary.
pub type ApiResult<T> = Result<T, ApiError>;

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, Error, uniffi::Error)]
pub enum ApiError {
    /// It did.
    #[error("{}", .problem.sentence)]
    Failed {
        /// Why.
        problem: Problem,
    },
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Problem {
    /// For the app, to tell it from others.
    pub kind: ErrorKind,
    /// For a person: what failed, where, and what to do.
    pub sentence: String,
    /// Whether it may pass by itself: nobody has to do anything.
    pub is_passing: bool,
}

/// What an app may want to tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, uniffi::Enum)]
pub enum ErrorKind {
    /// The client is closed.
    Closed,
    /// The client is paused.
    Paused,
    /// The client is not started.
    NotStarted,
    /// The client is started already.
    AlreadyStarted,
    /// An option is not valid.
    InvalidOption,
    /// A value, a name or an id cannot be stored.
    InvalidValue,
    /// An entity with this id is visible.
    AlreadyExists,
    /// There is no such entity or mutation.
    NotFound,
    /// Somebody else has changed an entity that a batch updates.
    ChangedMeanwhile,
    /// What is stored does not fit the app's type.
    DoesNotFit,
    /// Another client has the file.
    FileInUse,
    /// The file is another scope's, another user's, a newer version's, or no database.
    WrongFile,
    /// The file is damaged.
    FileDamaged,
    /// The file cannot be read or written.
    FileUnusable,
    /// There is no space left.
    DiskFull,
    /// The server does not answer, or not for now.
    Unreachable,
    /// The server answers with something that no retry changes.
    BadServer,
    /// The server wants a token, or another one.
    NeedsAuth,
    /// The server refuses this scope to this user.
    Forbidden,
    /// The server's data was reset or restored.
    LogChanged,
    /// What was waited for did not happen in time.
    TimedOut,
    /// Writes that were not sent would be lost.
    Unsent,
    /// The app uses the SDK in a way that cannot work.
    Misuse,
    /// The app's own code failed, where the SDK has called it.
    Callback,
    /// A bug of the SDK.
    Bug,
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let is_passing = match &error {
            Error::Sync(error) => !error.needs_action(),
            Error::TimedOut { .. } => true,
            _ => false,
        };
        Self { kind: kind(&error), sentence: error.to_string(), is_passing }
    }
}

/// Which error is of which kind.
fn kind(error: &Error) -> ErrorKind {
    use ErrorKind as Kind;
    match error {
        Error::Store(error) => of_store(error),
        Error::Sync(error) => of_sync(error),
        Error::BaseUrl(_) | Error::Token(_) | Error::Header(_) | Error::InvalidOption { .. } => {
            Kind::InvalidOption
        }
        Error::Encode { .. } | Error::EncodeArgs { .. } => Kind::InvalidValue,
        Error::Decode { .. } => Kind::DoesNotFit,
        Error::NotStarted => Kind::NotStarted,
        Error::AlreadyStarted => Kind::AlreadyStarted,
        Error::InComputed => Kind::Misuse,
        Error::TimedOut { .. } => Kind::TimedOut,
        Error::Unsent { .. } => Kind::Unsent,
        Error::Callback { .. } => Kind::Callback,
        Error::Panicked | Error::Thread { .. } => Kind::Bug,
    }
}

fn of_store(error: &StoreError) -> ErrorKind {
    use ErrorKind as Kind;
    match error {
        StoreError::Closed => Kind::Closed,
        StoreError::Paused => Kind::Paused,
        StoreError::AlreadyOpen { .. } => Kind::FileInUse,
        StoreError::NotADatabase { .. }
        | StoreError::NewerSchema { .. }
        | StoreError::OtherScope { .. }
        | StoreError::OtherPrincipal { .. } => Kind::WrongFile,
        StoreError::Corrupt { .. } => Kind::FileDamaged,
        StoreError::ReadOnly { .. } | StoreError::Io { .. } => Kind::FileUnusable,
        StoreError::Full { .. } => Kind::DiskFull,
        StoreError::AlreadyExists { .. } => Kind::AlreadyExists,
        StoreError::Changed { .. } => Kind::ChangedMeanwhile,
        StoreError::NotFound { .. } | StoreError::NoSuchMutation { .. } => Kind::NotFound,
        StoreError::EntityLimit { .. }
        | StoreError::ArgsLimit { .. }
        | StoreError::ChangesLimit { .. }
        | StoreError::Invalid { .. } => Kind::InvalidValue,
    }
}

fn of_sync(error: &SyncError) -> ErrorKind {
    use ErrorKind as Kind;
    match error {
        SyncError::Offline { .. }
        | SyncError::Unavailable { .. }
        | SyncError::SnapshotOutdated { .. }
        | SyncError::MutationFailed { .. } => Kind::Unreachable,
        SyncError::NotProtocol { .. }
        | SyncError::Misconfigured { .. }
        | SyncError::TooLarge { .. }
        | SyncError::Dialect { .. } => Kind::BadServer,
        SyncError::NeedsAuth { .. } => Kind::NeedsAuth,
        SyncError::Forbidden { .. } => Kind::Forbidden,
        SyncError::Unreadable { .. } => Kind::DoesNotFit,
        SyncError::LogChanged | SyncError::LogKeepsChanging { .. } => Kind::LogChanged,
        SyncError::Store(error) => of_store(error),
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self::Failed { problem: error.into() }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Error::Store(error).into()
    }
}

impl From<CallbackError> for Error {
    fn from(CallbackError::Thrown { reason }: CallbackError) -> Self {
        Self::Callback { reason }
    }
}

/// Calls what panics where the app uses the graph in a way that cannot work, with a sentence that says so.
pub fn misuse<T>(work: impl FnOnce() -> T) -> ApiResult<T> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let sentence = without_places(&text_of(&*panic));
        ApiError::Failed { problem: Problem { kind: ErrorKind::Misuse, sentence, is_passing: false } }
    })
}

/// A sentence without where nodes of the graph were made: for those of the other side that is this crate.
fn without_places(text: &str) -> String {
    let mut parts = text.split(" made at ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let end = part.find([' ', ',', ';']).unwrap_or(part.len());
        text + &part[end..]
    })
}
