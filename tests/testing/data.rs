//! Somebody else's changes, and what the server has.

use mizu_sync::testing::{SOON, Server};
use serde_json::json;

use crate::{SCOPE, Todo, todos};

#[test]
fn what_was_put_before_is_there_after_the_first_sync() {
    let server = Server::start();
    server.put(SCOPE, "todo", "t1", &Todo::new("Milk"));
    let phone = server.client(SCOPE);
    assert_eq!(todos(&phone).get("t1").get().unwrap(), Some(Todo::new("Milk")));
    assert!(!todos(&phone).row("t1").unwrap().unwrap().pending);
}

#[test]
fn somebody_elses_changes_arrive_with_the_next_sync() {
    let server = Server::start();
    let phone = server.client(SCOPE);
    server.put(SCOPE, "todo", "t1", &Todo::new("Milk"));
    server.put(SCOPE, "todo", "t2", &Todo::new("Bread"));
    server.put(SCOPE, "todo", "t1", &Todo::new("Oat milk"));
    server.delete(SCOPE, "todo", "t2");
    phone.sync(SOON).unwrap();
    assert_eq!(todos(&phone).get("t1").get().unwrap(), Some(Todo::new("Oat milk")));
    assert_eq!((todos(&phone).count().unwrap(), phone.cursor().get()), (1, 4));
}

#[test]
fn deleting_what_is_not_there_changes_nothing() {
    let server = Server::start();
    assert!(!server.delete(SCOPE, "todo", "t1"));
    let phone = server.client(SCOPE);
    phone.sync(SOON).unwrap();
    assert_eq!(phone.cursor().get(), 0);
}

#[test]
fn the_server_shows_what_clients_wrote() {
    let server = Server::start();
    let phone = server.client(SCOPE);
    todos(&phone).create("t2", Todo::new("Bread")).unwrap();
    let milk = todos(&phone).create("t1", Todo::new("Milk")).unwrap();
    milk.update(|todo| todo.done = true).unwrap();
    todos(&phone).create("t3", Todo::new("Eggs")).unwrap().delete().unwrap();
    phone.flush(SOON).unwrap();
    let done = Todo { done: true, ..Todo::new("Milk") };
    assert_eq!(server.get(SCOPE, "todo", "t1"), Some(done.clone()));
    assert_eq!(server.get::<Todo>(SCOPE, "todo", "t3"), None);
    assert_eq!(server.all(SCOPE, "todo"), [("t1".to_owned(), done), ("t2".to_owned(), Todo::new("Bread"))]);
    assert_eq!(
        (server.count(SCOPE, "todo"), server.count(SCOPE, "note"), server.count("x", "todo")),
        (2, 0, 0)
    );
}

#[test]
fn applied_mutations_are_listed_in_order_with_what_they_were_sent_with() {
    let server = Server::start();
    let phone = server.client(SCOPE);
    let milk = todos(&phone).create("t1", Todo::new("Milk")).unwrap();
    milk.update(|todo| todo.done = true).unwrap();
    milk.set(Todo::new("Bread")).unwrap();
    phone.mutate("unknown", &1).unwrap();
    milk.delete().unwrap();
    phone.flush(SOON).unwrap();
    let applied = server.mutations();
    let names: Vec<&str> = applied.iter().map(|mutation| mutation.name.as_str()).collect();
    assert_eq!(names, ["todo.create", "todo.patch", "todo.update", "todo.delete"]);
    assert_eq!(applied[1].args()["set"], json!({ "done": true }));
    assert_eq!(applied[3].args(), json!({ "id": "t1" }));
    assert!(applied.iter().all(|mutation| mutation.scope == SCOPE));
    assert!(applied.iter().all(|mutation| mutation.client.as_deref() == Some(phone.client_id())));
    assert_eq!(
        applied.iter().map(|mutation| mutation.seq).collect::<Vec<_>>(),
        [Some(1), Some(2), Some(3), Some(5)]
    );
}

#[test]
fn scopes_are_kept_apart() {
    let server = Server::start();
    let (ann, bob) = (server.client("user:ann"), server.client("user:bob"));
    todos(&ann).create("t1", Todo::new("Milk")).unwrap();
    ann.flush(SOON).unwrap();
    bob.sync(SOON).unwrap();
    assert_eq!((todos(&bob).count().unwrap(), server.count("user:bob", "todo")), (0, 0));
}

#[test]
fn two_devices_see_each_other() {
    let server = Server::start();
    let (phone, laptop) = (server.client(SCOPE), server.client(SCOPE));
    todos(&phone).create("t1", Todo::new("Milk")).unwrap();
    phone.flush(SOON).unwrap();
    laptop.sync(SOON).unwrap();
    assert_eq!(todos(&laptop).get("t1").get().unwrap(), Some(Todo::new("Milk")));
}

#[test]
fn two_devices_that_create_one_id_conflict() {
    let server = Server::start();
    let phone = server.client(SCOPE);
    server.go_offline();
    server.put(SCOPE, "todo", "t1", &Todo::new("Bread"));
    todos(&phone).create("t1", Todo::new("Milk")).unwrap();
    server.go_online();
    phone.sync(SOON).unwrap();
    assert_eq!(phone.rejected().unwrap()[0].code, "conflict");
    assert_eq!(todos(&phone).get("t1").get().unwrap(), Some(Todo::new("Bread")));
}

#[test]
fn numbers_and_unknown_fields_stay_as_they_were_sent() {
    let server = Server::start();
    let text = r#"{"title":"Milk","done":false,"price":1.50,"serial":123456789012345678901234567890}"#;
    let raw: Box<serde_json::value::RawValue> = serde_json::from_str(text).unwrap();
    server.put(SCOPE, "todo", "t1", &raw);
    let phone = server.client(SCOPE);
    todos(&phone).get("t1").update(|todo| todo.done = true).unwrap();
    phone.flush(SOON).unwrap();
    let stored: Box<serde_json::value::RawValue> = server.get(SCOPE, "todo", "t1").unwrap();
    assert_eq!(stored.get(), text.replace("false", "true"));
}

#[test]
#[should_panic(expected = "the server cannot store this: an entity must be a JSON object")]
fn what_is_no_entity_is_told_to_the_test() {
    Server::start().put(SCOPE, "todo", "t1", &7);
}

#[test]
fn the_first_sync_of_more_entities_than_a_page_holds_gets_all() {
    let server = Server::start();
    for number in 0..2_500 {
        server.put(SCOPE, "todo", &format!("t{number}"), &Todo::new("Milk"));
    }
    let phone = server.client(SCOPE);
    assert_eq!(todos(&phone).count().unwrap(), 2_500);
    let snapshots = crate::count(&server.requests(), mizu_sync::net::Endpoint::Snapshot);
    assert_eq!(snapshots, 3);
}
