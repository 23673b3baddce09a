//! The app's model changes: older rows are read by newer apps, and newer rows by older ones.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use mizu_sync::{Client, Error};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use support::{SOON, TestServer};

/// Version 1 had `text`, version 2 has `title`, version 3 counts the words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    title: String,
    words: usize,
}

fn builder(url: &str) -> mizu_sync::Builder {
    Client::builder(url, "user:1")
        .in_memory()
        .upcast("note", 3, |fields| {
            let words = fields.get("title").and_then(Value::as_str).unwrap_or_default().split(' ').count();
            fields.insert("words".to_owned(), words.into());
        })
        .upcast("note", 2, |fields| {
            if let Some(text) = fields.remove("text") {
                fields.insert("title".to_owned(), text);
            }
        })
}

fn client() -> Client {
    builder("http://127.0.0.1:9/_sync").open().unwrap()
}

/// What is stored, past the model.
fn stored(client: &Client, id: &str) -> Value {
    // Another collection type of the same name sees the same rows, but the upcasters are of the name.
    let pending = client.pending().unwrap();
    let last = pending.iter().rev().find(|mutation| mutation.args.contains(&format!("\"{id}\""))).unwrap();
    serde_json::from_str(&last.args).unwrap()
}

/// As an older app has left it: without any upcaster.
fn with_old_rows(rows: &[(&str, Value)]) -> (Client, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let old = Client::builder("http://127.0.0.1:9/_sync", "user:1").database(&path).open().unwrap();
    for (id, row) in rows {
        old.collection::<Value>("note").create(id, row.clone()).unwrap();
    }
    drop(old);
    let new = builder("http://127.0.0.1:9/_sync").database(&path).open().unwrap();
    (new, folder)
}

#[test]
fn rows_of_every_older_version_are_read_as_the_newest() {
    let (client, _folder) = with_old_rows(&[
        ("one", json!({ "text": "a b" })),
        ("two", json!({ "title": "a b c", "$version": 2 })),
        ("three", json!({ "title": "a", "words": 7, "$version": 3 })),
        ("four", json!({ "title": "a", "words": 8, "more": true, "$version": 4 })),
        ("whole float", json!({ "title": "a", "words": 9, "$version": 3.0 })),
        ("no number", json!({ "title": "a", "words": 10, "$version": "2" })),
    ]);
    let rows = client.collection::<Note>("note").all().unwrap();
    let read: Vec<_> = rows.into_iter().map(|row| (row.id, row.value.title, row.value.words)).collect();
    let row = |id: &str, title: &str, words| (id.to_owned(), title.to_owned(), words);
    assert_eq!(
        read,
        [
            row("four", "a", 8),
            row("no number", "a", 10),
            row("one", "a b", 2),
            row("three", "a", 7),
            row("two", "a b c", 3),
            row("whole float", "a", 9)
        ]
    );
}

#[test]
fn what_is_written_says_of_which_version_it_is() {
    let client = client();
    let notes = client.collection::<Note>("note");
    let note = notes.create("n", Note { title: "a".to_owned(), words: 1 }).unwrap();
    assert_eq!(stored(&client, "n")["data"], json!({ "title": "a", "words": 1, "$version": 3 }));
    note.update(|note| note.words = 2).unwrap();
    assert_eq!(stored(&client, "n")["set"], json!({ "words": 2 }));
    note.set(Note { title: "b".to_owned(), words: 3 }).unwrap();
    assert_eq!(stored(&client, "n")["data"], json!({ "title": "b", "words": 3, "$version": 3 }));
    // Other collections know nothing of it.
    client.collection::<Note>("other").create("o", Note { title: "a".to_owned(), words: 1 }).unwrap();
    assert_eq!(stored(&client, "o")["data"], json!({ "title": "a", "words": 1 }));
}

#[test]
fn an_update_of_an_older_row_brings_all_of_it_to_the_newest_version() {
    let (client, _folder) = with_old_rows(&[("n", json!({ "text": "a b", "kept": 1 }))]);
    client.collection::<Note>("note").get("n").update(|note| note.words = 9).unwrap();
    let sent = stored(&client, "n");
    assert_eq!(sent["set"], json!({ "title": "a b", "words": 9, "$version": 3 }));
    assert_eq!(sent["unset"], json!(["text"]));
}

#[test]
fn an_older_row_is_not_rewritten_before_the_app_changes_it() {
    let (client, _folder) = with_old_rows(&[("n", json!({ "text": "a b" }))]);
    let note = client.collection::<Note>("note").get("n");
    note.update(|_| {}).unwrap();
    assert_eq!(client.pending().unwrap().len(), 1);
    assert_eq!(note.get().unwrap().map(|note| note.title), Some("a b".to_owned()));
}

#[test]
fn setting_an_older_row_takes_the_old_fields_away_and_keeps_the_unknown() {
    let (client, _folder) =
        with_old_rows(&[("n", json!({ "text": "a b", "kept": 12345678901234567890123_i128 as f64 }))]);
    client.collection::<Note>("note").get("n").set(Note { title: "c".to_owned(), words: 1 }).unwrap();
    let data = stored(&client, "n")["data"].clone();
    assert_eq!((&data["title"], &data["$version"], &data["text"]), (&json!("c"), &json!(3), &Value::Null));
    assert!(data["kept"].is_number());
}

#[test]
fn batches_read_and_write_older_rows_as_well() {
    let (client, _folder) = with_old_rows(&[("n", json!({ "text": "a b" }))]);
    let notes = client.collection::<Note>("note");
    client
        .batch(|batch| {
            assert_eq!(batch.get(&notes, "n")?.map(|note| note.words), Some(2));
            batch.update(&notes, "n", |note| note.title.push_str(" c"))
        })
        .unwrap();
    assert_eq!(stored(&client, "n")["set"], json!({ "title": "a b c", "words": 2, "$version": 3 }));
}

#[test]
fn a_row_that_no_upcast_makes_fit_is_an_error_where_it_is_asked_for() {
    let (client, _folder) = with_old_rows(&[("n", json!({ "title": 7 }))]);
    let error = client.collection::<Note>("note").get("n").get().unwrap_err();
    assert!(matches!(error, Error::Decode { .. }), "{error}");
}

#[test]
fn what_an_older_app_could_not_read_is_there_after_an_update() {
    let server = TestServer::start();
    let phone = builder(server.url()).open().unwrap();
    let notes = phone.collection::<Note>("note");
    phone.start().unwrap();
    notes.create("n", Note { title: "a".to_owned(), words: 1 }).unwrap();
    phone.flush(SOON).unwrap();
    // An app of before there were versions changes one field, and knows nothing of the others.
    #[derive(Serialize, Deserialize)]
    struct Old {
        title: String,
    }
    let laptop = Client::builder(server.url(), "user:1").in_memory().open().unwrap();
    laptop.start().unwrap();
    laptop.sync(SOON).unwrap();
    laptop.collection::<Old>("note").get("n").update(|note| note.title = "b".to_owned()).unwrap();
    laptop.flush(SOON).unwrap();
    phone.sync(SOON).unwrap();
    assert_eq!(notes.get("n").get().unwrap(), Some(Note { title: "b".to_owned(), words: 1 }));
}
