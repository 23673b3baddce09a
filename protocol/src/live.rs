//! `GET {origin}/ws`: a WebSocket that carries hints. A lost hint costs time, never correctness.
//!
//! go-mizu's programs speak two dialects of it. In the one, what a message is stands in its `data`; the one of the
//! browser client has it beside the topic. A client may say both, and is then answered in the first.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Cursor;

/// Where the socket is, at the server's origin: not under the base.
pub const PATH: &str = "/ws";

/// Before the scope in the name of a topic.
const TOPIC_PREFIX: &str = "sync:";

/// The topic of a scope's hints.
#[must_use]
pub fn topic(scope: &str) -> String {
    format!("{TOPIC_PREFIX}{scope}")
}

/// The scope that a topic is about. `None` where it is not about one.
#[must_use]
pub fn scope(topic: &str) -> Option<&str> {
    topic.strip_prefix(TOPIC_PREFIX)
}

/// Codes with which our server closes a socket, beside those of RFC 6455.
pub mod close {
    /// The server stops: connect again, as after any loss.
    pub const GOING_AWAY: u16 = 1001;
    /// What came was no message of a WebSocket.
    pub const PROTOCOL: u16 = 1002;
    /// Too many messages, or a peer that was silent for too long.
    pub const POLICY: u16 = 1008;
    /// A message was larger than the server takes.
    pub const TOO_LARGE: u16 = 1009;
    /// The server failed.
    pub const INTERNAL_ERROR: u16 = 1011;
    /// There is no room left: connect again later.
    pub const TRY_AGAIN_LATER: u16 = 1013;
    /// The token has expired, was revoked, or is no longer good for a subscribed scope: connect again with a new one.
    pub const UNAUTHORIZED: u16 = 4401;
}

/// Where a message says what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Inside of its `data`.
    Data,
    /// Beside the topic, where go-mizu's browser client looks.
    Envelope,
}

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wish {
    /// Hints of the topic.
    Subscribe,
    /// No more of them. There is no answer.
    Unsubscribe,
}

/// A message from a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientMessage<'a> {
    /// What it asks for.
    pub wish: Wish,
    /// The topic.
    pub topic: Cow<'a, str>,
    /// What the answer repeats.
    pub reference: Option<Cow<'a, str>>,
    /// How it was said, and wants to be answered.
    pub dialect: Dialect,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    topic: Cow<'a, str>,
    #[serde(borrow, default, rename = "ref")]
    reference: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Inner<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "ref")]
    reference: Option<Cow<'a, str>>,
}

impl<'a> ClientMessage<'a> {
    /// Reads a message in either dialect. `None` for what is not JSON or asks for nothing that is known: it is
    /// to be ignored, as go-mizu's server does.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let Envelope { kind, topic, reference, data } = serde_json::from_str(text).ok()?;
        let inner = data.and_then(|data| serde_json::from_str::<Inner<'_>>(data.get()).ok());
        let (kind, reference, dialect) = match inner {
            Some(Inner { kind: Some(kind), reference: inner }) => (kind, inner.or(reference), Dialect::Data),
            _ => (kind?, reference, Dialect::Envelope),
        };
        let wish = match &*kind {
            "subscribe" => Wish::Subscribe,
            "unsubscribe" => Wish::Unsubscribe,
            _ => return None,
        };
        Some(Self { wish, topic, reference, dialect })
    }
}

/// A message from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerMessage<'a> {
    /// The subscription is there: changes from now on are hinted at.
    Ack {
        /// What the client gave with its wish.
        reference: Option<&'a str>,
    },
    /// The subscription is refused. The socket stays open.
    Error {
        /// What the client gave with its wish.
        reference: Option<&'a str>,
        /// The text of a [`crate::Code`].
        code: &'a str,
        /// A sentence for a person.
        error: &'a str,
    },
    /// The scope's log has grown up to here, at least.
    Hint(Cursor),
}

#[derive(Serialize)]
struct Outgoing<'a> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    topic: &'a str,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    data: Data<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Word {
        #[serde(rename = "type")]
        kind: &'a str,
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<&'a str>,
    },
    Hint {
        cursor: Cursor,
    },
}

