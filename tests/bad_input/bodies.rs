//! Answers 200 that are not what they should be.

use mizu_sync::net::TransportError;
use mizu_sync::{Error, SyncError};
use serde_json::{Value, json};

use crate::server::Server;
use crate::support::scripted::{Answer, Gzip, Scripted};
use crate::support::{Note, SOON};
use crate::{Device, assert_says, refused};

const MIB: usize = 1024 * 1024;

fn ok(body: impl Into<Vec<u8>>) -> Answer {
    Answer::new(200, "application/json", body)
}

#[test]
fn a_page_of_a_captive_portal_asks_whether_the_network_wants_a_sign_in() {
    let page = Answer::new(200, "text/html", "<!doctype html><title>Welcome to the hotel</title>");
    for endpoint in ["snapshot", "pull", "push"] {
        let words = [endpoint, "something else than the sync protocol", "does this network want a sign-in?"];
        let error = refused(endpoint, &page, &words);
        assert!(matches!(error, SyncError::NotProtocol { .. }), "{error:?}");
        assert!(!error.to_string().contains("hotel"), "{error}");
    }
}

#[test]
fn json_that_ends_too_early_is_not_taken() {
    for (endpoint, body) in [
        ("snapshot", r#"{"data":{"note":{"a":{"text":"x","starred":false}},"#),
        ("snapshot", ""),
        ("pull", r#"{"changes":[{"cursor":1,"entity":"note","id":"a","op":"crea"#),
        ("pull", ""),
        ("push", r#"{"results":[{"ok":true"#),
    ] {
        let error = refused(endpoint, &ok(body), &["it ends too early"]);
        assert!(matches!(error, SyncError::NotProtocol { .. }), "{body}: {error:?}");
    }
}

#[test]
fn a_connection_that_breaks_in_the_middle_is_no_answer() {
    let snapshot = json!({ "data": { "note": { "a": { "text": "x", "starred": false } } }, "cursor": 1 });
    for (endpoint, body) in [
        ("snapshot", snapshot),
        ("pull", json!({ "changes": [], "has_more": false, "next_cursor": 5 })),
        ("push", json!({ "results": [{ "ok": true, "cursor": 1 }] })),
    ] {
        let error = refused(endpoint, &Answer::ok(&body).cut_after(15), &["cannot reach", endpoint]);
        assert!(
            matches!(error, SyncError::Offline { error: TransportError::Unreachable { .. }, .. }),
            "{error:?}"
        );
    }
    let error = refused("pull", &Answer::ok(&json!({})).gzip().cut_after(8), &["cannot reach"]);
    assert!(matches!(error, SyncError::Offline { .. }), "{error:?}");
}

#[test]
fn fields_of_other_types_are_not_the_protocol() {
    for (endpoint, body) in [
        ("snapshot", json!({})),
        ("snapshot", json!([])),
        ("snapshot", json!({ "data": [], "cursor": 1 })),
        ("snapshot", json!({ "data": { "note": [] }, "cursor": 1 })),
        ("snapshot", json!({ "data": {}, "cursor": "1" })),
        ("snapshot", json!({ "data": {}, "cursor": -1 })),
        ("snapshot", json!({ "data": {} })),
        ("pull", json!({})),
        ("pull", json!(null)),
        ("pull", json!({ "changes": {}, "has_more": false })),
        ("pull", json!({ "changes": [], "has_more": "no" })),
        ("pull", json!({ "changes": [], "has_more": false, "next_cursor": "7" })),
        ("pull", json!({ "changes": [], "has_more": false, "next_cursor": 1.5 })),
        ("pull", json!({ "changes": [], "has_more": false, "next_cursor": u64::MAX })),
        ("push", json!({})),
        ("push", json!({ "results": [] })),
        ("push", json!({ "results": {} })),
        ("push", json!({ "results": [7] })),
        ("push", json!({ "results": [{ "ok": "yes" }] })),
        ("push", json!({ "results": [{ "ok": true, "cursor": -1 }] })),
    ] {
        let error = refused(endpoint, &Answer::ok(&body), &["something else than the sync protocol"]);
        assert!(matches!(error, SyncError::NotProtocol { .. }), "{body}: {error:?}");
    }
}

#[test]
fn a_body_that_is_ten_thousand_levels_deep_is_not_the_protocol() {
    for endpoint in ["snapshot", "pull", "push"] {
        for open in ["[", r#"{"a":"#, r#"{"data":"#, r#"{"results":["#] {
            let error = refused(endpoint, &ok(open.repeat(10_000)), &["something else"]);
            assert!(matches!(error, SyncError::NotProtocol { .. }), "{open}: {error:?}");
        }
    }
}

#[test]
fn more_results_than_mutations_are_passed_over() {
    let server = Server::well();
    let many: Vec<Value> = (0..5).map(|_| json!({ "ok": true })).collect();
    server.say("push", Answer::ok(&json!({ "results": many })));
    let device = Device::new(&server.url());
    device.client.start().unwrap();
    device.client.sync(SOON).unwrap();
    assert_eq!((device.client.pending().unwrap(), device.client.rejected().unwrap()), (vec![], vec![]));
}

/// A page with one change of this size, then an empty log.
fn one_large_change(bytes: usize, answer: impl Fn(&Value) -> Answer + Send + 'static) -> Scripted {
    let data = json!({ "text": "x".repeat(bytes), "starred": false });
    let large = json!({ "cursor": 1, "entity": "note", "id": "large", "op": "create", "data": data });
    let page = answer(&json!({ "changes": [large], "has_more": true, "next_cursor": 1 }));
    drop(large);
    Scripted::start(move |request| match (request.endpoint(), request.json()["cursor"].as_u64()) {
        ("snapshot", _) => Answer::ok(&json!({ "data": {}, "cursor": 0 })),
        ("pull", Some(0)) => page.clone(),
        ("pull", _) => {
            let data = json!({ "text": "after it", "starred": false });
            let change = json!({ "cursor": 2, "entity": "note", "id": "z", "op": "create", "data": data });
            Answer::ok(&json!({ "changes": [change], "has_more": false, "next_cursor": 2 }))
        }
        _ => Answer::json(503, &json!({})),
    })
}

fn assert_passed_over(server: &Scripted) {
    let device = Device::new(&server.url());
    device.client.start().unwrap();
    device.client.wait_for_first_sync(SOON).unwrap();
    let error = device.told_of_pulls();
    let SyncError::Unreadable { count: 1, reason } = &error else { panic!("{error:?}") };
    assert_eq!(reason, "it is too large");
    assert_says(&Error::Sync(error), &["1 changes", "set aside", "too large"]);
    // Smaller and smaller pages were asked for first.
    let limits: Vec<u64> = server.bodies("pull").iter().map(|pull| pull["limit"].as_u64().unwrap()).collect();
    assert_eq!(limits[..10], [500, 250, 125, 62, 31, 15, 7, 3, 1, 1]);
    let notes = device.client.collection::<Note>("note");
    assert_eq!(
        (notes.has("large").unwrap(), notes.has("z").unwrap(), device.client.cursor().get()),
        (false, true, 2)
    );
    device.assert_kept();
}

#[test]
fn a_page_that_is_too_large_for_memory_is_passed_over() {
    assert_passed_over(&one_large_change(9 * MIB, Answer::ok));
}

#[test]
fn a_page_that_is_a_compression_bomb_is_passed_over() {
    let server = one_large_change(48 * MIB, |page| Answer::ok(page).gzip());
    assert_passed_over(&server);
}

#[test]
fn an_answer_to_a_push_that_is_a_compression_bomb_is_no_answer() {
    let bomb = json!({ "results": [{ "ok": true, "error": "x".repeat(64 * MIB) }] });
    let error = refused("push", &Answer::ok(&bomb).gzip(), &["the answer is too large"]);
    assert!(matches!(error, SyncError::NotProtocol { .. }), "{error:?}");
}

#[test]
fn a_snapshot_that_is_a_compression_bomb_is_given_up_early() {
    let row = json!({ "data": { "note": { "a": { "text": "x".repeat(64 * MIB) } } }, "cursor": 1 });
    let spaces = format!(r#"{{"data":{{}},{}"cursor":1}}"#, " ".repeat(64 * MIB));
    for bomb in [Answer::ok(&row), ok(spaces)] {
        let error = refused("snapshot", &bomb.gzip(), &["snapshot", "one row of it is too large"]);
        assert!(matches!(error, SyncError::NotProtocol { .. }), "{error:?}");
    }
}

#[test]
fn a_page_that_never_ends_is_given_up_and_named() {
    let server = one_large_change(80 * MIB, |page| Answer::ok(page).gzip());
    let device = Device::new(&server.url());
    device.client.start().unwrap();
    let error = device.told_of_pulls();
    assert!(matches!(error, SyncError::NotProtocol { .. }), "{error:?}");
    assert_says(&Error::Sync(error), &["pull", "the answer is too large"]);
    device.assert_intact();
}
