//! What is said on a live socket: pure functions.

use mizu_sync_protocol::Cursor;
use mizu_sync_protocol::live::topic;
use serde::{Deserialize, Serialize};

use super::LiveNews;

/// Comes back with the acknowledgement. There is one subscription a socket.
const REF: &str = "1";

/// In the words of both of go-mizu's dialects: one reads the top, the other what is in `data`.
#[derive(Serialize)]
struct Subscribe<'a> {
    r#type: &'a str,
    topic: &'a str,
    r#ref: &'a str,
    data: SubscribeData<'a>,
}

#[derive(Serialize)]
struct SubscribeData<'a> {
    r#type: &'a str,
    r#ref: &'a str,
}

#[derive(Deserialize)]
struct Incoming {
    topic: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    r#type: Option<String>,
    r#ref: Option<String>,
    cursor: Option<Cursor>,
    payload: Option<Payload>,
}

#[derive(Deserialize)]
struct Payload {
    cursor: Option<Cursor>,
}

/// The message that subscribes to a scope's hints.
pub(super) fn subscribe(scope: &str) -> String {
    let (r#type, r#ref) = ("subscribe", REF);
    let message = Subscribe { r#type, topic: &topic(scope), r#ref, data: SubscribeData { r#type, r#ref } };
    // Texts alone can always be written.
    serde_json::to_string(&message).unwrap_or_default()
}

/// What a message says about this scope; none if it is anything else, which is nobody's error.
pub(super) fn read(text: &str, scope: &str) -> Option<LiveNews> {
    let Incoming { topic: of, data } = serde_json::from_str(text).ok()?;
    if of != topic(scope) {
        return None;
    }
    if let Some(cursor) = data.cursor {
        return Some(LiveNews::Hint(cursor));
    }
    match data.r#type.as_deref()? {
        "ack" if data.r#ref.as_deref() == Some(REF) => Some(LiveNews::Subscribed),
        "sync" => data.payload?.cursor.map(LiveNews::Hint),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(number: u64) -> Option<LiveNews> {
        Cursor::new(number).map(LiveNews::Hint)
    }

    #[test]
    fn what_go_mizu_said_is_understood_and_what_it_understood_is_said() {
        #[derive(Deserialize)]
        struct Recording {
            frames: Vec<Frame>,
        }
        #[derive(Deserialize)]
        struct Frame {
            server: String,
            from: String,
            text: String,
        }
        let recording = include_str!("../../../tests/vectors/go-mizu-live.json");
        let Recording { frames } = serde_json::from_str(recording).unwrap();
        let scope = |frame: &Frame| if frame.server == "crud" { "user:1" } else { "_default" };
        let from_server = frames.iter().filter(|frame| frame.from == "server");
        let news: Vec<_> = from_server.map(|frame| read(&frame.text, scope(frame))).collect();
        let ack = Some(LiveNews::Subscribed);
        assert_eq!(news, [ack, hint(8), ack]);
        for frame in frames.iter().filter(|frame| frame.text.contains("subscribe")) {
            let said: serde_json::Value = serde_json::from_str(&subscribe(scope(frame))).unwrap();
            assert_eq!(said, serde_json::from_str::<serde_json::Value>(&frame.text).unwrap());
        }
    }

    #[test]
    fn both_dialects_of_a_hint_are_read() {
        for (text, news) in [
            (r#"{"topic":"sync:a","data":{"cursor":17}}"#, hint(17)),
            (r#"{"topic":"sync:a","data":{"type":"sync","payload":{"cursor":17}}}"#, hint(17)),
            (r#"{"topic":"sync:a","data":{"type":"sync","cursor":3,"payload":null}}"#, hint(3)),
            (r#" {"data" : {"cursor":0,"more":[{}]}, "topic":"sync:a", "x":{"y":[1.5e300]}} "#, hint(0)),
            (r#"{"topic":"sync:\u0061","data":{"cursor":9223372036854775807}}"#, hint(i64::MAX as u64)),
        ] {
            assert_eq!(read(text, "a"), news, "{text}");
        }
    }

    #[test]
    fn anything_else_is_ignored() {
        for text in [
            "",
            "not json",
            "null",
            "17",
            "[]",
            "{}",
            r#"{"topic":"sync:a"}"#,
            r#"{"topic":"sync:a","data":null}"#,
            r#"{"topic":"sync:a","data":17}"#,
            r#"{"topic":"sync:a","data":"eyJjdXJzb3IiOjh9"}"#,
            r#"{"topic":"sync:a","data":{}}"#,
            r#"{"topic":"sync:b","data":{"cursor":8}}"#,
            r#"{"topic":"a","data":{"cursor":8}}"#,
            r#"{"topic":["sync:a"],"data":{"cursor":8}}"#,
            r#"{"topic":"sync:a","data":{"cursor":-1}}"#,
            r#"{"topic":"sync:a","data":{"cursor":8.5}}"#,
            r#"{"topic":"sync:a","data":{"cursor":1e3}}"#,
            r#"{"topic":"sync:a","data":{"cursor":"8"}}"#,
            r#"{"topic":"sync:a","data":{"cursor":9223372036854775808}}"#,
            r#"{"topic":"sync:a","data":{"cursor":123456789012345678901234567890}}"#,
            r#"{"topic":"sync:a","data":{"cursor":8,"cursor":9}}"#,
            r#"{"topic":"sync:a","data":{"type":"ack"}}"#,
            r#"{"topic":"sync:a","data":{"type":"ack","ref":"2"}}"#,
            r#"{"topic":"sync:a","data":{"type":"ack","ref":1}}"#,
            r#"{"topic":"sync:a","data":{"type":"sync"}}"#,
            r#"{"topic":"sync:a","data":{"type":"sync","payload":8}}"#,
            r#"{"topic":"sync:a","data":{"type":"error","payload":{"cursor":8}}}"#,
            r#"{"topic":"sync:a","data":{"cursor":8}} trailing"#,
        ] {
            assert_eq!(read(text, "a"), None, "{text}");
        }
    }

    #[test]
    fn json_that_is_deep_or_long_is_no_danger() {
        let depth = 200_000;
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        for text in [
            open.clone(),
            format!("{open}{close}"),
            format!(r#"{{"topic":"sync:a","data":{open}{close}}}"#),
            format!(r#"{{"topic":"sync:a","data":{{"cursor":{}}}}}"#, "9".repeat(depth)),
            format!(r#"{{"topic":"sync:{}","data":{{"cursor":1}}}}"#, "a".repeat(depth)),
        ] {
            assert_eq!(read(&text, "a"), None);
        }
    }

    #[test]
    fn a_scope_with_any_letters_in_it_is_subscribed_to() {
        let scope = "a\"b\\c\n\u{1F980}";
        let said: serde_json::Value = serde_json::from_str(&subscribe(scope)).unwrap();
        assert_eq!(said["topic"], format!("sync:{scope}"));
        let said = serde_json::json!({"topic": said["topic"], "data": {"cursor": 5}}).to_string();
        assert_eq!(read(&said, scope), hint(5));
    }
}
