//! Tokens: asked for, replaced and refused while a client lives.

#![allow(clippy::unwrap_used, reason = "a test that fails there says why")]

mod support;

use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use mizu_sync::net::{Lane, Request, Response, Token, Transport, TransportError};
use mizu_sync::{Client, Error, SyncError};
use serde_json::json;
use support::scripted::{Answer, Received, Scripted};
use support::{Note, SOON};

/// A server that takes this token only, at first.
fn server(good: &Arc<Mutex<&'static str>>) -> Scripted {
    let good = Arc::clone(good);
    Scripted::start(move |request| {
        if token_of(request) != *good.lock().unwrap() {
            return Answer::json(401, &json!({"code": "internal_error", "error": "who are you?"}));
        }
        let answer = match request.endpoint() {
            "snapshot" => json!({"data": {}, "cursor": 1, "tag": "a", "has_more": false}),
            "pull" => json!({"changes": [], "has_more": false, "next_cursor": 2, "tag": "a"}),
            _ => json!({"results": [{"ok": true, "cursor": 2, "tag": "a"}]}),
        };
        Answer::ok(&answer).with("Mizu-Sync", "1")
    })
    .opens_sockets()
}

fn token_of(request: &Received) -> String {
    request.header("authorization").unwrap_or_default().trim_start_matches("Bearer ").to_owned()
}

