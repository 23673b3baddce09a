//! Changes that cannot be read: each goes into quarantine, and the pull goes on.

use mizu_sync::{Client, Error, SyncError};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::server::Server;
use crate::support::scripted::Answer;
use crate::support::{Note, SOON};
use crate::{Device, PAYLOAD, assert_says, builder};

fn note(text: &str) -> Value {
    json!({ "text": text, "starred": false })
}

fn deep(levels: usize) -> Value {
    // As a string: a tree of so many levels cannot be dropped, let alone printed, by recursion.
    Value::String(format!("{}{}", "[".repeat(levels), "]".repeat(levels)))
}

/// What is in the file's quarantine: cursor and reason.
fn quarantine(device: &Device) -> Vec<(Option<i64>, String)> {
    let connection = Connection::open(&device.path).unwrap();
    let mut select = connection.prepare("SELECT cursor, reason FROM quarantine ORDER BY place").unwrap();
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn changes_of_wrong_types_are_set_aside_and_told_once() {
    let server = Server::well();
    let device = Device::empty(&server.url());
    device.client.start().unwrap();
    device.client.sync(SOON).unwrap();
    server.change(json!({ "entity": "note", "id": "a", "op": "create", "data": note("first") }));
    for bad in [
        json!({ "entity": "note", "id": 7, "op": "create", "data": note(PAYLOAD) }),
        json!({ "entity": ["note"], "id": "b", "op": "create", "data": note(PAYLOAD) }),
        json!({ "entity": "note", "id": "b", "op": "explode", "data": note(PAYLOAD) }),
        json!({ "entity": "note", "id": "b", "op": "create", "data": [PAYLOAD] }),
        json!({ "entity": "note", "id": "b", "op": "create", "data": PAYLOAD }),
        json!({ "entity": "note", "id": "b", "op": "update" }),
        json!({ "entity": "", "id": "b", "op": "create", "data": note(PAYLOAD) }),
        json!({ "entity": "note", "id": "x".repeat(1_025), "op": "create", "data": note(PAYLOAD) }),
        json!({ "entity": "note", "id": "b", "op": "create", "data": note(&"x".repeat(600_000)) }),
        json!({ "nothing": "known", "data": { "op": "update", "todo": { "id": PAYLOAD } } }),
    ] {
        server.change(bad);
    }
    server.change(json!({ "entity": "note", "id": "z", "op": "create", "data": note("last") }));
    device.client.sync(SOON).unwrap();
    let notes = device.client.collection::<Note>("note");
    let ids: Vec<String> = notes.all().unwrap().into_iter().map(|row| row.id).collect();
    assert_eq!((ids, device.client.cursor().get()), (vec!["a".to_owned(), "z".to_owned()], 12));
    let error = device.told_sync();
    assert!(matches!(error, SyncError::Unreadable { count: 10, .. }), "{error:?}");
    assert_says(&Error::Sync(error), &["10 changes", "could not be read", "set aside"]);
    assert_eq!(
        quarantine(&device).into_iter().map(|(cursor, _)| cursor).collect::<Vec<_>>(),
        (2..=11).map(Some).collect::<Vec<_>>()
    );
    // Neither a further sync nor a start tells it again, or asks for it.
    device.client.sync(SOON).unwrap();
    assert!(device.errors.try_recv().is_err());
    let device = device.reopened(&server.url());
    device.client.start().unwrap();
    device.client.sync(SOON).unwrap();
    assert!(device.errors.try_recv().is_err());
    assert_eq!((quarantine(&device).len(), server.asked.count("snapshot")), (10, 1));
}

#[test]
fn a_change_of_ten_thousand_levels_is_set_aside() {
    let server = Server::well();
    let device = Device::empty(&server.url());
    device.client.start().unwrap();
    device.client.sync(SOON).unwrap();
    let change = |cursor: u64, id: &str, levels: usize| {
        let Value::String(nested) = deep(levels) else { unreachable!() };
        format!(
            r#"{{"cursor":{cursor},"entity":"note","id":"{id}","op":"create",
                 "data":{{"text":"a","starred":true,"more":{nested}}}}}"#
        )
    };
    // One level is the object's own.
    let changes = [change(1, "63", 63), change(2, "64", 64), change(3, "10000", 10_000), change(4, "z", 0)];
    let changes = changes.join(",").replace("\"more\":}", "\"more\":0}");
    let page = format!(r#"{{"changes":[{changes}],"has_more":false,"next_cursor":4}}"#);
    server.say("pull", Answer::new(200, "application/json", page));
    device.client.sync(SOON).unwrap();
    let ids: Vec<String> =
        device.client.collection::<Note>("note").all().unwrap().into_iter().map(|row| row.id).collect();
    assert_eq!(ids, ["63", "z"]);
    let error = device.told_sync();
    assert_says(&Error::Sync(error), &["2 changes", "more than 64 levels deep"]);
}

