//! What a step may end with: an error of the SDK, of some kind, or a scenario that does not hold.

use mizu_sync::{Error, StoreError, SyncError};
use serde_json::{Value, json};

/// The result of a step, or of a part of one.
pub type Outcome<T> = Result<T, Failure>;

#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// The SDK has said so: a kind, and its sentence.
    Error(&'static str, String),
    /// The scenario does not hold, or is no scenario.
    Wrong(String),
}

impl Failure {
    /// What it is in a log of values.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Error(kind, _) => json!({ "fails": kind }),
            Self::Wrong(text) => json!({ "wrong": text }),
        }
    }

    /// For a person.
    pub fn text(self) -> String {
        match self {
            Self::Error(kind, sentence) => format!("it fails: {kind} ({sentence})"),
            Self::Wrong(text) => text,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(kind(&error), error.to_string())
    }
}

/// The kind of an error, as README.md lists them.
pub fn kind(error: &Error) -> &'static str {
    match error {
        Error::Store(error) => of_store(error),
        Error::Sync(error) => of_sync(error),
        Error::BaseUrl(_) | Error::Token(_) | Error::Header(_) | Error::InvalidOption { .. } => {
            "invalid_option"
        }
        Error::Encode { .. } | Error::EncodeArgs { .. } => "invalid_value",
        Error::Decode { .. } => "does_not_fit",
        Error::NotStarted => "not_started",
        Error::AlreadyStarted => "already_started",
        Error::InComputed => "misuse",
        Error::TimedOut { .. } => "timed_out",
        Error::Unsent { .. } => "unsent",
        _ => "bug",
    }
}

fn of_store(error: &StoreError) -> &'static str {
    match error {
        StoreError::Closed => "closed",
        StoreError::Paused => "paused",
        StoreError::AlreadyOpen { .. } => "file_in_use",
        StoreError::NotADatabase { .. }
        | StoreError::NewerSchema { .. }
        | StoreError::OtherScope { .. }
        | StoreError::OtherPrincipal { .. } => "wrong_file",
        StoreError::Corrupt { .. } => "file_damaged",
        StoreError::Full { .. } => "disk_full",
        StoreError::AlreadyExists { .. } => "already_exists",
        StoreError::Changed { .. } => "changed_meanwhile",
        StoreError::NotFound { .. } | StoreError::NoSuchMutation { .. } => "not_found",
        StoreError::EntityLimit { .. }
        | StoreError::ArgsLimit { .. }
        | StoreError::ChangesLimit { .. }
        | StoreError::Invalid { .. } => "invalid_value",
        _ => "file_unusable",
    }
}

fn of_sync(error: &SyncError) -> &'static str {
    match error {
        SyncError::Offline { .. }
        | SyncError::Unavailable { .. }
        | SyncError::SnapshotOutdated { .. }
        | SyncError::MutationFailed { .. } => "unreachable",
        SyncError::NeedsAuth { .. } => "needs_auth",
        SyncError::Forbidden { .. } => "forbidden",
        SyncError::Unreadable { .. } => "does_not_fit",
        SyncError::LogChanged | SyncError::LogKeepsChanging { .. } => "server_reset",
        SyncError::Store(error) => of_store(error),
        _ => "bad_server",
    }
}
