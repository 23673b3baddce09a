//! What of an entity is kept on the other side.

use std::sync::Arc;

use super::super::{ErrorKind, NativeClient, Write};
use super::{Ear, client, create, kind, to};

fn delete(client: &NativeClient, id: &str) {
    let (collection, id) = ("todo".to_owned(), id.to_owned());
    client.write(Write::Delete { collection, id }).unwrap();
}

#[test]
fn the_data_of_an_entity_is_recalled_before_the_write_returns_that_changes_it() {
    let client = client();
    let (ear, recalled) = Ear::new();
    let entity = client.entity("todo", "a", ear);
    assert_eq!(entity.lease().unwrap(), None);
    create(&client, "a", r#"{"n":1}"#);
    assert_eq!(recalled.try_iter().count(), 1);
    assert_eq!(entity.lease().unwrap().unwrap(), r#"{"n":1}"#);
    client.change("todo", "a", false, to(r#"{"n":2}"#)).unwrap();
    assert_eq!(recalled.try_iter().count(), 1);
    assert_eq!(entity.lease().unwrap().unwrap(), r#"{"n":2}"#);
    delete(&client, "a");
    assert_eq!(recalled.try_iter().count(), 1);
    assert_eq!(entity.lease().unwrap(), None);
}

#[test]
fn the_data_of_an_entity_is_not_recalled_for_others() {
    let client = client();
    let (ear, recalled) = Ear::new();
    let entity = client.entity("todo", "a", ear);
    assert_eq!(entity.lease().unwrap(), None);
    create(&client, "b", "{}");
    assert_eq!(recalled.try_iter().count(), 0);
}

#[test]
fn what_cannot_be_read_is_no_data() {
    let client = client();
    let entity = client.entity("todo", "a", Ear::new().0);
    client.shut_down();
    assert_eq!(kind(entity.lease(), "closed"), ErrorKind::Closed);
}

#[test]
fn an_entity_that_nobody_has_any_more_is_not_watched() {
    let client = client();
    let (ear, recalled) = Ear::new();
    let entity = client.entity("todo", "a", Arc::clone(&ear) as _);
    assert_eq!(entity.lease().unwrap(), None);
    drop(entity);
    create(&client, "a", "{}");
    assert_eq!((recalled.try_iter().count(), Arc::strong_count(&ear)), (0, 1));
}
