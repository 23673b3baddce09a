//! Effects on entities, queries, the queue and the status: who is woken by what.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::fmt::Debug;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, OnceLock};

use mizu_sync::{Client, Computed, Connectivity, Effect, Error, Signal, StoreError, batch, field, untrack};
use support::{Note, SOON, TestServer, client};

fn memory() -> Client {
    Client::builder("http://127.0.0.1:9/_sync", "user:1").in_memory().open().unwrap()
}

/// What an effect saw, in order.
struct Seen<T>(Receiver<T>);

impl<T: PartialEq + Debug> Seen<T> {
    /// All of it since the last look, once everything is delivered.
    fn take(&self, client: &Client) -> Vec<T> {
        client.delivered(SOON).unwrap();
        self.0.try_iter().collect()
    }

    fn assert_nothing(&self, client: &Client) {
        assert_eq!(self.take(client), Vec::new());
    }
}

/// An effect that keeps what `look` gives.
fn seen<T: Send + 'static>(look: impl Fn() -> T + Send + 'static) -> (Effect, Seen<T>) {
    let (tell, told) = mpsc::channel();
    (Effect::new(move || drop(tell.send(look()))), Seen(told))
}

#[test]
fn an_effect_on_an_entity_runs_when_that_entity_is_changed_and_not_when_another_is() {
    let client = memory();
    let notes = client.collection::<Note>("note");
    let (a, b) = (notes.create("a", Note::new("1")).unwrap(), notes.create("b", Note::new("1")).unwrap());
    let watched = a.clone();
    let (_effect, seen) = seen(move || watched.get().unwrap().map(|note| note.text));
    assert_eq!(seen.take(&client), [Some("1".to_owned())]);
    b.update(|note| note.text = "2".to_owned()).unwrap();
    seen.assert_nothing(&client);
    a.update(|note| note.text = "3".to_owned()).unwrap();
    assert_eq!(seen.take(&client), [Some("3".to_owned())]);
    a.update(|note| note.text = "3".to_owned()).unwrap();
    seen.assert_nothing(&client);
    a.delete().unwrap();
    assert_eq!(seen.take(&client), [None]);
}

#[test]
fn of_ten_thousand_effects_on_as_many_entities_a_change_of_one_runs_one() {
    let client = memory();
    let notes = client.collection::<Note>("note");
    client
        .batch(|batch| {
            (0..10_000).try_for_each(|number| batch.create(&notes, &number.to_string(), &Note::new("")))
        })
        .unwrap();
    let (tell, told) = mpsc::channel();
    let effects: Vec<Effect> = (0..10_000)
        .map(|number| {
            let (note, tell) = (notes.get(&number.to_string()), tell.clone());
            Effect::new(move || {
                note.get()?;
                tell.send(number)?;
                Ok(())
            })
        })
        .collect();
    assert_eq!(told.try_iter().count(), effects.len());
    notes.get("4711").update(|note| note.starred = true).unwrap();
    client.delivered(SOON).unwrap();
    assert_eq!(told.try_iter().collect::<Vec<_>>(), [4711]);
}

#[test]
fn an_effect_on_the_number_of_a_query_runs_when_it_is_another_one() {
    let client = memory();
    let notes = client.collection::<Note>("note");
    let starred = notes.query().filter(field("starred").eq(true));
    let (_effect, seen) = seen(move || starred.count().unwrap());
    assert_eq!(seen.take(&client), [0]);
    let a = notes.create("a", Note::new("1")).unwrap();
    seen.assert_nothing(&client);
    a.update(|note| note.starred = true).unwrap();
    assert_eq!(seen.take(&client), [1]);
    a.update(|note| note.text = "2".to_owned()).unwrap();
    seen.assert_nothing(&client);
    // One comes and one goes.
    client
        .batch(|batch| {
            batch.delete(&notes, "a")?;
            batch.create(&notes, "b", &Note { starred: true, ..Note::new("") })
        })
        .unwrap();
    seen.assert_nothing(&client);
}

