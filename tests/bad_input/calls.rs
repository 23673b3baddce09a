//! Calls at the wrong time, and callbacks that misbehave.

use std::sync::{Arc, OnceLock, mpsc};

use mizu_sync::{Client, Error, StoreError, Unsent};
use serde_json::json;

use crate::server::Server;
use crate::support::scripted::Answer;
use crate::support::{Note, SOON};
use crate::{Device, assert_says, builder, nowhere};

#[test]
fn waiting_before_the_start_says_what_to_do() {
    let device = Device::new(&nowhere());
    let client = &device.client;
    for error in [
        client.sync(SOON).unwrap_err(),
        client.flush(SOON).unwrap_err(),
        client.wait_for_first_sync(SOON).unwrap_err(),
    ] {
        assert_eq!(error, Error::NotStarted);
        assert_says(&error, &["not started", "call start() first"]);
    }
    device.assert_kept();
    device.assert_intact();
}

#[test]
fn starting_twice_is_an_error() {
    let device = Device::new(&nowhere());
    device.client.start().unwrap();
    let error = device.client.start().unwrap_err();
    assert_eq!(error, Error::AlreadyStarted);
    assert_says(&error, &["started already"]);
    device.assert_intact();
}

/// Every call that can fail, with its name.
fn all_calls(client: &Client) -> Vec<(&'static str, Result<(), Error>)> {
    let notes = client.collection::<Note>("note");
    let note = notes.get("kept");
    vec![
        ("start", client.start()),
        ("sync", client.sync(SOON)),
        ("flush", client.flush(SOON)),
        ("wait_for_first_sync", client.wait_for_first_sync(SOON)),
        ("batch", client.batch(|batch| batch.create(&notes, "b", &Note::new("b")))),
        ("batch get", client.batch(|batch| batch.get(&notes, "b").map(drop))),
        ("batch add", client.batch(|batch| batch.add(&notes, &Note::new("b")).map(drop))),
        ("batch set", client.batch(|batch| batch.set(&notes, "kept", &Note::new("b")))),
        ("batch update", client.batch(|batch| batch.update(&notes, "kept", |note| note.starred = true))),
        ("batch delete", client.batch(|batch| batch.delete(&notes, "kept"))),
        ("batch mutate", client.batch(|batch| batch.mutate("note.archive", &json!({})))),
        ("mutate", client.mutate("note.archive", &json!({})).map(drop)),
        ("mutate_expecting", client.mutate_expecting("note.archive", &json!({}), |_| Ok(())).map(drop)),
        ("pending", client.pending().map(drop)),
        ("rejected", client.rejected().map(drop)),
        ("retry", client.retry("x").map(drop)),
        ("retry_with", client.retry_with("x", &json!({})).map(drop)),
        ("discard", client.discard("x")),
        ("create", notes.create("b", Note::new("b")).map(drop)),
        ("add", notes.add(Note::new("b")).map(drop)),
        ("all", notes.all().map(drop)),
        ("find", notes.find(|_| true).map(drop)),
        ("row", notes.row("kept").map(drop)),
        ("has", notes.has("kept").map(drop)),
        ("count", notes.count().map(drop)),
        ("get", note.get().map(drop)),
        ("exists", note.exists().map(drop)),
        ("set", note.set(Note::new("b"))),
        ("update", note.update(|note| note.starred = true)),
        ("delete", note.delete()),
    ]
}

/// The calls that cannot fail.
fn harmless_calls(client: &Client) {
    client.stop();
    client.set_network(true);
    client.set_foreground(false);
    assert!(!client.is_online());
    assert_eq!((client.cursor().get(), client.blocked()), (0, None));
    assert!(format!("{client:?} {:?}", client.collection::<Note>("note").get("kept")).contains("Client"));
}

#[test]
fn every_call_after_close_says_that_the_client_is_closed() {
    for started in [false, true] {
        let device = Device::new(&nowhere());
        if started {
            device.client.start().unwrap();
        }
        device.client.close();
        device.client.close();
        for (name, result) in all_calls(&device.client) {
            let error = result.expect_err(name);
            assert_eq!(error, Error::Store(StoreError::Closed), "{name}");
            assert!(error.is_closed());
            assert_says(&error, &["closed", "open a new one"]);
        }
        for (name, result) in [
            ("pause", device.client.pause()),
            ("resume", device.client.resume()),
            ("wipe", device.client.wipe(Unsent::Lose)),
        ] {
            assert_eq!(result, Err(Error::Store(StoreError::Closed)), "{name}");
        }
        harmless_calls(&device.client);
        device.assert_intact();
    }
}

#[test]
fn every_call_while_paused_says_that_the_client_is_paused() {
    for started in [false, true] {
        let device = Device::new(&nowhere());
        if started {
            device.client.start().unwrap();
        }
        device.client.pause().unwrap();
        device.client.pause().unwrap();
        for (name, result) in all_calls(&device.client) {
            let error = result.expect_err(name);
            assert_eq!(error, Error::Store(StoreError::Paused), "{name}");
            assert_says(&error, &["paused", "resume it"]);
        }
        harmless_calls(&device.client);
        device.client.resume().unwrap();
        device.assert_kept();
        device.assert_intact();
    }
}