impl ServerMessage<'_> {
    /// The message as JSON, in the dialect of whom it is for.
    #[must_use]
    pub fn to_json(&self, topic: &str, dialect: Dialect) -> String {
        let (kind, reference, data) = match *self {
            Self::Ack { reference } => {
                ("ack", reference, Data::Word { kind: "ack", reference, code: None, error: None })
            }
            Self::Error { reference, code, error } => {
                let (code, error) = (Some(code), Some(error));
                ("error", reference, Data::Word { kind: "error", reference, code, error })
            }
            Self::Hint(cursor) => ("sync", None, Data::Hint { cursor }),
        };
        let message = match dialect {
            Dialect::Data => Outgoing { kind: None, topic, reference: None, data },
            Dialect::Envelope => Outgoing { kind: Some(kind), topic, reference, data },
        };
        // Text and numbers always have a JSON form.
        serde_json::to_string(&message).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<(Wish, String, Option<String>, Dialect)> {
        let ClientMessage { wish, topic, reference, dialect } = ClientMessage::parse(text)?;
        Some((wish, topic.into_owned(), reference.map(Cow::into_owned), dialect))
    }

    #[test]
    fn both_dialects_are_read_and_who_says_both_is_answered_in_data() {
        let read = |wish, dialect| Some((wish, "sync:a\"b".to_owned(), Some("1".to_owned()), dialect));
        for (text, expected) in [
            (
                r#"{"topic":"sync:a\"b","data":{"type":"subscribe","ref":"1"}}"#,
                (Wish::Subscribe, Dialect::Data),
            ),
            (r#"{"type":"subscribe","topic":"sync:a\"b","ref":"1"}"#, (Wish::Subscribe, Dialect::Envelope)),
            (
                r#"{"type":"unsubscribe","topic":"sync:a\"b","ref":"1","data":{}}"#,
                (Wish::Unsubscribe, Dialect::Envelope),
            ),
            (
                r#"{"type":"subscribe","topic":"sync:a\"b","ref":"1","data":{"type":"subscribe","ref":"1"}}"#,
                (Wish::Subscribe, Dialect::Data),
            ),
        ] {
            assert_eq!(parse(text), read(expected.0, expected.1), "{text}");
        }
    }

    #[test]
    fn what_is_no_json_or_asks_for_nothing_that_is_known_is_none() {
        for text in [
            "not json",
            "7",
            "{}",
            r#"{"topic":"x"}"#,
            r#"{"type":"dance","topic":"x"}"#,
            r#"{"type":7,"topic":"x"}"#,
            r#"{"type":"subscribe","topic":"x","ref":7}"#,
            r#"{"topic":"x","data":"subscribe"}"#,
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn each_dialect_is_told_what_a_message_is_where_it_looks() {
        let cursor = Cursor::new(8).unwrap();
        let error = ServerMessage::Error { reference: None, code: "forbidden", error: "no" };
        for (message, data, envelope) in [
            (
                ServerMessage::Ack { reference: Some("1") },
                r#"{"topic":"t","data":{"type":"ack","ref":"1"}}"#,
                r#"{"type":"ack","topic":"t","ref":"1","data":{"type":"ack","ref":"1"}}"#,
            ),
            (
                ServerMessage::Hint(cursor),
                r#"{"topic":"t","data":{"cursor":8}}"#,
                r#"{"type":"sync","topic":"t","data":{"cursor":8}}"#,
            ),
            (
                error,
                r#"{"topic":"t","data":{"type":"error","code":"forbidden","error":"no"}}"#,
                r#"{"type":"error","topic":"t","data":{"type":"error","code":"forbidden","error":"no"}}"#,
            ),
        ] {
            assert_eq!(message.to_json("t", Dialect::Data), data);
            assert_eq!(message.to_json("t", Dialect::Envelope), envelope);
        }
    }

    #[test]
    fn a_topic_names_its_scope() {
        assert_eq!(scope(&topic("user:1")), Some("user:1"));
        assert_eq!(scope("chat:1"), None);
    }
}
