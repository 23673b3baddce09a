//! Each error has a kind, and keeps its sentence.

use std::path::PathBuf;
use std::time::Duration;

use mizu_sync_protocol::limits::LimitError;

use super::super::error::misuse;
use super::super::{ApiError, ErrorKind as Kind, Problem};
use crate::error::Error;
use crate::model::EntityKey;
use crate::net::{HeaderError, TokenError, TransportError, UrlError};
use crate::store::StoreError;
use crate::sync::SyncError;

fn entity() -> EntityKey {
    EntityKey::new("todo", "a")
}

fn store_errors() -> Vec<(StoreError, Kind)> {
    let path = || PathBuf::from("todos.db");
    let limit = || LimitError::TooLarge { bytes: 9, limit: 8 };
    let name = || "tick".to_owned();
    vec![
        (StoreError::Closed, Kind::Closed),
        (StoreError::Paused, Kind::Paused),
        (StoreError::AlreadyOpen { path: path() }, Kind::FileInUse),
        (StoreError::NotADatabase { path: path() }, Kind::WrongFile),
        (StoreError::NewerSchema { path: path(), found: 9, supported: 1 }, Kind::WrongFile),
        (
            StoreError::OtherScope { path: path(), found: "user:1".into(), asked: "user:2".into() },
            Kind::WrongFile,
        ),
        (StoreError::OtherPrincipal { path: path() }, Kind::WrongFile),
        (StoreError::Corrupt { path: path(), reason: "x".into(), set_aside: None }, Kind::FileDamaged),
        (StoreError::ReadOnly { path: path() }, Kind::FileUnusable),
        (StoreError::Io { path: path(), reason: "x".into() }, Kind::FileUnusable),
        (StoreError::Full { path: path() }, Kind::DiskFull),
        (StoreError::AlreadyExists { entity: entity() }, Kind::AlreadyExists),
        (StoreError::Changed { entity: entity() }, Kind::ChangedMeanwhile),
        (StoreError::NotFound { entity: entity() }, Kind::NotFound),
        (StoreError::NoSuchMutation { id: "m".into(), wanted: "rejected" }, Kind::NotFound),
        (StoreError::EntityLimit { entity: entity(), limit: limit() }, Kind::InvalidValue),
        (StoreError::ArgsLimit { name: name(), limit: limit() }, Kind::InvalidValue),
        (StoreError::ChangesLimit { name: name(), limit: limit() }, Kind::InvalidValue),
        (StoreError::Invalid { what: "the id", reason: "x".into() }, Kind::InvalidValue),
    ]
}

/// With whether they may pass by themselves.
fn sync_errors() -> Vec<(SyncError, Kind, bool)> {
    let (scope, url) = (|| "user:1".to_owned(), || "https://x.test/_sync/pull".to_owned());
    let offline = TransportError::Unreachable { url: url(), reason: "x".into() };
    let message = String::new;
    let full = StoreError::Full { path: PathBuf::from("todos.db") };
    vec![
        (SyncError::Offline { scope: scope(), error: offline }, Kind::Unreachable, true),
        (
            SyncError::Unavailable { scope: scope(), url: url(), status: 503, message: message() },
            Kind::Unreachable,
            true,
        ),
        (SyncError::SnapshotOutdated { scope: scope() }, Kind::Unreachable, true),
        (SyncError::MutationFailed { reason: "x".into() }, Kind::Unreachable, true),
        (SyncError::NotProtocol { scope: scope(), url: url(), reason: "x".into() }, Kind::BadServer, true),
        (
            SyncError::Misconfigured { scope: scope(), url: url(), status: 404, message: message() },
            Kind::BadServer,
            false,
        ),
        (SyncError::TooLarge { scope: scope(), limit: 1 << 28 }, Kind::BadServer, false),
        (SyncError::Dialect { reason: "x".into() }, Kind::BadServer, false),
        (SyncError::NeedsAuth { scope: scope() }, Kind::NeedsAuth, false),
        (SyncError::Forbidden { scope: scope() }, Kind::Forbidden, false),
        (SyncError::Unreadable { count: 2, reason: "x".into() }, Kind::DoesNotFit, true),
        (SyncError::LogChanged, Kind::LogChanged, true),
        (SyncError::LogKeepsChanging { url: url(), seconds: 60 }, Kind::LogChanged, true),
        (SyncError::Store(full), Kind::DiskFull, false),
    ]
}

fn errors() -> Vec<(Error, Kind, bool)> {
    let (reason, after) = (|| "x".to_owned(), Duration::from_secs(1));
    let of_store = store_errors().into_iter().map(|(error, kind)| (Error::Store(error), kind, false));
    let of_sync = sync_errors().into_iter().map(|(error, kind, passes)| (Error::Sync(error), kind, passes));
    let others = [
        (Error::BaseUrl(UrlError::Host), Kind::InvalidOption, false),
        (Error::Token(TokenError), Kind::InvalidOption, false),
        (Error::Header(HeaderError::Name("x y".into())), Kind::InvalidOption, false),
        (Error::InvalidOption { option: "scope", reason: "x" }, Kind::InvalidOption, false),
        (Error::Encode { entity: entity(), reason: reason() }, Kind::InvalidValue, false),
        (Error::EncodeArgs { name: "tick".into(), reason: reason() }, Kind::InvalidValue, false),
        (Error::Decode { entity: entity(), reason: reason() }, Kind::DoesNotFit, false),
        (Error::NotStarted, Kind::NotStarted, false),
        (Error::AlreadyStarted, Kind::AlreadyStarted, false),
        (Error::InComputed, Kind::Misuse, false),
        (Error::TimedOut { waiting_for: "synced", after, reason: reason() }, Kind::TimedOut, true),
        (Error::Unsent { pending: 1, rejected: 2 }, Kind::Unsent, false),
        (Error::Callback { reason: reason() }, Kind::Callback, false),
        (Error::Panicked, Kind::Bug, false),
        (Error::Thread { reason: reason() }, Kind::Bug, false),
    ];
    of_store.chain(of_sync).chain(others).collect()
}

#[test]
fn each_error_is_of_a_kind_and_keeps_its_sentence() {
    for (error, kind, is_passing) in errors() {
        let sentence = error.to_string();
        assert_eq!(Problem::from(error.clone()), Problem { kind, sentence: sentence.clone(), is_passing });
        assert_eq!(ApiError::from(error).to_string(), sentence);
    }
}

#[test]
fn no_sentence_speaks_rust() {
    for (error, ..) in errors() {
        let sentence = error.to_string();
        for word in ["::", "struct", "crate", "builder", "_memory", "None", "Some", "unwrap", "trait"] {
            assert!(!sentence.contains(word), "{word} in {sentence:?}");
        }
    }
}

#[test]
fn each_kind_but_what_only_this_layer_finds_is_of_some_error() {
    let kinds: std::collections::HashSet<Kind> = errors().into_iter().map(|(_, kind, _)| kind).collect();
    assert_eq!(kinds.len(), 25, "{kinds:?}");
}

#[test]
fn a_panic_is_a_misuse_in_its_own_words() {
    let found =
        misuse(|| panic!("a node made at src/ffi/graph.rs:7:9 is read; the other made at x.rs:1:2, too"));
    let sentence = "a node is read; the other, too".to_owned();
    let problem = Problem { kind: Kind::Misuse, sentence, is_passing: false };
    assert_eq!(found, Err::<(), _>(ApiError::Failed { problem }));
    assert_eq!(misuse(|| 7), Ok(7));
}
