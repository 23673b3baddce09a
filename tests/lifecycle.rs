//! A client's life: start, stop, pause, close, drop, wipe, from every side.

#![allow(clippy::unwrap_used, reason = "a test that fails there says why")]

mod support;

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use mizu_sync::net::{Lane, Request, Response, Transport, TransportError};
use mizu_sync::{Client, Error, StoreError, Unsent};
use support::{Note, SOON, TestServer, client};

#[test]
fn a_client_can_be_stopped_and_started_again() {
    let server = TestServer::start();
    let phone = client(&server, "phone");
    for round in 0..3 {
        phone.start().unwrap();
        phone.collection::<Note>("note").add(Note::new(&round.to_string())).unwrap();
        phone.flush(SOON).unwrap();
        phone.stop();
    }
    assert_eq!(server.count("note"), 3);
}

#[test]
fn starting_twice_is_an_error_and_stopping_twice_is_none() {
    let server = TestServer::start();
    let phone = client(&server, "phone");
    phone.start().unwrap();
    assert_eq!(phone.start(), Err(Error::AlreadyStarted));
    phone.stop();
    phone.stop();
}

#[test]
fn what_waits_is_told_when_the_client_is_stopped() {
    let phone = Arc::new(support::offline_client("phone"));
    phone.client.start().unwrap();
    phone.client.collection::<Note>("note").add(Note::new("a")).unwrap();
    let (waiting, begun) = mpsc::channel();
    let waiter = {
        let phone = Arc::clone(&phone);
        std::thread::spawn(move || {
            waiting.send(()).unwrap();
            phone.client.flush(Duration::from_secs(600))
        })
    };
    begun.recv().unwrap();
    phone.client.stop();
    assert_eq!(waiter.join().unwrap(), Err(Error::NotStarted));
}

#[test]
fn dropping_a_client_frees_its_file() {
    let server = TestServer::start();
    let folder = tempfile::tempdir().unwrap();
    let open = || Client::builder(server.url(), "user:1").database(folder.path().join("a.db")).open();
    let phone = open().unwrap();
    phone.start().unwrap();
    assert!(matches!(open(), Err(Error::Store(StoreError::AlreadyOpen { .. }))));
    drop(phone);
    open().unwrap();
}

#[test]
fn handles_that_outlive_their_client_say_that_it_is_closed() {
    let phone = support::offline_client("phone");
    let notes = phone.client.collection::<Note>("note");
    let note = notes.add(Note::new("a")).unwrap();
    phone.client.close();
    assert!(notes.add(Note::new("b")).unwrap_err().is_closed());
    assert!(note.get().unwrap_err().is_closed());
    assert!(phone.client.start().unwrap_err().is_closed());
}

#[test]
fn a_paused_client_holds_no_lock_and_goes_on_when_it_is_resumed() {
    let server = TestServer::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let phone = Client::builder(server.url(), "user:1").database(&path).open().unwrap();
    let notes = phone.collection::<Note>("note");
    phone.start().unwrap();
    notes.add(Note::new("a")).unwrap();
    phone.pause().unwrap();
    assert_eq!(notes.count(), Err(Error::Store(StoreError::Paused)));
    // Another client can have the file meanwhile.
    drop(Client::builder(server.url(), "user:1").database(&path).open().unwrap());
    phone.resume().unwrap();
    phone.flush(SOON).unwrap();
    assert_eq!(server.count("note"), 1);
}

/// Lets callbacks queue behind one that blocks, stops the client, inside of that one or outside of it, and lets it
/// go. The next call after that; [`RecvTimeoutError::Disconnected`] when the thread of the callbacks has ended
/// without one.
fn next_callback_after_a_stop(inside: bool) -> Result<(), RecvTimeoutError> {
    let server = TestServer::start();
    let (let_go, blocked) = mpsc::sync_channel::<()>(0);
    let (end, ended) = mpsc::channel();
    let (call, called) = mpsc::channel();
    let phone: Arc<OnceLock<Client>> = Arc::default();
    let (weak, blocked) = (Arc::downgrade(&phone), Mutex::new(blocked));
    let client = Client::builder(server.url(), "user:1")
        .in_memory()
        .on_online(move || {
            blocked.lock().unwrap().recv().unwrap();
            if inside {
                weak.upgrade().unwrap().get().unwrap().stop();
            }
            end.send(()).unwrap();
        })
        .on_sync(move |_| call.send(()).unwrap())
        .open()
        .unwrap();
    phone.set(client).unwrap();
    let client = phone.get().unwrap();
    client.start().unwrap();
    for _ in 0..3 {
        client.collection::<Note>("note").add(Note::new("a")).unwrap();
        client.sync(SOON).unwrap();
    }
    if !inside {
        client.stop();
    }
    let_go.send(()).unwrap();
    ended.recv_timeout(SOON).unwrap();
    assert_eq!(client.sync(SOON), Err(Error::NotStarted));
    // From now on only their thread holds the callbacks.
    drop(phone);
    called.recv_timeout(SOON)
}