fn good(token: &'static str) -> Arc<Mutex<&'static str>> {
    Arc::new(Mutex::new(token))
}

/// A client with the token `old`, and when its app was asked for another.
fn asked(server: &Scripted) -> (Arc<Client>, Receiver<()>) {
    let (ask, asked) = mpsc::channel();
    let client = Client::builder(&server.url(), "user:1")
        .in_memory()
        .principal("ann")
        .token("old")
        .on_token_needed(move || {
            let _ = ask.send(());
        })
        .open()
        .unwrap();
    (Arc::new(client), asked)
}

#[test]
fn the_app_is_asked_and_the_sync_goes_on_with_what_it_sets() {
    let server = server(&good("new"));
    let (client, asked) = asked(&server);
    client.collection::<Note>("note").create("n", Note::new("a")).unwrap();
    client.start().unwrap();
    asked.recv_timeout(SOON).unwrap();
    assert_eq!(client.pending().unwrap()[0].failures, 0);
    client.set_token("new").unwrap();
    client.sync(SOON).unwrap();
    assert!(client.pending().unwrap().is_empty());
    assert!(asked.try_recv().is_err(), "asked once");
}

#[test]
fn a_token_can_be_set_in_the_callback_itself() {
    let server = server(&good("new"));
    let cell = Arc::new(OnceLock::<Weak<Client>>::new());
    let theirs = Arc::clone(&cell);
    let client = Client::builder(&server.url(), "user:1")
        .in_memory()
        .principal("ann")
        .token("old")
        .on_token_needed(move || theirs.get().and_then(Weak::upgrade).unwrap().set_token("new").unwrap())
        .open()
        .unwrap();
    let client = Arc::new(client);
    cell.set(Arc::downgrade(&client)).unwrap();
    client.start().unwrap();
    client.sync(SOON).unwrap();
}

#[test]
fn a_token_that_is_refused_too_is_an_error_that_says_so() {
    let server = server(&good("another"));
    let (client, asked) = asked(&server);
    client.start().unwrap();
    asked.recv_timeout(SOON).unwrap();
    client.set_token("new").unwrap();
    let error = client.flush(SOON).and_then(|()| client.sync(SOON)).unwrap_err();
    assert_eq!(error, Error::Sync(SyncError::NeedsAuth { scope: "user:1".to_owned() }));
    client.set_token("another").unwrap();
    client.wait_for_first_sync(SOON).unwrap();
    client.sync(SOON).unwrap();
    assert!(asked.try_recv().is_err(), "asked once");
}

#[test]
fn whoever_waits_is_told_that_the_app_owes_a_token() {
    let server = server(&good("new"));
    let (client, asked) = asked(&server);
    client.start().unwrap();
    asked.recv_timeout(SOON).unwrap();
    // The app is told a moment before those who wait are.
    let words = "the app has not set another one";
    while !client.sync(Duration::ZERO).unwrap_err().to_string().contains(words) {
        std::thread::yield_now();
    }
}

#[test]
fn the_newest_token_is_used_whenever_it_was_set() {
    let accepted = good("first");
    let server = server(&accepted);
    let (client, asked) = asked(&server);
    client.set_token("first").unwrap();
    client.start().unwrap();
    client.sync(SOON).unwrap();
    client.stop();
    *accepted.lock().unwrap() = "second";
    client.set_token("second").unwrap();
    client.start().unwrap();
    client.sync(SOON).unwrap();
    client.pause().unwrap();
    client.resume().unwrap();
    client.sync(SOON).unwrap();
    assert!(asked.try_recv().is_err());
    let mut tokens: Vec<String> = server.requests().iter().map(token_of).collect();
    tokens.dedup();
    assert_eq!(tokens, ["first", "second"]);
}

#[test]
fn the_live_socket_is_opened_anew_with_a_new_token() {
    let accepted = good("old");
    let server = server(&accepted);
    let (client, _asked) = asked(&server);
    client.start().unwrap();
    let mut former = server.socket();
    former.acknowledge();
    assert_eq!(token_of(&former.request), "old");
    *accepted.lock().unwrap() = "new";
    client.set_token("new").unwrap();
    former.wait_for_end();
    assert_eq!(token_of(&server.socket().request), "new");
}

#[test]
fn a_socket_that_is_closed_because_the_token_has_expired_leads_to_the_question() {
    let accepted = good("old");
    let server = server(&accepted);
    let (client, asked) = asked(&server);
    client.start().unwrap();
    let mut socket = server.socket();
    socket.acknowledge();
    client.sync(SOON).unwrap();
    *accepted.lock().unwrap() = "new";
    drop(socket);
    asked.recv_timeout(SOON).unwrap();
    client.set_token("new").unwrap();
    client.sync(SOON).unwrap();
}

#[test]
fn a_refused_scope_keeps_its_queue_until_another_token_comes() {
    let server = Scripted::start(|request| {
        let answer = match (&*token_of(request), request.endpoint()) {
            ("old", _) => return Answer::json(403, &json!({"code": "forbidden", "error": "not yours"})),
            (_, "snapshot") => json!({"data": {}, "cursor": 1, "tag": "a", "has_more": false}),
            (_, "pull") => json!({"changes": [], "has_more": false, "next_cursor": 2, "tag": "a"}),
            _ => json!({"results": [{"ok": true, "cursor": 2, "tag": "a"}]}),
        };
        Answer::ok(&answer).with("Mizu-Sync", "1")
    });
    let (client, asked) = asked(&server);
    client.collection::<Note>("note").create("n", Note::new("a")).unwrap();
    client.start().unwrap();
    let error = client.sync(SOON).unwrap_err();
    assert_eq!(error, Error::Sync(SyncError::Forbidden { scope: "user:1".to_owned() }));
    assert_eq!(client.pending().unwrap().len(), 1);
    client.set_token("new").unwrap();
    client.sync(SOON).unwrap();
    assert!(client.pending().unwrap().is_empty() && asked.try_recv().is_err());
}

#[test]
fn what_cannot_be_a_token_is_refused_in_words_that_do_not_repeat_it() {
    let client = Client::builder("https://api.example.com/_sync", "user:1").in_memory().open().unwrap();
    let error = client.set_token("can ary").unwrap_err();
    assert!(matches!(error, Error::Token(_)) && !error.to_string().contains("ary"), "{error}");
    let error = client.set_token("canary").unwrap_err();
    assert!(matches!(error, Error::InvalidOption { option: "principal", .. }), "{error}");
}

/// A transport of the app's own that never gets through, and keeps what it is told.
struct Keeps(mpsc::Sender<Option<String>>);

impl Transport for Keeps {
    fn exchange(&self, request: &Request) -> Result<Response, TransportError> {
        let url = request.endpoint.path().to_owned();
        Err(TransportError::Unreachable { url, reason: "no network".to_owned() })
    }

    fn interrupt(&self, _: Lane) {}

    fn shutdown(&self) {}

    fn set_token(&self, token: Option<Token>) {
        self.0.send(token.map(|token| token.reveal().to_owned())).unwrap();
    }
}

#[test]
fn a_transport_of_the_apps_own_is_told_the_token_at_each_start_and_when_it_changes() {
    let (tell, told) = mpsc::channel();
    let client = Client::builder("https://api.example.com/_sync", "user:1")
        .in_memory()
        .principal("ann")
        .token("first")
        .transport(move || Arc::new(Keeps(tell.clone())))
        .open()
        .unwrap();
    let next = || told.recv_timeout(SOON).unwrap().unwrap();
    client.start().unwrap();
    assert_eq!(next(), "first");
    client.set_token("second").unwrap();
    assert_eq!(next(), "second");
    client.stop();
    client.set_token("third").unwrap();
    client.start().unwrap();
    assert_eq!(next(), "third");
}
