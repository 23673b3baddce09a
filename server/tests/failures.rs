//! A database that fails, and files that are not ours.

#![allow(clippy::unwrap_used, reason = "a test that fails there says why")]

mod support;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mizu_sync_server::{Endpoint, LiveSession, OpenError, Service, ServiceOptions};
use rusqlite::Connection;
use serde_json::json;
use support::{Ask as _, SCOPE, create, mutation};

fn open(path: &Path) -> Result<Service, OpenError> {
    let options = ServiceOptions { busy_timeout: Duration::from_millis(20), ..Default::default() };
    Service::open(path, options)
}

#[test]
fn a_commit_that_fails_is_503_and_nothing_is_applied() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.db");
    let service = Arc::new(open(&path).unwrap());
    // A foreign key that is checked at the commit and cannot hold.
    let saboteur = Connection::open(&path).unwrap();
    saboteur
        .execute_batch(
            "CREATE TABLE parent (id INTEGER PRIMARY KEY);
             CREATE TABLE child (id INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
             CREATE TRIGGER spoil AFTER INSERT ON log BEGIN INSERT INTO child VALUES (1); END;",
        )
        .unwrap();
    let mut live = LiveSession::open(&service, None, || ()).unwrap();
    live.receive(r#"{"type":"subscribe","topic":"sync:user:1"}"#);
    let push = service.push(&[create("a")]);
    assert_eq!((push.status, push.code()), (503, "internal_error"));
    assert!(push.reply.grown.is_empty());
    assert_eq!(live.next_hint(), None);

    saboteur.execute_batch("DROP TRIGGER spoil").unwrap();
    assert_eq!(service.pull(0).changes().len(), 0);
    assert_eq!(service.push(&[create("a")]).results()[0]["ok"], true);
    assert!(live.next_hint().is_some());
}

#[test]
fn a_database_that_another_process_keeps_locked_is_503_with_retry_after() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.db");
    let service = open(&path).unwrap();
    service.push(&[create("a")]);
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let push = service.push(&[create("b")]);
    assert_eq!((push.status, push.reply.retry_after), (503, Some(Duration::from_secs(1))));
    assert_eq!(service.pull(0).changes().len(), 1, "reading goes on");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(service.push(&[create("b")]).results()[0]["ok"], true);
}

#[test]
fn an_error_of_the_database_in_a_mutation_fails_the_batch_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.db");
    let service = open(&path).unwrap();
    let saboteur = Connection::open(&path).unwrap();
    saboteur
        .execute_batch(
            "CREATE TRIGGER spoil AFTER INSERT ON log WHEN new.id = 'b' BEGIN SELECT RAISE(ROLLBACK, 'no'); END;",
        )
        .unwrap();
    let push = service.push(&[create("a"), create("b"), create("c")]);
    assert_eq!(push.status, 500);
    saboteur.execute_batch("DROP TRIGGER spoil").unwrap();
    assert_eq!(service.pull(0).changes().len(), 0);
    assert_eq!(service.push(&[create("a"), create("b")]).results()[1]["cursor"], 2);
}

#[test]
fn an_entity_that_no_patch_can_read_is_refused_for_ever_and_can_be_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.db");
    let service = open(&path).unwrap();
    service.push(&[create("a")]);
    let older = Connection::open(&path).unwrap();
    older.execute("UPDATE entity SET data = ?", [r#"{"\ud800":1}"#]).unwrap();
    let push = service.push(&[
        mutation("m1", "todo.patch", json!({ "id": "a", "set": { "b": 1 } })),
        mutation("m2", "todo.update", json!({ "id": "a", "data": {} })),
        mutation("m3", "todo.patch", json!({ "id": "a", "set": { "b": 1 } })),
    ]);
    let codes: Vec<_> = push.results().iter().map(|result| result["code"].as_str()).collect();
    assert_eq!(codes, [Some("invalid_mutation"), None, None]);
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notes.txt");
    fs::write(&path, "not a database, but long enough to look at ".repeat(100)).unwrap();
    assert!(matches!(open(&path), Err(OpenError::NotOurs { .. })));
    assert!(fs::read_to_string(&path).unwrap().starts_with("not a database"));
}

#[test]
fn the_database_of_another_program_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("other.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    let before = fs::read(&path).unwrap();
    assert!(matches!(open(&path), Err(OpenError::NotOurs { .. })));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_file_of_a_newer_version_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.db");
    drop(open(&path).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(open(&path), Err(OpenError::Newer { found: 99, known: 1, .. })));
}

#[test]
fn a_directory_that_is_missing_is_named() {
    let path = Path::new("/nonexistent/s.db");
    let Err(error) = open(path) else { panic!("it opened") };
    assert!(error.to_string().contains("/nonexistent/s.db"), "{error}");
}

#[test]
fn a_damaged_file_is_500_and_not_a_panic() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.db");
    let service = open(&path).unwrap();
    for number in 0..200 {
        service.push(&[create(&format!("t{number}"))]);
    }
    drop(service);
    let mut bytes = fs::read(&path).unwrap();
    bytes[4096..].fill(0xA5);
    fs::write(&path, bytes).unwrap();
    let Ok(service) = open(&path) else { return };
    for endpoint in [Endpoint::Pull, Endpoint::Snapshot] {
        let answer = service.send(endpoint, true, None, &json!({ "scope": SCOPE }));
        assert_eq!(answer.status, 500);
    }
    assert_eq!(service.push(&[create("x")]).status, 500);
}