#[test]
fn no_callback_starts_after_a_stop() {
    assert_eq!(next_callback_after_a_stop(false), Err(RecvTimeoutError::Disconnected));
}

#[test]
fn no_callback_starts_after_a_stop_that_a_callback_made() {
    assert_eq!(next_callback_after_a_stop(true), Err(RecvTimeoutError::Disconnected));
}

#[test]
fn a_wipe_refuses_to_lose_writes_unless_it_is_told_to() {
    let phone = support::offline_client("phone");
    phone.client.collection::<Note>("note").add(Note::new("a")).unwrap();
    assert_eq!(phone.client.wipe(Unsent::Refuse), Err(Error::Unsent { pending: 1, rejected: 0 }));
    assert_eq!(phone.client.pending().unwrap().len(), 1);
    phone.client.wipe(Unsent::Lose).unwrap();
    assert!(!phone.path.exists());
    assert!(phone.client.pending().unwrap_err().is_closed());
}

#[test]
fn a_sync_right_after_a_start_waits_for_this_sync_and_not_for_a_former_one() {
    let server = TestServer::start();
    let phone = client(&server, "phone");
    for _ in 0..20 {
        phone.start().unwrap();
        phone.sync(SOON).unwrap();
        phone.stop();
    }
}

#[test]
fn transitions_from_many_threads_leave_a_client_that_works() {
    let server = TestServer::start();
    let phone = client(&server, "phone");
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..10 {
                    let _ = phone.start();
                    let _ = phone.pause();
                    let _ = phone.resume();
                    phone.stop();
                }
            });
        }
    });
    phone.resume().unwrap();
    phone.stop();
    phone.start().unwrap();
    phone.collection::<Note>("note").create("n", Note::new("a")).unwrap();
    phone.sync(SOON).unwrap();
    assert_eq!(server.count("note"), 1);
}

#[test]
fn a_paused_client_can_be_wiped() {
    let phone = support::offline_client("phone");
    phone.client.pause().unwrap();
    phone.client.wipe(Unsent::Refuse).unwrap();
    assert!(!phone.path.exists());
}

#[test]
fn a_wipe_of_a_paused_client_refuses_to_lose_what_another_one_has_written_meanwhile() {
    let phone = support::offline_client("phone");
    phone.client.pause().unwrap();
    let open = || Client::builder("http://127.0.0.1:9/_sync", "user:1").database(&phone.path).open();
    open().unwrap().collection::<Note>("note").add(Note::new("unsent")).unwrap();
    assert_eq!(phone.client.wipe(Unsent::Refuse), Err(Error::Unsent { pending: 1, rejected: 0 }));
    // It is paused still, and the file is free.
    assert_eq!(phone.client.pending(), Err(Error::Store(StoreError::Paused)));
    let other = open().unwrap();
    let id = other.pending().unwrap()[0].id.clone();
    other.discard(&id).unwrap();
    let taken = phone.client.wipe(Unsent::Lose);
    assert!(matches!(taken, Err(Error::Store(StoreError::AlreadyOpen { .. }))), "{taken:?}");
    drop(other);
    phone.client.wipe(Unsent::Refuse).unwrap();
    assert!(!phone.path.exists());
}

#[test]
fn a_wipe_of_a_paused_client_leaves_the_file_that_another_user_has_made_meanwhile() {
    let phone = support::offline_client("phone");
    phone.client.pause().unwrap();
    std::fs::remove_file(&phone.path).unwrap();
    let other = Client::builder("http://127.0.0.1:9/_sync", "user:1").database(&phone.path).principal("bob");
    other.open().unwrap().collection::<Note>("note").add(Note::new("unsent")).unwrap();
    let refused = phone.client.wipe(Unsent::Lose);
    assert!(matches!(refused, Err(Error::Store(StoreError::OtherPrincipal { .. }))), "{refused:?}");
    assert!(phone.path.exists());
}

