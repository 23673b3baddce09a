//! The live socket of go-mizu, as it was recorded, and its browser client.

use mizu_sync_server::ServiceOptions;
use serde_json::{Value, json};

use super::support::{Ask as _, create};
use super::websocket::Socket;
use super::{load, start};

#[test]
fn each_recorded_frame_is_answered_as_go_mizu_answers_it() {
    let recorded = load("go-mizu-live.json");
    let (server, service) = start(ServiceOptions::default());
    let mut socket = Socket::open(server.local_addr(), &[]);
    let mut answers = 0;
    for frame in recorded["frames"].as_array().unwrap() {
        let text = frame["text"].as_str().unwrap();
        if frame["from"] == "client" {
            socket.send(text);
            continue;
        }
        let expected: Value = serde_json::from_str(text).unwrap();
        // Somebody changes something, so often that the cursor is the recorded one.
        let cursor = expected["data"]["cursor"].as_u64();
        for number in 0..cursor.unwrap_or(0) {
            service.push(&[create(&number.to_string())]);
        }
        let mut answer = socket.text();
        while cursor.is_some() && answer != text {
            answer = socket.text();
        }
        assert_eq!(answer, text);
        answers += 1;
    }
    assert_eq!(answers, 3);
}

/// What go-mizu's browser client does with a message: it looks at the top alone.
#[derive(Debug, PartialEq)]
enum Browser {
    Acknowledged(String),
    Syncs,
    Ignores,
}

fn browser(text: &str, scope: &str) -> Browser {
    let message: Value = serde_json::from_str(text).unwrap();
    match (message["type"].as_str(), message["ref"].as_str()) {
        (Some("ack"), Some(reference)) => Browser::Acknowledged(reference.to_owned()),
        (Some("sync"), _) if message["topic"] == format!("sync:{scope}") => Browser::Syncs,
        _ => Browser::Ignores,
    }
}

#[test]
fn the_browser_client_of_go_mizu_syncs_when_it_is_hinted_at() {
    let (server, service) = start(ServiceOptions::default());
    let mut socket = Socket::open(server.local_addr(), &[]);
    socket.send(r#"{"type":"subscribe","topic":"sync:user:1","ref":"ref_1"}"#);
    assert_eq!(browser(&socket.text(), "user:1"), Browser::Acknowledged("ref_1".to_owned()));
    service.push_plain(&[create("a")]);
    assert_eq!(browser(&socket.text(), "user:1"), Browser::Syncs);
    // A refusal means nothing to it, and does it no harm.
    socket.send(r#"{"type":"subscribe","topic":"chat","ref":"ref_2"}"#);
    assert_eq!(browser(&socket.text(), "user:1"), Browser::Ignores);
    socket.send(&json!({ "type": "unsubscribe", "topic": "sync:user:1" }).to_string());
    socket.send(r#"{"type":"subscribe","topic":"sync:user:2","ref":"ref_3"}"#);
    assert_eq!(browser(&socket.text(), "user:2"), Browser::Acknowledged("ref_3".to_owned()));
}
