//! Pages of changes and snapshots, as go-mizu's server gives them.

use mizu_sync::{Error, SyncError};
use serde_json::{Value, json};

use crate::go_mizu::GoMizu;
use crate::recorded::{SERVER, case, meaning};
use crate::support::SOON;
use crate::{Device, expected};

fn recorded_rows() -> std::collections::BTreeMap<String, Value> {
    let todos = case(SERVER, "snapshot").response["data"]["todo"].as_object().unwrap().clone();
    todos.into_iter().collect()
}

#[test]
pub fn a_scope_that_nobody_has_written_to_is_empty_and_no_reset() {
    let server = GoMizu::at(0);
    let device = Device::synced(&server, "user:1");
    assert_eq!(server.server.bodies("snapshot"), [case(SERVER, "snapshot-empty").request]);
    let pull = meaning(&case(SERVER, "pull-empty").request);
    assert_eq!(meaning(&server.server.bodies("pull")[0]), pull);
    assert!(server.server.requests().iter().all(|request| request.header("mizu-sync") == Some("1")));
    device.client.sync(SOON).unwrap();
    // Null changes are an empty page: nothing is fetched from the beginning.
    assert_eq!(server.server.count("snapshot"), 1);
    assert_eq!(meaning(server.server.bodies("pull").last().unwrap()), pull);
    assert_eq!((device.rows(), device.cursor()), (expected([]), 0));
    assert_eq!(device.synced.try_iter().map(mizu_sync::Cursor::get).collect::<Vec<_>>(), [0]);
    device.assert_quiet();
}

#[test]
pub fn a_log_from_its_beginning_is_replayed_behind_the_scenes() {
    // A snapshot that knows nothing, and then the whole log, as applications of go-mizu's do it.
    let server = GoMizu::at(0);
    let device = Device::synced(&server, "user:1");
    server.state().head = 7;
    device.client.sync(SOON).unwrap();
    assert_eq!(
        meaning(server.server.bodies("pull").last().unwrap()),
        meaning(&case(SERVER, "pull-all").request)
    );
    assert_eq!((device.rows(), device.cursor()), (recorded_rows(), 7));
    assert_eq!(server.server.count("snapshot"), 1);
    device.assert_quiet();
}

#[test]
pub fn a_log_in_small_pages_is_the_same_log() {
    let server = GoMizu::at(0);
    let device = Device::synced(&server, "user:1");
    let before = server.server.count("pull");
    (server.state().page, server.state().head) = (2, 7);
    device.client.sync(SOON).unwrap();
    let asked: Vec<Value> = server.server.bodies("pull").split_off(before);
    assert_eq!(meaning(&asked[0]), meaning(&case(SERVER, "pull-page-1").request));
    assert_eq!(meaning(&asked[1]), meaning(&case(SERVER, "pull-page-2").request));
    assert_eq!(meaning(&asked[2]), json!({ "scope": "user:1", "cursor": 4 }));
    assert_eq!((device.rows(), device.cursor()), (recorded_rows(), 7));
    device.assert_quiet();
}

#[test]
pub fn a_caught_up_pull_moves_nothing() {
    let server = GoMizu::at(7);
    let device = Device::synced(&server, "user:1");
    let told = device.synced.recv_timeout(SOON).unwrap();
    device.client.sync(SOON).unwrap();
    assert_eq!(
        meaning(server.server.bodies("pull").last().unwrap()),
        meaning(&case(SERVER, "pull-caught-up").request)
    );
    assert_eq!((told.get(), device.cursor(), device.rows()), (7, 7, recorded_rows()));
    // The app is told of a sync that brought something, and of the first one.
    assert!(device.synced.try_recv().is_err());
    assert_eq!(server.server.count("snapshot"), 1);
    device.assert_quiet();
}