#[test]
fn whoever_waits_while_the_client_is_closed_is_told() {
    let device = Device::new(&nowhere());
    device.client.start().unwrap();
    let client = Arc::new(device.client);
    let (begin, begun) = mpsc::channel();
    let waiting = {
        let client = Arc::clone(&client);
        std::thread::spawn(move || {
            begin.send(()).unwrap();
            client.flush(std::time::Duration::from_secs(600))
        })
    };
    begun.recv().unwrap();
    client.close();
    assert_eq!(waiting.join().unwrap(), Err(Error::Store(StoreError::Closed)));
    drop(device.folder);
}

/// A client whose callbacks get at it.
struct Own {
    client: Arc<OnceLock<Client>>,
    folder: tempfile::TempDir,
}

impl Own {
    fn open(url: &str, on_error: impl Fn(&Client) + Send + Sync + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let client: Arc<OnceLock<Client>> = Arc::default();
        let inside = Arc::clone(&client);
        let opened = builder(url, &folder.path().join("a.db"))
            .on_error(move |_| on_error(inside.get().unwrap()))
            .open()
            .unwrap();
        opened.collection::<Note>("note").create("kept", Note::new(crate::PAYLOAD)).unwrap();
        client.set(opened).unwrap();
        Self { client, folder }
    }

    fn client(&self) -> &Client {
        self.client.get().unwrap()
    }
}

#[test]
fn a_callback_may_call_everything() {
    let (tell, told) = mpsc::channel();
    let own = Own::open(&nowhere(), move |client| {
        let notes = client.collection::<Note>("note");
        let written = notes.create("from a callback", Note::new("b")).map(drop);
        let waited = client.flush(crate::BRIEF);
        client.set_foreground(true);
        tell.send((written, notes.count(), waited)).unwrap();
    });
    own.client().start().unwrap();
    let (written, count, waited) = told.recv_timeout(SOON).unwrap();
    assert_eq!((written, count), (Ok(()), Ok(2)));
    assert!(matches!(waited, Err(Error::TimedOut { .. })), "{waited:?}");
}

#[test]
fn stopping_pausing_or_closing_inside_of_a_callback_does_not_wait_for_itself() {
    let actions: [fn(&Client); 3] = [Client::stop, |client| client.pause().unwrap(), Client::close];
    let expected = [Error::NotStarted, Error::Store(StoreError::Paused), Error::Store(StoreError::Closed)];
    for (action, expected) in actions.into_iter().zip(expected) {
        let (tell, told) = mpsc::channel();
        let own = Own::open(&nowhere(), move |client| {
            action(client);
            tell.send(()).unwrap();
        });
        own.client().start().unwrap();
        told.recv_timeout(SOON).unwrap();
        assert_eq!(own.client().sync(SOON), Err(expected));
        own.client().close();
        let client = builder(&nowhere(), &own.folder.path().join("a.db")).open().unwrap();
        assert_eq!((client.pending().unwrap().len(), client.rejected().unwrap().len()), (1, 0));
    }
}

#[test]
fn callbacks_that_panic_end_nothing() {
    let server = Server::well();
    server.say("snapshot", Answer::json(503, &json!({})));
    let folder = tempfile::tempdir().unwrap();
    let (tell, told) = mpsc::channel::<&str>();
    let panics = |name: &'static str| {
        let tell = tell.clone();
        move || {
            tell.send(name).unwrap();
            panic!("{name} panics, as it is meant to");
        }
    };
    let (synced, failed, online, offline, refused) = (
        panics("on_sync"),
        panics("on_error"),
        panics("on_online"),
        panics("on_offline"),
        panics("on_rejected"),
    );
    let client = builder(&server.url(), &folder.path().join("a.db"))
        .on_sync(move |_| synced())
        .on_error(move |_| failed())
        .on_online(online)
        .on_offline(offline)
        .on_rejected(move |_| refused())
        .open()
        .unwrap();
    client.start().unwrap();
    let next = || told.recv_timeout(SOON).unwrap();
    assert_eq!(next(), "on_error");
    server.recover();
    client.sync(SOON).unwrap();
    assert_eq!((next(), next()), ("on_online", "on_sync"));
    client.collection::<Note>("note").create("a", Note::new("a")).unwrap();
    client.sync(SOON).unwrap();
    assert_eq!(next(), "on_sync");
    server.limit_pushes(10);
    client.collection::<Note>("note").create("b", Note::new("b")).unwrap();
    assert_eq!(next(), "on_rejected");
    client.set_network(false);
    assert_eq!(next(), "on_offline");
    client.set_network(true);
    client.sync(SOON).unwrap();
    assert_eq!(next(), "on_online");
    assert_eq!((server.rows(), client.rejected().unwrap().len()), (vec!["a".to_owned()], 1));
}

#[test]
fn a_panic_of_the_apps_code_in_a_write_writes_nothing() {
    let device = Device::new(&nowhere());
    let notes = device.client.collection::<Note>("note");
    let panicking = |work: &dyn Fn()| {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).expect_err("the closure panics");
    };
    panicking(&|| drop(notes.get("kept").update(|_| panic!("as it is meant to"))));
    panicking(&|| {
        drop(device.client.batch(|batch| -> mizu_sync::Result<()> {
            batch.create(&notes, "b", &Note::new("b"))?;
            panic!("as it is meant to")
        }));
    });
    panicking(&|| drop(notes.find(|_| panic!("as it is meant to"))));
    device.assert_kept();
    device.assert_intact();
}