#[test]
fn an_effect_on_the_rows_of_a_query_runs_only_when_they_are_others() {
    let client = memory();
    let notes = client.collection::<Note>("note");
    for text in ["c", "a", "b"] {
        notes.create(text, Note::new(text)).unwrap();
    }
    let first = notes.query().filter(field("starred").eq(false)).order_by("text").limit(2);
    let (_effect, seen) =
        seen(move || first.all().unwrap().into_iter().map(|row| row.id).collect::<Vec<_>>().concat());
    assert_eq!(seen.take(&client), ["ab"]);
    // Outside of the window.
    notes.get("c").update(|note| note.text = "d".to_owned()).unwrap();
    seen.assert_nothing(&client);
    notes.create("x", Note { starred: true, ..Note::new("0") }).unwrap();
    seen.assert_nothing(&client);
    notes.get("c").update(|note| note.text = "0".to_owned()).unwrap();
    assert_eq!(seen.take(&client), ["ca"]);
    notes.get("a").delete().unwrap();
    assert_eq!(seen.take(&client), ["cb"]);
}

#[test]
fn a_computed_value_shows_an_own_write_as_soon_as_it_has_returned() {
    let client = memory();
    let notes = client.collection::<Note>("note");
    let query = notes.query();
    let count = Computed::new(move || query.count().unwrap());
    for number in 1..100 {
        notes.add(Note::new("")).unwrap();
        assert_eq!(count.get(), number);
    }
}

#[test]
fn an_effect_that_combines_signals_and_data_runs_for_both() {
    let client = memory();
    let notes = client.collection::<Note>("note");
    notes.create("a", Note::new("1")).unwrap();
    notes.create("b", Note::new("2")).unwrap();
    let selected = Signal::new("a".to_owned());
    let (of, name) = (notes.clone(), selected.clone());
    let (_effect, seen) = seen(move || of.get(&name.get()).get().unwrap().map(|note| note.text));
    assert_eq!(seen.take(&client), [Some("1".to_owned())]);
    selected.set("b".to_owned());
    assert_eq!(seen.take(&client), [Some("2".to_owned())]);
    notes.get("a").update(|note| note.text = "3".to_owned()).unwrap();
    seen.assert_nothing(&client);
    batch(|| selected.set("a".to_owned()));
    assert_eq!(seen.take(&client), [Some("3".to_owned())]);
}

#[test]
fn what_is_read_untracked_wakes_nobody() {
    let client = memory();
    let notes = client.collection::<Note>("note");
    let of = notes.clone();
    let (_effect, seen) = seen(move || untrack(|| of.count().unwrap()));
    notes.add(Note::new("")).unwrap();
    assert_eq!(seen.take(&client), [0]);
}

#[test]
fn a_batch_is_seen_at_once() {
    let client = memory();
    let notes = client.collection::<Note>("note");
    let of = notes.clone();
    let (_effect, seen) = seen(move || of.all().unwrap().len());
    client.batch(|batch| (0..3).try_for_each(|_| batch.add(&notes, &Note::new("")).map(drop))).unwrap();
    assert_eq!(seen.take(&client), [0, 3]);
}

#[test]
fn an_effect_that_was_stopped_or_dropped_runs_no_more() {
    let client = memory();
    let notes = client.collection::<Note>("note");
    let of = notes.clone();
    let (stopped, first) = seen(move || of.count().unwrap());
    let of = notes.clone();
    let (dropped, second) = seen(move || of.count().unwrap());
    stopped.stop();
    drop(dropped);
    notes.add(Note::new("")).unwrap();
    assert_eq!((first.take(&client), second.take(&client)), (vec![0], vec![0]));
}

