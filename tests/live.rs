//! A client that hears hints, against a real server on real sockets that is played by the test.

#![allow(clippy::unwrap_used, reason = "a test that fails there says why")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use mizu_sync::{Client, Cursor};
use serde_json::json;
use support::scripted::{Answer, Received, Scripted};
use support::{Note, SOON};

/// A server whose log reaches as far as the test says, and a client of it that never polls.
struct Rig {
    client: Client,
    synced: Receiver<Cursor>,
    server: Scripted,
    head: Arc<AtomicU64>,
}

fn pulls_of(head: &AtomicU64, request: &Received) -> Answer {
    let head = head.load(Ordering::SeqCst);
    let answer = match request.endpoint() {
        "snapshot" => json!({"data": {}, "cursor": head, "tag": "a", "has_more": false}),
        "pull" => {
            let from = request.json()["cursor"].as_u64().unwrap();
            let change = |cursor: u64| {
                json!({"cursor": cursor, "scope": "user:1", "entity": "note", "id": format!("n{cursor}"),
                       "op": "create", "data": {"text": "theirs", "starred": false}})
            };
            let changes: Vec<_> = (from + 1..=head).map(change).collect();
            json!({"changes": changes, "has_more": false, "next_cursor": head, "tag": "a"})
        }
        _ => json!({"results": []}),
    };
    Answer::ok(&answer).with("Mizu-Sync", "1")
}

fn rig(live: bool) -> Rig {
    let head = Arc::new(AtomicU64::new(1));
    let theirs = Arc::clone(&head);
    let server = Scripted::start(move |request| pulls_of(&theirs, request)).opens_sockets();
    let (tell, synced) = mpsc::channel();
    let client = Client::builder(&server.url(), "user:1")
        .in_memory()
        .live(live)
        .pull_interval(Duration::from_secs(24 * 3600))
        .on_sync(move |cursor| {
            let _ = tell.send(cursor);
        })
        .open()
        .unwrap();
    client.start().unwrap();
    Rig { client, synced, server, head }
}

impl Rig {
    fn grow(&self) -> u64 {
        self.head.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn wait_for_sync(&self, cursor: u64) {
        while self.synced.recv_timeout(SOON).unwrap().get() < cursor {}
    }
}

#[test]
fn what_others_write_is_here_as_soon_as_it_is_hinted_at() {
    let rig = rig(true);
    let mut socket = rig.server.socket();
    socket.acknowledge();
    rig.wait_for_sync(1);
    for _ in 0..3 {
        let head = rig.grow();
        socket.hint(head);
        rig.wait_for_sync(head);
        let note = rig.client.collection::<Note>("note").get(&format!("n{head}")).get().unwrap();
        assert_eq!(note.map(|note| note.text).as_deref(), Some("theirs"));
    }
}

#[test]
fn what_was_written_before_the_acknowledgement_is_not_missed() {
    let rig = rig(true);
    let mut socket = rig.server.socket();
    rig.wait_for_sync(1);
    let head = rig.grow();
    socket.acknowledge();
    rig.wait_for_sync(head);
}

#[test]
fn a_socket_that_breaks_is_opened_again_and_what_was_missed_is_fetched() {
    let rig = rig(true);
    let mut socket = rig.server.socket();
    socket.acknowledge();
    rig.wait_for_sync(1);
    let head = rig.grow();
    drop(socket);
    rig.wait_for_sync(head);
    let mut again = rig.server.socket();
    again.acknowledge();
    let head = rig.grow();
    again.hint(head);
    rig.wait_for_sync(head);
}

#[test]
fn stop_pause_background_and_a_lost_network_close_the_socket_and_their_ends_open_one() {
    let Rig { client, server, .. } = rig(true);
    let mut socket = server.socket();
    let mut next = |what: &str| {
        socket.wait_for_end();
        match what {
            "stop" => client.start().unwrap(),
            "pause" => client.resume().unwrap(),
            "background" => client.set_foreground(true),
            _ => client.set_network(true),
        }
        socket = server.socket();
        socket.acknowledge();
    };
    client.stop();
    next("stop");
    client.pause().unwrap();
    next("pause");
    client.set_foreground(false);
    next("background");
    client.set_network(false);
    next("network");
}

#[test]
fn a_client_that_wants_no_socket_syncs_without() {
    let rig = rig(false);
    rig.client.sync(SOON).unwrap();
    rig.client.stop();
    // One that wants a socket has asked for it by now.
    assert!(rig.server.has_no_socket());
}

#[test]
fn an_app_that_hears_of_changes_by_itself_says_so() {
    let rig = rig(false);
    rig.wait_for_sync(1);
    let head = rig.grow();
    rig.client.notify_live(Cursor::new(head).unwrap());
    rig.wait_for_sync(head);
    rig.client.stop();
    rig.client.notify_live(Cursor::new(head + 1).unwrap());
}

#[test]
fn two_devices_of_a_real_server_see_each_others_writes_without_asking() {
    let server = support::TestServer::start();
    let (tell, synced) = mpsc::channel();
    let open = |tell: Option<mpsc::Sender<Cursor>>| {
        let client = Client::builder(server.url(), "user:1")
            .in_memory()
            .pull_interval(Duration::from_secs(24 * 3600))
            .on_sync(move |cursor| {
                let _ = tell.as_ref().map(|tell| tell.send(cursor));
            })
            .open()
            .unwrap();
        client.start().unwrap();
        client.wait_for_first_sync(SOON).unwrap();
        client
    };
    let (phone, laptop) = (open(None), open(Some(tell)));
    let notes = laptop.collection::<Note>("note");
    for number in 0..20 {
        let note = phone.collection::<Note>("note").add(Note::new(&number.to_string())).unwrap();
        while notes.get(note.id()).get().unwrap().is_none() {
            synced.recv_timeout(SOON).unwrap();
        }
    }
}
