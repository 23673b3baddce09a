//! Servers that are not there, and answers other than 200.

use mizu_sync::net::TransportError;
use mizu_sync::{Error, SyncError};
use serde_json::json;

use crate::server::Server;
use crate::support::scripted::{Answer, Gzip};
use crate::support::{Note, SOON};
use crate::{BRIEF, Device, assert_says, nowhere, refused};

const ENDPOINTS: [&str; 3] = ["snapshot", "pull", "push"];

fn said(status: u16) -> Answer {
    Answer::json(status, &json!({ "code": "internal_error", "error": "some\nwords" }))
}

#[test]
fn a_host_that_cannot_be_reached_is_named_with_its_url() {
    let url = nowhere();
    let device = Device::new(&url);
    device.client.start().unwrap();
    let error = device.told_sync();
    let snapshot = format!("{url}/snapshot");
    assert!(
        matches!(&error, SyncError::Offline { error: TransportError::Unreachable { url, .. }, .. } if *url == snapshot),
        "{error:?}"
    );
    assert_says(&Error::Sync(error), &["user:1", "cannot reach", &snapshot]);
    let timeout = device.client.sync(BRIEF).unwrap_err();
    assert!(matches!(timeout, Error::TimedOut { waiting_for: "synced", .. }), "{timeout:?}");
    assert_says(&timeout, &["not synced after 0.3 s", "cannot reach"]);
    assert!(!device.client.is_online());
    device.assert_intact();
}

#[test]
fn a_path_that_is_not_there_is_named_with_its_url() {
    for endpoint in ENDPOINTS {
        let answer = Answer::new(404, "text/plain", "404 page not found\n");
        let error = refused(endpoint, &answer, &["404", endpoint, "is the base URL right?"]);
        assert!(matches!(error, SyncError::Misconfigured { status: 404, .. }), "{error:?}");
    }
}

#[test]
fn a_status_that_makes_no_sense_is_a_wrong_base_url() {
    for status in [204, 205, 206, 304, 402, 405, 418, 451] {
        let error = refused("pull", &said(status), &[&status.to_string(), "is the base URL right?"]);
        assert!(matches!(error, SyncError::Misconfigured { .. }), "{status}: {error:?}");
    }
}

#[test]
fn a_server_that_is_not_well_is_tried_again() {
    for (status, endpoint) in [(408, "pull"), (425, "snapshot"), (429, "push"), (500, "pull"), (503, "push")]
    {
        let error = refused(endpoint, &said(status), &["for now", &status.to_string(), "it is tried again"]);
        assert!(matches!(error, SyncError::Unavailable { .. }), "{status}: {error:?}");
    }
}

#[test]
fn a_token_that_is_not_accepted_asks_for_another_one() {
    for endpoint in ENDPOINTS {
        let error = refused(endpoint, &said(401), &["user:1", "token", "sign in again"]);
        assert!(matches!(error, SyncError::NeedsAuth { .. }), "{error:?}");
    }
}

#[test]
fn a_scope_that_is_not_allowed_keeps_the_queue() {
    for endpoint in ENDPOINTS {
        let error = refused(endpoint, &said(403), &["user:1", "may not use this scope", "is kept"]);
        assert!(matches!(error, SyncError::Forbidden { .. }), "{error:?}");
    }
}

#[test]
fn after_401_nothing_is_sent_until_the_app_does_something() {
    let server = Server::well();
    server.say("snapshot", said(401));
    let device = Device::new(&server.url());
    device.client.start().unwrap();
    assert!(matches!(device.told_sync(), SyncError::NeedsAuth { .. }));
    device.client.set_network(true);
    device.client.collection::<Note>("note").add(Note::new("b")).unwrap();
    let error = device.client.flush(SOON).unwrap_err();
    assert!(matches!(error, Error::Sync(SyncError::NeedsAuth { .. })), "{error:?}");
    assert_eq!(server.asked.requests().len(), 1);
}

#[test]
fn a_redirect_is_not_followed_and_gets_no_token() {
    let elsewhere = Server::well();
    for status in [301, 302, 303, 307, 308] {
        let target = format!("{}/snapshot", elsewhere.url());
        let answer = Answer::new(status, "text/html", "moved").with("Location", target);
        let error = refused("snapshot", &answer, &[&status.to_string(), "is the base URL right?"]);
        assert!(matches!(error, SyncError::Misconfigured { .. }), "{error:?}");
    }
    assert_eq!(elsewhere.asked.requests().len(), 0);
}

#[test]
fn retry_after_is_obeyed_also_when_the_app_and_the_network_want_more() {
    let server = Server::well();
    let busy = || Answer::json(429, &json!({ "code": "slow_down", "error": "later" }));
    server.say("snapshot", busy().with("Retry-After", "3600"));
    let device = Device::new(&server.url());
    device.client.start().unwrap();
    let error = device.told_sync();
    assert!(matches!(error, SyncError::Unavailable { status: 429, .. }), "{error:?}");
    assert_says(&Error::Sync(error), &["429", "(later)", "it is tried again"]);
    device.client.set_network(false);
    device.client.set_network(true);
    let timeout = device.client.sync(BRIEF).unwrap_err();
    assert!(matches!(timeout, Error::TimedOut { .. }), "{timeout:?}");
    assert_eq!(server.asked.requests().len(), 1);
    device.assert_intact();

    // A date, and what is no number, would bring in two clocks, or nothing: the usual backoff.
    for value in ["0", "Wed, 21 Oct 2015 07:28:00 GMT", "-1", "1e9", "99999999999999999999"] {
        let server = Server::well();
        server.say("snapshot", busy().with("Retry-After", value));
        let device = Device::new(&server.url());
        device.client.start().unwrap();
        server.asked.wait_for("snapshot", 2);
        server.recover();
        device.client.sync(SOON).unwrap();
    }
}

#[test]
fn a_write_that_the_server_finds_too_large_is_rejected_and_the_others_go_on() {
    let server = Server::well();
    server.limit_pushes(4_000);
    let device = Device::new(&server.url());
    let notes = device.client.collection::<Note>("note");
    for id in ["a", "b"] {
        notes.create(id, Note::new(id)).unwrap();
    }
    notes.create("large", Note::new(&"x".repeat(5_000))).unwrap();
    notes.create("c", Note::new("c")).unwrap();
    device.client.start().unwrap();
    device.client.sync(SOON).unwrap();
    let refused = device.rejected.recv_timeout(SOON).unwrap();
    assert_eq!((refused.code.as_str(), refused.name.as_str()), ("too_large", "note.create"));
    assert!(refused.to_string().contains("the server takes nothing as large"), "{refused}");
    let mut there = server.rows();
    there.sort();
    assert_eq!(there, ["a", "b", "c", "kept"]);
    assert_eq!((notes.count().unwrap(), notes.has("large").unwrap()), (4, false));
    assert_eq!(device.client.rejected().unwrap(), [refused]);
}

#[test]
fn the_words_of_a_server_are_cut_to_a_line() {
    let endless =
        json!({ "error": format!("first\nsecond {}", "x".repeat(10_000_000)), "code": "internal_error" });
    for answer in [Answer::json(500, &endless), Answer::json(500, &endless).gzip()] {
        let error = refused("pull", &answer, &["500"]);
        let SyncError::Unavailable { message, .. } = error else { panic!("{error:?}") };
        assert!(message.len() <= 200, "{}", message.len());
    }
    let error = refused("pull", &said(503), &["(some words)"]);
    assert!(matches!(error, SyncError::Unavailable { .. }), "{error:?}");
}