#[test]
pub fn a_cursor_ahead_of_the_server_is_no_reset_for_a_reader() {
    let server = GoMizu::at(7);
    server.state().change(999, "create", "late", &json!({ "n": 1 }));
    let device = Device::synced(&server, "user:1");
    let rows = device.rows();
    // The server loses its log: it cannot be told from one that has nothing new.
    server.state().head = 0;
    device.client.sync(SOON).unwrap();
    let asked = meaning(server.server.bodies("pull").last().unwrap());
    assert_eq!(asked, meaning(&case(SERVER, "pull-ahead-of-server").request));
    assert_eq!((device.rows(), device.cursor()), (rows, 999));
    assert_eq!(server.server.count("snapshot"), 1);
    device.assert_quiet();
}

#[test]
pub fn an_ack_far_below_the_cursor_shows_that_the_server_lost_its_log() {
    let server = GoMizu::at(7);
    server.state().change(999, "create", "late", &json!({ "n": 1 }));
    let device = Device::synced(&server, "user:1");
    server.state().head = 0;
    let milk = json!({ "title": "Milk", "done": false });
    device.client.collection::<Value>("todo").create("t1", milk.clone()).unwrap();
    device.client.sync(SOON).unwrap();
    assert_eq!(device.errors.recv_timeout(SOON).unwrap(), Error::Sync(SyncError::LogChanged));
    // Everything is fetched again, and the same mutation sent again.
    assert_eq!(server.server.count("snapshot"), 2);
    let pushed = server.server.bodies("push");
    assert_eq!((pushed.len(), &pushed[0]), (2, &pushed[1]));
    assert_eq!((device.rows(), device.cursor()), (expected([("t1", milk)]), 1));
    device.assert_quiet();
}

#[test]
pub fn a_snapshot_is_what_is_seen() {
    let server = GoMizu::at(7);
    let device = Device::synced(&server, "user:1");
    assert_eq!(server.server.bodies("snapshot"), [case(SERVER, "snapshot").request]);
    assert_eq!((device.rows(), device.cursor()), (recorded_rows(), 7));
    let exact = device.client.collection::<Value>("todo").get("t3").get().unwrap().unwrap();
    assert_eq!(exact["n"].as_u64(), Some(9_007_199_254_740_993));
    device.assert_quiet();
    let device = device.restarted(&server.url(), "user:1");
    device.client.start().unwrap();
    device.client.sync(SOON).unwrap();
    assert_eq!((device.rows(), server.server.count("snapshot")), (recorded_rows(), 1));
}

#[test]
pub fn a_cursor_that_is_too_old_leads_to_a_snapshot() {
    let server = GoMizu::at(1);
    let device = Device::synced(&server, "user:1");
    assert_eq!(device.cursor(), 1);
    (server.state().head, server.state().trimmed) = (7, 6);
    let before = server.server.requests().len();
    device.client.sync(SOON).unwrap();
    let after = server.server.requests().split_off(before);
    let paths: Vec<&str> = after.iter().map(crate::support::scripted::Received::endpoint).collect();
    assert_eq!(paths, ["pull", "snapshot", "pull"]);
    assert_eq!(meaning(&after[0].json()), meaning(&case(SERVER, "pull-after-trim").request));
    assert_eq!((device.rows(), device.cursor()), (recorded_rows(), 7));
    // It is the same log, only shorter: nothing to tell anybody.
    device.assert_quiet();
}

#[test]
pub fn a_first_sync_with_a_trimmed_log_misses_nothing() {
    let server = GoMizu::at(7);
    server.state().trimmed = 6;
    let device = Device::synced(&server, "user:1");
    assert_eq!(server.server.requests()[0].endpoint(), "snapshot");
    assert_eq!((device.rows(), device.cursor()), (recorded_rows(), 7));
    // What a pull from 0 brings there is a part of it, and told as if it were all.
    let part = case(SERVER, "pull-zero-after-trim").response["changes"].as_array().unwrap().len();
    assert!(part < recorded_rows().len());
    device.assert_quiet();
}
