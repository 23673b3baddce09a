//! What apps do wrong with effects, computed values and listeners, and what becomes of it.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::sync::{Arc, Mutex, mpsc};

use mizu_sync::{Client, Computed, Effect, Error, LogLevel, LogLine, StoreError, Subscription, field};
use serde_json::{Value, json};
use support::{Note, SOON};

/// A client, and what it says for developers.
fn logged() -> (Client, mpsc::Receiver<LogLine>) {
    let (tell, told) = mpsc::channel();
    let client = Client::builder("http://127.0.0.1:9/_sync", "user:1")
        .in_memory()
        .on_log(move |line| drop(tell.send(line)))
        .open()
        .unwrap();
    (client, told)
}

#[test]
fn a_computed_value_that_writes_is_refused() {
    let (client, _) = logged();
    let notes = client.collection::<Note>("note");
    notes.create("a", Note::new("1")).unwrap();
    let of = notes.clone();
    let writes = Computed::new(move || {
        let note = of.get("a");
        [of.add(Note::new("2")).map(drop), note.update(|note| note.starred = true), note.delete()]
    });
    assert_eq!(writes.get(), [Err(Error::InComputed), Err(Error::InComputed), Err(Error::InComputed)]);
    assert_eq!((notes.count().unwrap(), client.pending().unwrap().len()), (1, 1));
}

#[test]
fn a_listener_that_panics_is_logged_and_told_of_the_next_change() {
    let (client, told) = logged();
    let note = client.collection::<Note>("note").create("a", Note::new("0")).unwrap();
    let (tell, heard) = mpsc::channel();
    let _subscription = note.subscribe(move |row| {
        let text = row.unwrap().value.text;
        tell.send(text.clone()).unwrap();
        assert!(text != "1", "as it is meant to");
    });
    for text in ["1", "2"] {
        note.update(|note| note.text = text.to_owned()).unwrap();
        client.delivered(SOON).unwrap();
    }
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), ["0", "1", "2"]);
    let line = told.recv_timeout(SOON).unwrap();
    assert_eq!((line.level, line.target), (LogLevel::Error, "data"));
    assert!(line.text.contains("panicked: as it is meant to"), "{}", line.text);
}

#[test]
fn what_a_listener_makes_is_its_own() {
    let (client, _) = logged();
    let notes = client.collection::<Note>("note");
    let note = notes.create("a", Note::new("0")).unwrap();
    let kept: Arc<Mutex<Vec<Subscription>>> = Arc::default();
    let (tell, heard) = mpsc::channel();
    let (keep, of) = (Arc::clone(&kept), notes.clone());
    let _subscription = note.subscribe(move |_| {
        let tell = tell.clone();
        // Kept by the app: the next call must not end it.
        keep.lock().unwrap().push(of.query().subscribe(move |_| tell.send(()).unwrap()));
    });
    note.update(|note| note.starred = true).unwrap();
    client.delivered(SOON).unwrap();
    assert_eq!(heard.try_iter().count(), 3, "the first one twice, the second one once");
    notes.add(Note::new("1")).unwrap();
    client.delivered(SOON).unwrap();
    assert_eq!(heard.try_iter().count(), 2);
}

#[test]
fn the_first_row_is_the_first_that_fits() {
    let (client, _) = logged();
    client.collection::<Value>("note").create("a", json!({ "text": 7 })).unwrap();
    let notes = client.collection::<Note>("note");
    assert_eq!(notes.query().first().unwrap(), None);
    notes.create("b", Note::new("1")).unwrap();
    let first = |query: mizu_sync::Query<Note>| query.first().unwrap().map(|row| row.id);
    assert_eq!(first(notes.query()), Some("b".to_owned()));
    assert_eq!(first(notes.query().limit(0)), None);
    assert_eq!(first(notes.query().offset(1)), Some("b".to_owned()));
}

#[test]
fn a_query_that_compares_with_too_many_values_says_so() {
    let (client, _) = logged();
    let notes = client.collection::<Note>("note");
    let of = |count: u64| notes.query().filter(field("text").is_in(0..count));
    assert_eq!(of(30_000).count(), Ok(0));
    let error = of(30_001).count().unwrap_err().to_string();
    assert_eq!(error, "the query is not valid: it compares with 30001 values, at most 30000 are allowed");
}

#[test]
fn waiting_for_deliveries_inside_of_one_of_them_is_an_error_at_once() {
    let (client, _) = logged();
    let client = Arc::new(client);
    let (inside, notes) = (Arc::downgrade(&client), client.collection::<Note>("note"));
    let (tell, heard) = mpsc::channel();
    let of = notes.clone();
    let _effect = Effect::new(move || {
        if of.count()? > 0
            && let Some(client) = inside.upgrade()
        {
            tell.send(client.delivered(SOON))?;
        }
        Ok(())
    });
    notes.add(Note::new("")).unwrap();
    let waited = heard.recv_timeout(SOON).unwrap();
    assert!(matches!(waited, Err(Error::TimedOut { .. })), "{waited:?}");
}

#[test]
fn a_list_is_right_again_after_its_listener_has_panicked() {
    let (client, _) = logged();
    let notes = client.collection::<Note>("note");
    let list: Arc<Mutex<Vec<mizu_sync::Row<Note>>>> = Arc::default();
    let (kept, mut calls) = (Arc::clone(&list), 0);
    let _subscription = notes.query().subscribe(move |update| {
        calls += 1;
        assert!(calls != 2, "as it is meant to");
        update.apply(&mut kept.lock().unwrap());
    });
    for id in ["a", "b", "c"] {
        notes.create(id, Note::new("")).unwrap();
        client.delivered(SOON).unwrap();
    }
    let ids: Vec<String> = list.lock().unwrap().iter().map(|row| row.id.clone()).collect();
    assert_eq!(ids, ["a", "b", "c"]);
}

#[test]
fn who_waits_for_deliveries_is_told_when_the_client_is_paused_or_closed_meanwhile() {
    for (stop, expected) in [
        ((|client| client.pause().unwrap()) as fn(&Client), StoreError::Paused),
        (Client::close, StoreError::Closed),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let client =
            Client::builder("http://127.0.0.1:9/_sync", "user:1").database(folder.path().join("a.db"));
        let client = Arc::new(client.open().unwrap());
        let (notes, inside) = (client.collection::<Note>("note"), Arc::downgrade(&client));
        let (let_go, blocked) = mpsc::channel::<()>();
        let (blocking, blocks) = mpsc::channel();
        let (waiting, waits) = mpsc::channel();
        let of = notes.clone();
        let _effect = Effect::new(move || {
            if of.count()? == 1
                && let Some(client) = inside.upgrade()
            {
                blocking.send(())?;
                blocked.recv()?;
                stop(&client);
            }
            Ok(())
        });
        notes.add(Note::new("")).unwrap();
        blocks.recv().unwrap();
        let waiter = Arc::clone(&client);
        let waiter = std::thread::spawn(move || {
            waiting.send(()).unwrap();
            waiter.delivered(SOON)
        });
        waits.recv().unwrap();
        // A second one waits behind the first.
        notes.add(Note::new("")).unwrap();
        let_go.send(()).unwrap();
        let told = waiter.join().unwrap();
        assert!(told == Ok(()) || told == Err(Error::Store(expected.clone())), "{told:?}");
        assert_eq!(client.delivered(SOON), Err(Error::Store(expected)));
    }
}