#[test]
fn a_token_without_the_user_that_it_is_for_is_refused() {
    let refused = Client::builder("https://x.test/_sync", "user:1").in_memory().token("t").open();
    let error = refused.unwrap_err();
    assert!(matches!(error, Error::InvalidOption { option: "principal", .. }), "{error}");
}

#[test]
fn a_transport_may_use_the_client_that_asks_for_it() {
    let phone: Arc<OnceLock<Client>> = Arc::default();
    let inside = Arc::clone(&phone);
    let client = Client::builder("http://127.0.0.1:9/_sync", "user:1")
        .in_memory()
        .transport(move || {
            let notes = inside.get().unwrap().collection::<Note>("note");
            notes.add(Note::new("made while it starts")).unwrap();
            Arc::new(NoNetwork)
        })
        .open()
        .unwrap();
    phone.set(client).unwrap();
    phone.get().unwrap().start().unwrap();
    assert_eq!(phone.get().unwrap().pending().unwrap().len(), 1);
}

struct NoNetwork;

impl Transport for NoNetwork {
    fn exchange(&self, _: &Request) -> Result<Response, TransportError> {
        Err(TransportError::Unreachable { url: "x".to_owned(), reason: "no network".to_owned() })
    }

    fn interrupt(&self, _: Lane) {}

    fn shutdown(&self) {}
}

/// Panics on the thread that drives the sync: a request is interrupted when the network is back and it is old.
struct Panics {
    asked: mpsc::Sender<()>,
    ended: Mutex<mpsc::Receiver<()>>,
}

impl Transport for Panics {
    fn exchange(&self, _: &Request) -> Result<Response, TransportError> {
        self.asked.send(()).unwrap();
        // Until the test ends.
        let _ = self.ended.lock().unwrap().recv();
        Err(TransportError::Unreachable { url: "x".to_owned(), reason: "no network".to_owned() })
    }

    fn interrupt(&self, _: Lane) {
        panic!("a panic of the driver");
    }

    fn shutdown(&self) {}
}

#[test]
fn a_sync_that_ends_by_a_panic_is_told_and_can_be_started_again() {
    let (tell, errors) = mpsc::channel();
    let (asked, told) = mpsc::channel();
    let (_end, ended) = mpsc::channel();
    let panics = Mutex::new(Some(Panics { asked, ended: Mutex::new(ended) }));
    let phone = Client::builder("http://127.0.0.1:9/_sync", "user:1")
        .in_memory()
        .transport(move || match panics.lock().unwrap().take() {
            Some(panics) => Arc::new(panics),
            None => Arc::new(NoNetwork),
        })
        .on_error(move |error| tell.send(error).unwrap())
        .open()
        .unwrap();
    phone.start().unwrap();
    told.recv_timeout(SOON).unwrap();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| phone.wait_for_first_sync(SOON));
        phone.set_network(false);
        phone.set_network(true);
        assert_eq!(errors.recv_timeout(SOON), Ok(Error::Panicked));
        assert_eq!(waiter.join().unwrap(), Err(Error::Panicked));
    });
    assert_eq!((phone.sync(SOON), phone.flush(SOON)), (Err(Error::Panicked), Err(Error::Panicked)));
    assert!(!phone.is_online());
    phone.start().unwrap();
    assert_eq!(phone.start(), Err(Error::AlreadyStarted));
    assert!(matches!(errors.recv_timeout(SOON), Ok(Error::Sync(_))));
}

#[test]
fn a_stop_does_not_wait_for_a_server_that_never_answers() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/_sync", silent.local_addr().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let phone = Client::builder(&url, "user:1").database(folder.path().join("a.db")).open().unwrap();
    phone.start().unwrap();
    let (_connection, _) = silent.accept().unwrap();
    phone.stop();
    phone.start().unwrap();
    let (_again, _) = silent.accept().unwrap();
}

#[test]
fn many_threads_write_while_the_sync_runs_and_nothing_is_lost_or_doubled() {
    let server = TestServer::start();
    let phone = client(&server, "phone");
    phone.start().unwrap();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let notes = phone.collection::<Note>("note");
            scope.spawn(move || {
                for number in 0..100 {
                    notes.create(&format!("{writer}-{number}"), Note::new("x")).unwrap();
                }
            });
        }
    });
    phone.flush(SOON).unwrap();
    assert_eq!(server.count("note"), 400);
    assert_eq!(phone.collection::<Note>("note").count().unwrap(), 400);
}