#[test]
fn effects_run_on_the_thread_of_the_callbacks_and_a_write_does_not_wait_for_them() {
    let client = memory();
    let notes = client.collection::<Note>("note");
    let (let_go, blocked) = mpsc::channel::<()>();
    let (of, here) = (notes.clone(), std::thread::current().id());
    let (_effect, seen) = seen(move || {
        of.count().unwrap();
        let elsewhere = std::thread::current().id() != here;
        if elsewhere {
            blocked.recv().unwrap();
        }
        elsewhere
    });
    notes.add(Note::new("")).unwrap();
    // The write has returned, and the effect has not.
    let_go.send(()).unwrap();
    assert_eq!(seen.take(&client), [false, true]);
}

#[test]
fn an_effect_may_write_and_what_it_writes_is_seen_by_others() {
    let client = memory();
    let notes = client.collection::<Note>("note");
    let (all, log) = (notes.clone(), client.collection::<Note>("log"));
    let _writer = Effect::new(move || {
        let text = all.count()?.to_string();
        log.create(&text, Note::new("seen"))?;
        Ok(())
    });
    let log = client.collection::<Note>("log");
    let (_effect, seen) = seen(move || log.count().unwrap());
    notes.add(Note::new("")).unwrap();
    client.delivered(SOON).unwrap();
    assert_eq!(seen.take(&client), [1, 2]);
}

#[test]
fn effects_that_write_what_wakes_them_without_end_are_stopped_and_the_others_go_on() {
    let client = memory();
    let notes = client.collection::<Note>("note");
    let (of, runs) = (notes.clone(), Arc::new(Mutex::new(0)));
    let count = Arc::clone(&runs);
    let _endless = Effect::new(move || {
        *count.lock().unwrap() += 1;
        of.count()?;
        of.add(Note::new(""))?;
        Ok(())
    });
    let of = notes.clone();
    let (_effect, seen) = seen(move || of.get("x").get().unwrap().is_some());
    // Each run of it makes the next one due, and each wait is for one of them at least.
    (0..200).for_each(|_| client.delivered(SOON).unwrap());
    let before = *runs.lock().unwrap();
    assert!((100..110).contains(&before), "{before}");
    notes.create("x", Note::new("")).unwrap();
    assert_eq!(seen.take(&client), [false, true]);
    assert!(*runs.lock().unwrap() > before, "it is woken by what others write");
}

#[test]
fn what_another_device_writes_wakes_those_who_watch_it() {
    let server = TestServer::start();
    let (phone, laptop) = (client(&server, "phone"), client(&server, "laptop"));
    phone.start().unwrap();
    laptop.start().unwrap();
    let here = phone.collection::<Note>("note");
    here.create("a", Note::new("1")).unwrap();
    phone.flush(SOON).unwrap();
    laptop.sync(SOON).unwrap();
    let there = laptop.collection::<Note>("note");
    let of = there.get("a");
    let (_effect, seen) = seen(move || of.get().unwrap().map(|note| note.text));
    assert_eq!(seen.take(&laptop), [Some("1".to_owned())]);
    here.get("a").update(|note| note.text = "2".to_owned()).unwrap();
    phone.flush(SOON).unwrap();
    laptop.sync(SOON).unwrap();
    assert_eq!(seen.take(&laptop), [Some("2".to_owned())]);
}

#[test]
fn the_mark_of_what_is_unsent_goes_when_it_is_confirmed_and_the_value_wakes_nobody() {
    let server = TestServer::start();
    let phone = client(&server, "phone");
    let note = phone.collection::<Note>("note").create("a", Note::new("1")).unwrap();
    let of = note.clone();
    let (_rows, rows) = seen(move || of.row().unwrap().map(|row| row.pending));
    let (_values, values) = seen(move || note.get().unwrap().map(|note| note.text));
    phone.start().unwrap();
    phone.sync(SOON).unwrap();
    assert_eq!(rows.take(&phone), [Some(true), Some(false)]);
    assert_eq!(values.take(&phone), [Some("1".to_owned())]);
}

