//! Replies in the shapes that go-mizu's own client accepts: entities as base64, as a server of ours, or one made
//! for that client, may give them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use crate::recorded::{Case, exchanges, meaning};
use crate::support::SOON;
use crate::support::scripted::{Answer, Received, Scripted};
use crate::{Device, expected};

fn exchange(place: usize) -> Case {
    exchanges().swap_remove(place)
}

/// What the recorded client did, done with ours.
fn write(device: &Device) {
    let todos = device.client.collection::<Value>("todo");
    for (id, title) in [("g1", "Milk"), ("g2", "Bread"), ("g3", "Gone")] {
        todos.create(id, json!({ "title": title, "done": false })).unwrap();
    }
    todos.get("g1").set(json!({ "title": "Oat milk", "done": true })).unwrap();
    todos.get("g3").delete().unwrap();
}

fn rows_then() -> std::collections::BTreeMap<String, Value> {
    expected([
        ("g1", json!({ "title": "Oat milk", "done": true })),
        ("g2", json!({ "title": "Bread", "done": false })),
    ])
}

/// Gives the recorded results one after the other, and the changes that they stand for.
struct Server {
    results: Vec<Value>,
    given: usize,
    log: Vec<Value>,
    first_answer_lost: bool,
}

impl Server {
    fn answer(&mut self, request: &Received) -> Answer {
        match request.endpoint() {
            "snapshot" => exchange(0).answer(),
            "push" => {
                let count = request.json()["mutations"].as_array().unwrap().len();
                if std::mem::take(&mut self.first_answer_lost) {
                    return Answer::none();
                }
                let results = &self.results[self.given..self.given + count];
                self.given += count;
                Answer::ok(&json!({ "results": results }))
            }
            _ => {
                let sent = request.json()["cursor"].as_u64().unwrap();
                let head =
                    self.results[..self.given].last().map_or(0, |last| last["cursor"].as_u64().unwrap());
                let new = |change: &&Value| {
                    let cursor = change["cursor"].as_u64().unwrap();
                    cursor > sent && cursor <= head
                };
                let changes: Vec<&Value> = self.log.iter().filter(new).collect();
                Answer::ok(&json!({ "changes": changes, "has_more": false, "next_cursor": head.max(sent) }))
            }
        }
    }
}

/// The recorded changes, at cursors that are lower by `less`.
fn changes(less: u64) -> Vec<Value> {
    let mut changes = exchange(3).response["changes"].as_array().unwrap().clone();
    for change in &mut changes {
        change["cursor"] = json!(change["cursor"].as_u64().unwrap() - less);
    }
    changes
}

fn results(place: usize) -> Vec<Value> {
    exchange(place).response["results"].as_array().unwrap().clone()
}

fn served(mut server: Server) -> (Scripted, Device) {
    let server = Scripted::start(move |request| server.answer(request));
    let device = Device::new(&server.url(), "user:1");
    device.client.start().unwrap();
    device.client.sync(SOON).unwrap();
    (server, device)
}

#[test]
pub fn what_it_pushes_we_push_in_the_plain_form() {
    let (server, device) =
        served(Server { results: results(1), given: 0, log: changes(5), first_answer_lost: false });
    assert_eq!(server.bodies("snapshot"), [exchange(0).request]);
    assert_eq!(device.rows(), expected([]));
    device.client.stop();
    write(&device);
    device.client.start().unwrap();
    device.client.sync(SOON).unwrap();
    let mutations =
        server.bodies("push").into_iter().flat_map(|push| push["mutations"].as_array().unwrap().clone());
    let ours = meaning(&json!({ "mutations": mutations.collect::<Vec<_>>() }));
    let mut theirs = meaning(&exchange(1).request);
    for mutation in theirs["mutations"].as_array_mut().unwrap() {
        mutation
            .as_object_mut()
            .unwrap()
            .retain(|field, _| !["client", "seq", "created_at"].contains(&field.as_str()));
    }
    assert_eq!(ours, theirs);
    assert_eq!((device.rows(), device.cursor()), (rows_then(), 5));
    device.assert_quiet();
}

#[test]
pub fn a_server_that_applies_a_repeat_again_confuses_nobody() {
    // The first push was applied at 1 to 3, and its answer was lost; the repeat is applied at 6 to 8.
    let log = changes(5).into_iter().take(3).chain(changes(0)).collect();
    let (server, device) = served(Server { results: results(2), given: 0, log, first_answer_lost: true });
    device.client.stop();
    write(&device);
    device.client.start().unwrap();
    device.client.sync(SOON).unwrap();
    let sent = server.bodies("push");
    assert_eq!(sent[0], sent[1]);
    assert_eq!((device.rows(), device.cursor()), (rows_then(), 10));
    assert_eq!((device.client.pending().unwrap(), device.client.rejected().unwrap()), (vec![], vec![]));
}

#[test]
pub fn entities_in_base64_are_pulled() {
    let caught_up = Arc::new(AtomicU64::new(0));
    let pages = Arc::clone(&caught_up);
    let server = Scripted::start(move |request| match request.endpoint() {
        "snapshot" => Answer::ok(&json!({ "data": {}, "cursor": 5 })),
        _ if pages.fetch_add(1, Ordering::SeqCst) == 0 => {
            Answer::ok(&json!({ "changes": [], "has_more": false, "next_cursor": 5 }))
        }
        _ => exchange(3).answer(),
    });
    let device = Device::new(&server.url(), "user:1");
    device.client.start().unwrap();
    device.client.wait_for_first_sync(SOON).unwrap();
    device.client.sync(SOON).unwrap();
    assert_eq!(meaning(&server.bodies("pull")[1]), meaning(&exchange(3).request));
    assert_eq!((device.rows(), device.cursor()), (rows_then(), 10));
    device.assert_quiet();
}

#[test]
pub fn a_snapshot_in_base64_is_read() {
    let server =
        Scripted::start(|request| exchange(if request.endpoint() == "snapshot" { 4 } else { 5 }).answer());
    let device = Device::new(&server.url(), "user:1");
    device.client.start().unwrap();
    device.client.sync(SOON).unwrap();
    assert_eq!(server.bodies("snapshot"), [exchange(4).request]);
    assert_eq!(meaning(&server.bodies("pull")[0]), meaning(&exchange(5).request));
    assert_eq!((device.rows(), device.cursor()), (rows_then(), 10));
    device.assert_quiet();
}