#[test]
fn rows_of_a_snapshot_that_cannot_be_read_are_set_aside() {
    let server = Server::well();
    let Value::String(nested) = deep(10_000) else { unreachable!() };
    let large = "x".repeat(600_000);
    let body = format!(
        r#"{{"data":{{"note":{{"a":{{"text":"a","starred":false}},"b":7,"c":{{"deep":{nested}}},
            "d":{{"large":"{large}"}},"e":"no base64","z":{{"text":"z","starred":false}}}}}},"cursor":5}}"#
    );
    server.say("snapshot", Answer::new(200, "application/json", body));
    let device = Device::empty(&server.url());
    device.client.start().unwrap();
    device.client.sync(SOON).unwrap();
    let ids: Vec<String> =
        device.client.collection::<Note>("note").all().unwrap().into_iter().map(|row| row.id).collect();
    assert_eq!((ids, device.client.cursor().get()), (vec!["a".to_owned(), "z".to_owned()], 5));
    let error = device.told_sync();
    assert!(matches!(error, SyncError::Unreadable { count: 4, .. }), "{error:?}");
    assert_says(&Error::Sync(error), &["4 changes", "set aside"]);
    assert_eq!(quarantine(&device).len(), 4);
}

#[test]
fn a_newer_app_fetches_again_what_the_older_one_could_not_read() {
    let server = Server::well();
    let device = Device::empty(&server.url());
    device.client.start().unwrap();
    device.client.sync(SOON).unwrap();
    server.change(json!({ "entity": "note", "id": "a", "op": "explode" }));
    device.client.sync(SOON).unwrap();
    assert_eq!(quarantine(&device).len(), 1);
    let data = json!({ "note": { "a": note("readable now") } });
    server.say("snapshot", Answer::ok(&json!({ "data": data, "cursor": 1 })));
    let Device { client, path, folder, .. } = device;
    drop(client);
    let client: Client = builder(&server.url(), &path).app_version("2").open().unwrap();
    client.start().unwrap();
    client.sync(SOON).unwrap();
    let notes = client.collection::<Note>("note");
    assert_eq!(notes.get("a").get().unwrap(), Some(Note::new("readable now")));
    drop((client, folder));
}

/// What the app takes a note for.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Strict {
    text: u32,
}

#[test]
fn an_entity_that_does_not_fit_the_apps_type_is_passed_over_and_told_once() {
    let server = Server::well();
    let device = Device::new(&server.url());
    let strict = device.client.collection::<Strict>("note");
    // Before the start nobody can be told.
    assert_eq!(strict.all().unwrap(), []);
    device.client.start().unwrap();
    device.client.sync(SOON).unwrap();
    device.client.collection::<Value>("note").create("fits", json!({ "text": 7 })).unwrap();
    for _ in 0..3 {
        let rows = strict.all().unwrap();
        assert_eq!(rows.into_iter().map(|row| row.value).collect::<Vec<_>>(), [Strict { text: 7 }]);
    }
    let told = device.told();
    let Error::Decode { entity, .. } = &told else { panic!("{told:?}") };
    assert_eq!((entity.collection.as_str(), entity.id.as_str()), ("note", "kept"));
    assert_says(&told, &["note \"kept\"", "does not fit the app's type", "make new fields optional"]);
    for error in [
        strict.get("kept").get().unwrap_err(),
        strict.row("kept").unwrap_err(),
        strict.get("kept").update(|note| note.text = 1).unwrap_err(),
        device.client.batch(|batch| batch.get(&strict, "kept")).unwrap_err(),
    ] {
        assert_eq!(error, told);
    }
    assert!(device.errors.try_recv().is_err());
    // Nothing of it was changed.
    let notes = device.client.collection::<Note>("note");
    assert_eq!(notes.get("kept").get().unwrap(), Some(Note::new(PAYLOAD)));
}
