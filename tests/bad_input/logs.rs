//! Servers whose log makes no sense.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mizu_sync::{Error, SyncError};
use serde_json::{Value, json};

use crate::support::scripted::{Answer, Scripted};
use crate::support::{Note, SOON};
use crate::{BRIEF, Device, assert_says};

fn change(cursor: u64, id: &str) -> Value {
    json!({ "cursor": cursor, "entity": "note", "id": id, "op": "create",
            "data": { "text": id, "starred": false } })
}

/// Answers each pull with what `page` makes of its cursor.
fn pulls(cursor: u64, mut page: impl FnMut(u64) -> Value + Send + 'static) -> Scripted {
    Scripted::start(move |request| match request.endpoint() {
        "snapshot" => Answer::ok(&json!({ "data": {}, "cursor": cursor })),
        "pull" => Answer::ok(&page(request.json()["cursor"].as_u64().unwrap())),
        _ => Answer::json(503, &json!({})),
    })
}

#[test]
fn more_that_is_promised_and_never_comes_is_a_failure_and_no_loop() {
    for page in [
        json!({ "changes": [], "has_more": true, "next_cursor": 0 }),
        json!({ "changes": null, "has_more": true }),
        json!({ "changes": [change(1, "a")], "has_more": true, "next_cursor": 0 }),
    ] {
        let server = pulls(0, move |_| page.clone());
        let device = Device::new(&server.url());
        device.client.start().unwrap();
        let error = device.told_of_pulls();
        assert!(matches!(error, SyncError::NotProtocol { .. }), "{error:?}");
        assert_says(&Error::Sync(error), &["more changes were promised, but the cursor stays"]);
        let timeout = device.client.sync(BRIEF).unwrap_err();
        assert!(matches!(timeout, Error::TimedOut { .. }), "{timeout:?}");
        // With a pause after each, not as fast as it answers.
        assert!(server.count("pull") < 50, "{} pulls", server.count("pull"));
        device.assert_intact();
    }
}

#[test]
fn an_endless_log_keeps_moving_and_can_be_stopped() {
    let server = pulls(
        0,
        |cursor| json!({ "changes": [change(cursor + 1, "a")], "has_more": true, "next_cursor": cursor + 1 }),
    );
    let device = Device::new(&server.url());
    device.client.start().unwrap();
    server.wait_for("pull", 30);
    let asked: Vec<u64> = server.bodies("pull").iter().map(|pull| pull["cursor"].as_u64().unwrap()).collect();
    assert_eq!(asked[..30], (0..30).collect::<Vec<_>>());
    device.client.stop();
    device.assert_intact();
}

#[test]
fn a_cursor_that_goes_backwards_is_another_log() {
    let pages = Arc::new(AtomicU64::new(0));
    let asked = Arc::clone(&pages);
    let server = pulls(10, move |cursor| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => json!({ "changes": [], "has_more": false, "next_cursor": 10 }),
        // Once the server is another one.
        1 => json!({ "changes": [change(4, "old")], "has_more": false, "next_cursor": 4 }),
        _ => json!({ "changes": [], "has_more": false, "next_cursor": cursor }),
    });
    let device = Device::new(&server.url());
    device.client.start().unwrap();
    device.client.wait_for_first_sync(SOON).unwrap();
    device.client.set_network(true);
    server.wait_for("snapshot", 2);
    let error = device.told_of_pulls();
    assert_eq!(error, SyncError::LogChanged);
    assert_says(
        &Error::Sync(error),
        &["was reset or restored", "fetched again", "gone here too", "not confirmed yet is sent again"],
    );
    device.assert_kept();
    assert!(!device.client.collection::<Note>("note").has("old").unwrap());
    device.assert_intact();
}

#[test]
fn a_cursor_that_keeps_going_backwards_is_waited_with() {
    let server = pulls(10, |cursor| json!({ "changes": [], "has_more": false, "next_cursor": cursor - 1 }));
    let device = Device::new(&server.url());
    device.client.start().unwrap();
    assert_eq!(device.told_of_pulls(), SyncError::LogChanged);
    let error = device.told_of_pulls();
    assert!(matches!(error, SyncError::LogKeepsChanging { seconds: 60, .. }), "{error:?}");
    assert_says(&Error::Sync(error), &["in 60 s", &server.url(), "more than one database"]);
    let timeout = device.client.flush(BRIEF).unwrap_err();
    assert!(matches!(timeout, Error::TimedOut { .. }), "{timeout:?}");
    assert_eq!(server.count("snapshot"), 2);
    device.assert_intact();
}
