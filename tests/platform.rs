//! What the platform says of the network and of the app holds at any time, also while no sync runs.

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use mizu_sync::net::{Lane, Request, Response, Transport, TransportError};
use mizu_sync::{Client, Connectivity, Error};
use serde_json::json;
use support::scripted::{Answer, Scripted};
use support::{Note, SOON, TestServer};

/// For a wait that is expected to end by a timeout.
const BRIEF: Duration = Duration::from_millis(300);

/// A network that is not there, and remembers whether it was asked while the platform said so.
#[derive(Clone)]
struct Watched {
    up: Arc<AtomicBool>,
    asked: mpsc::Sender<bool>,
}

impl Transport for Watched {
    fn exchange(&self, _: &Request) -> Result<Response, TransportError> {
        // The test may have ended.
        let _ = self.asked.send(self.up.load(Ordering::SeqCst));
        Err(TransportError::Unreachable { url: "x".to_owned(), reason: "no network".to_owned() })
    }

    fn interrupt(&self, _: Lane) {}

    fn shutdown(&self) {}
}

#[test]
fn nothing_is_asked_before_the_network_is_back_whenever_it_was_said_to_be_gone() {
    let (asked, told) = mpsc::channel();
    let watched = Watched { up: Arc::default(), asked };
    let up = Arc::clone(&watched.up);
    let folder = tempfile::tempdir().unwrap();
    let client = Client::builder("http://127.0.0.1:9/_sync", "user:1")
        .database(folder.path().join("a.db"))
        .transport(move || Arc::new(watched.clone()))
        .open()
        .unwrap();
    client.set_network(false);
    client.start().unwrap();
    client.sync(BRIEF).unwrap_err();
    client.stop();
    client.start().unwrap();
    client.sync(BRIEF).unwrap_err();
    client.pause().unwrap();
    client.resume().unwrap();
    client.sync(BRIEF).unwrap_err();
    client.pause().unwrap();
    client.set_network(true);
    up.store(true, Ordering::SeqCst);
    client.resume().unwrap();
    assert!(told.recv_timeout(SOON).unwrap(), "it was asked while there was no network");
}

#[test]
fn a_client_that_is_started_without_a_network_is_offline() {
    let client = Client::builder("http://127.0.0.1:9/_sync", "user:1").in_memory().open().unwrap();
    client.set_network(false);
    client.start().unwrap();
    client.sync(BRIEF).unwrap_err();
    assert_eq!(client.status().get().connection, Connectivity::Offline);
}

#[test]
fn whoever_waits_in_vain_is_told_that_the_platform_reports_no_network() {
    let server = TestServer::start();
    let client = Client::builder(server.url(), "user:1").in_memory().open().unwrap();
    client.start().unwrap();
    client.sync(SOON).unwrap();
    client.set_network(false);
    let expected = "the platform reports no network: nothing is sent before there is one";
    for unsent in [false, true] {
        if unsent {
            client.collection::<Note>("note").add(Note::new("a")).unwrap();
        }
        let error = client.sync(BRIEF).unwrap_err();
        assert!(matches!(&error, Error::TimedOut { reason, .. } if reason == expected), "{error}");
    }
    client.set_network(true);
    client.sync(SOON).unwrap();
}

#[test]
fn a_sync_that_begins_in_the_background_does_not_poll() {
    let (pulled, pulls) = mpsc::channel();
    let pulled = Mutex::new(pulled);
    let server = Scripted::start(move |request| match request.endpoint() {
        "snapshot" => Answer::ok(&json!({ "data": {}, "cursor": 5 })),
        "pull" => {
            // The test may have ended.
            let _ = pulled.lock().unwrap().send(());
            Answer::ok(&json!({ "changes": [], "has_more": false, "next_cursor": 5 }))
        }
        _ => Answer::json(503, &json!({})),
    });
    let folder = tempfile::tempdir().unwrap();
    let client = Client::builder(&server.url(), "user:1")
        .database(folder.path().join("a.db"))
        .pull_interval(Duration::from_millis(20))
        .open()
        .unwrap();
    let few_pulls = || {
        client.sync(SOON).unwrap();
        // The one of the start, and one that was asked for meanwhile.
        let pulls = (0..3).take_while(|_| pulls.recv_timeout(BRIEF).is_ok()).count();
        assert!(pulls < 3, "it polls");
    };
    client.set_foreground(false);
    client.start().unwrap();
    few_pulls();
    client.pause().unwrap();
    client.resume().unwrap();
    few_pulls();
    client.stop();
    client.set_foreground(true);
    client.start().unwrap();
    for _ in 0..3 {
        pulls.recv_timeout(SOON).unwrap();
    }
}
