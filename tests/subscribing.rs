//! Listeners on queries and entities, for lists on a screen.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};

use mizu_sync::{Client, Row, RowsUpdate, Subscription, field};
use support::{Note, SOON};

fn memory() -> Client {
    Client::builder("http://127.0.0.1:9/_sync", "user:1").in_memory().open().unwrap()
}

/// A list that a subscription keeps, and how often it was told what.
#[derive(Default)]
struct List {
    rows: Vec<Row<Note>>,
    all: usize,
    changes: usize,
    versions: Vec<u64>,
}

fn listen(query: &mizu_sync::Query<Note>) -> (Subscription, Arc<Mutex<List>>) {
    let list: Arc<Mutex<List>> = Arc::default();
    let kept = Arc::clone(&list);
    let subscription = query.subscribe(move |update| {
        let mut list = kept.lock().unwrap();
        list.versions.push(update.version().get());
        match &update {
            RowsUpdate::All { .. } => list.all += 1,
            RowsUpdate::Changes { changes, .. } => list.changes += changes.len(),
        }
        update.apply(&mut list.rows);
    });
    (subscription, list)
}

#[test]
fn a_subscriber_has_the_rows_at_once_and_then_what_is_different() {
    let client = memory();
    let notes = client.collection::<Note>("note");
    for text in ["a", "b", "c", "d", "e"] {
        notes.create(text, Note::new(text)).unwrap();
    }
    let query = notes.query().order_by(field("text").desc());
    let (subscription, list) = listen(&query);
    {
        let list = list.lock().unwrap();
        assert_eq!((&list.rows, list.all), (&query.all().unwrap(), 1));
    }
    notes.get("b").update(|note| note.text = "z".to_owned()).unwrap();
    notes.get("a").delete().unwrap();
    client.delivered(SOON).unwrap();
    {
        let list = list.lock().unwrap();
        assert_eq!(list.rows, query.all().unwrap());
        assert_eq!((list.all, list.changes), (1, 3), "one moved, one is gone");
        assert!(list.versions.is_sorted(), "{:?}", list.versions);
    }
    drop(subscription);
    notes.add(Note::new("")).unwrap();
    client.delivered(SOON).unwrap();
    assert_eq!(list.lock().unwrap().rows.len(), 4);
}

#[test]
fn a_subscriber_that_was_slow_hears_of_several_changes_at_once() {
    let client = memory();
    let notes = client.collection::<Note>("note");
    let (let_go, blocked) = mpsc::channel::<()>();
    let (entered, inside) = mpsc::channel();
    let list: Arc<Mutex<(Vec<Row<Note>>, usize)>> = Arc::default();
    let kept = Arc::clone(&list);
    let mut first = true;
    let _subscription = notes.query().subscribe(move |update| {
        if !std::mem::take(&mut first) {
            let _ = entered.send(());
            let _ = blocked.recv();
        }
        let mut kept = kept.lock().unwrap();
        kept.1 += 1;
        update.apply(&mut kept.0);
    });
    notes.add(Note::new("")).unwrap();
    inside.recv_timeout(SOON).unwrap();
    for _ in 0..50 {
        notes.add(Note::new("")).unwrap();
    }
    drop(let_go);
    client.delivered(SOON).unwrap();
    let list = list.lock().unwrap();
    assert_eq!((list.0.len(), list.1), (51, 3));
}

#[test]
fn an_entity_can_be_listened_to() {
    let client = memory();
    let note = client.collection::<Note>("note").get("a");
    let (tell, told): (Sender<Option<String>>, _) = mpsc::channel();
    let _subscription = note.subscribe(move |row| drop(tell.send(row.map(|row| row.value.text))));
    client.collection::<Note>("note").create("a", Note::new("1")).unwrap();
    client.delivered(SOON).unwrap();
    assert_eq!(told.try_iter().collect::<Vec<_>>(), [None, Some("1".to_owned())]);
}

#[test]
fn a_row_that_does_not_fit_the_type_is_left_out_of_what_is_watched() {
    let client = memory();
    let (notes, raw) = (client.collection::<Note>("note"), client.collection::<serde_json::Value>("note"));
    notes.create("a", Note::new("1")).unwrap();
    raw.create("b", serde_json::json!({ "text": 7 })).unwrap();
    let (_subscription, list) = listen(&notes.query());
    let ids =
        |list: &Mutex<List>| list.lock().unwrap().rows.iter().map(|row| row.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&list), ["a"]);
    raw.get("b").set(serde_json::json!({ "text": "2", "starred": false })).unwrap();
    raw.get("a").set(serde_json::json!({ "text": 7, "starred": false })).unwrap();
    client.delivered(SOON).unwrap();
    assert_eq!(ids(&list), ["b"]);
}