#[test]
fn the_first_sync_wakes_everybody_once() {
    let server = TestServer::start();
    let (phone, laptop) = (client(&server, "phone"), client(&server, "laptop"));
    let notes = phone.collection::<Note>("note");
    for number in 0..20 {
        notes.create(&number.to_string(), Note::new("1")).unwrap();
    }
    phone.start().unwrap();
    phone.flush(SOON).unwrap();
    let all = laptop.collection::<Note>("note");
    let (_effect, seen) = seen(move || all.count().unwrap());
    laptop.start().unwrap();
    laptop.sync(SOON).unwrap();
    assert_eq!(seen.take(&laptop), [0, 20]);
}

#[test]
fn the_queue_and_the_status_can_be_watched() {
    let server = TestServer::start();
    let phone = Arc::new(client(&server, "phone"));
    let of = Arc::clone(&phone);
    let (_queue, queue) = seen(move || of.pending().unwrap().len());
    let status = phone.status();
    let (_status, lines) = seen(move || status.with(|status| (status.connection, status.pending)));
    assert_eq!(queue.take(&phone), [0]);
    phone.collection::<Note>("note").add(Note::new("")).unwrap();
    assert_eq!(queue.take(&phone), [1]);
    phone.start().unwrap();
    phone.sync(SOON).unwrap();
    assert_eq!(queue.take(&phone).last(), Some(&0));
    let lines = lines.take(&phone);
    assert_eq!(lines.first(), Some(&(Connectivity::Stopped, 0)));
    assert_eq!(lines.last(), Some(&(Connectivity::Online, 0)));
    assert!(lines.contains(&(Connectivity::Stopped, 1)), "{lines:?}");
    let status = phone.status().get();
    assert!(status.synced_once && status.last_sync.is_some() && status.error.is_none(), "{status:?}");
    phone.stop();
    assert_eq!(phone.status().get().connection, Connectivity::Stopped);
}

#[test]
fn nothing_is_delivered_while_the_client_is_paused_and_everything_after_it() {
    let server = TestServer::start();
    let phone = client(&server, "phone");
    let notes = phone.collection::<Note>("note");
    notes.create("a", Note::new("1")).unwrap();
    let of = notes.clone();
    let (_effect, seen) = seen(move || of.count());
    phone.pause().unwrap();
    assert_eq!(phone.delivered(SOON), Err(Error::Store(StoreError::Paused)));
    // Another process may have the file meanwhile.
    let other = Client::builder(server.url(), "user:1").database(&phone.path).open().unwrap();
    other.collection::<Note>("note").create("b", Note::new("2")).unwrap();
    drop(other);
    phone.resume().unwrap();
    assert_eq!(seen.take(&phone), [Ok(1), Ok(2)]);
}

#[test]
fn a_client_that_is_closed_or_dropped_delivers_no_more() {
    let client = memory();
    let notes = client.collection::<Note>("note");
    let of = notes.clone();
    let (_effect, seen) = seen(move || of.count().is_ok());
    client.close();
    assert!(client.delivered(SOON).unwrap_err().is_closed());
    drop(client);
    assert_eq!(seen.0.try_iter().collect::<Vec<_>>(), [true]);
}

#[test]
fn an_effect_may_close_the_client_that_runs_it() {
    let phone: Arc<OnceLock<Client>> = Arc::default();
    let (inside, client) = (Arc::clone(&phone), memory());
    let notes = client.collection::<Note>("note");
    phone.set(client).unwrap();
    let of = notes.clone();
    let (tell, told) = mpsc::channel();
    let _effect = Effect::new(move || {
        if of.count()? == 1
            && let Some(client) = inside.get()
        {
            client.close();
            tell.send(of.count())?;
        }
        Ok(())
    });
    notes.add(Note::new("")).unwrap();
    assert_eq!(told.recv_timeout(SOON).unwrap(), Err(Error::Store(StoreError::Closed)));
}
