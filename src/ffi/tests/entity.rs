//! What of an entity is kept on the other side. It may be told more than once: by whoever changes something just then.

use std::sync::Arc;

use super::super::{ClientOptions, ErrorKind, NativeClient, Write};
use super::{Ear, client, create, kind, options, to};

fn delete(client: &NativeClient, id: &str) {
    let (collection, id) = ("todo".to_owned(), id.to_owned());
    client.write(Write::Delete { collection, id }).unwrap();
}

#[test]
fn the_data_of_an_entity_is_recalled_before_the_write_returns_that_changes_it() {
    let client = client();
    let (ear, recalled) = Ear::new();
    let entity = client.entity("todo", "a", ear).unwrap();
    assert_eq!(entity.lease().unwrap(), None);
    create(&client, "a", r#"{"n":1}"#);
    assert!(recalled.try_iter().count() > 0);
    assert_eq!(entity.lease().unwrap().unwrap(), r#"{"n":1}"#);
    client.change("todo", "a", false, to(r#"{"n":2}"#)).unwrap();
    assert!(recalled.try_iter().count() > 0);
    assert_eq!(entity.lease().unwrap().unwrap(), r#"{"n":2}"#);
    delete(&client, "a");
    assert!(recalled.try_iter().count() > 0);
    assert_eq!(entity.lease().unwrap(), None);
}

#[test]
fn the_data_of_an_entity_is_not_recalled_for_others() {
    let client = client();
    let (ear, recalled) = Ear::new();
    let entity = client.entity("todo", "a", ear).unwrap();
    assert_eq!(entity.lease().unwrap(), None);
    create(&client, "b", "{}");
    assert_eq!(recalled.try_iter().count(), 0);
}

#[test]
fn what_cannot_be_read_is_no_data() {
    let client = client();
    let entity = client.entity("todo", "a", Ear::new().0).unwrap();
    client.shut_down();
    assert_eq!(kind(entity.lease(), "closed"), ErrorKind::Closed);
}

#[test]
fn what_could_not_be_read_once_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.db");
    let database = Some(file.to_str().unwrap().to_owned());
    let client =
        NativeClient::open(ClientOptions { database, ..options("http://127.0.0.1:9/_sync") }).unwrap();
    create(&client, "a", "{}");
    let (ear, recalled) = Ear::new();
    let entity = client.entity("todo", "a", ear).unwrap();
    let other = rusqlite::Connection::open(file).unwrap();
    other.execute_batch("ALTER TABLE entity RENAME TO away").unwrap();
    assert!(entity.lease().is_err());
    other.execute_batch("ALTER TABLE away RENAME TO entity").unwrap();
    assert_eq!(entity.lease().unwrap().unwrap(), "{}");
    client.change("todo", "a", false, to(r#"{"n":2}"#)).unwrap();
    assert!(recalled.try_iter().count() > 0);
    assert_eq!(entity.lease().unwrap().unwrap(), r#"{"n":2}"#);
}

#[test]
fn an_entity_that_nobody_has_any_more_is_not_watched() {
    let client = client();
    let (ear, recalled) = Ear::new();
    let entity = client.entity("todo", "a", Arc::clone(&ear) as _).unwrap();
    assert_eq!(entity.lease().unwrap(), None);
    drop(entity);
    create(&client, "a", "{}");
    assert_eq!((recalled.try_iter().count(), Arc::strong_count(&ear)), (0, 1));
}

#[test]
fn of_very_many_entities_no_copy_is_kept_before_others_are_gone() {
    let client = client();
    let (ear, _) = Ear::new();
    let copy = |id: usize| client.entity("todo", &id.to_string(), Arc::clone(&ear) as _);
    let mut copies: Vec<_> = (0..1_000).map_while(copy).collect();
    assert_eq!(copies.len(), 256);
    drop(copies.split_off(250));
    assert!(copy(1).is_some());
}
