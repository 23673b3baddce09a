//! The reference server and the scripted one, asked together.

use std::sync::Arc;

use mizu_sync::testing::Server;
use mizu_sync_server::{ServerOptions, Service, ServiceOptions};
use serde_json::{Map, Value, json};

use crate::raw;

/// Both servers, and the positions in their logs that each has named, in the order in which they did.
pub(crate) struct Pair {
    pub(crate) service: Arc<Service>,
    reference: mizu_sync_server::Server,
    pub(crate) double: Server,
    positions: Vec<[String; 2]>,
}

/// What a request says of the log.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Log<'a> {
    Nothing,
    /// Positions that were named, by their numbers; the newest is 0.
    Named(&'a [usize]),
    /// The text itself.
    Text(&'a str),
}

/// An answer, as far as both must give the same.
#[derive(Debug, PartialEq)]
pub(crate) struct Same {
    pub(crate) status: u16,
    extended: bool,
    json: bool,
    pub(crate) body: Value,
}

impl Pair {
    pub(crate) fn start() -> Self {
        let service = Arc::new(Service::in_memory(ServiceOptions::default()).unwrap());
        let reference =
            mizu_sync_server::Server::start(ServerOptions::loopback(Arc::clone(&service))).unwrap();
        Self { service, reference, double: Server::start(), positions: Vec::new() }
    }

    pub(crate) fn ask(&mut self, endpoint: &str, extended: bool, log: Log<'_>, body: &[u8]) -> Same {
        let urls = [self.reference.url().to_owned(), self.double.url()];
        let mut answers = urls.iter().enumerate().map(|(place, url)| {
            let log = match log {
                Log::Nothing => None,
                Log::Named(numbers) => {
                    let named = |number: &usize| self.positions.iter().rev().nth(*number);
                    let named: Vec<&str> =
                        numbers.iter().filter_map(named).map(|both| both[place].as_str()).collect();
                    (!named.is_empty()).then(|| named.join(", "))
                }
                Log::Text(text) => Some(text.to_owned()),
            };
            let mut headers = vec![("Content-Type", "application/json")];
            headers.extend(extended.then_some(("Mizu-Sync", "1")));
            headers.extend(log.as_deref().map(|log| ("Mizu-Log", log)));
            raw::request("POST", &format!("{url}/{endpoint}"), &headers, body)
        });
        let (reference, double) = (answers.next().unwrap(), answers.next().unwrap());
        drop(answers);
        let (of_reference, of_double) = (positions(&reference.body), positions(&double.body));
        let (reference, double) = (same(&reference), same(&double));
        let asked = String::from_utf8_lossy(&body[..body.len().min(2_000)]).into_owned();
        assert_eq!(double, reference, "{endpoint} {extended} {log:?} {asked}");
        self.positions.extend(of_reference.into_iter().zip(of_double).map(|(one, other)| [one, other]));
        double
    }

    pub(crate) fn push(&mut self, extended: bool, mutations: &[Value]) -> Same {
        self.ask("push", extended, Log::Nothing, json!({ "mutations": mutations }).to_string().as_bytes())
    }

    pub(crate) fn pull(&mut self, extended: bool, cursor: u64, limit: u64) -> Same {
        let body = json!({ "scope": "user:1", "cursor": cursor, "limit": limit });
        self.ask("pull", extended, Log::Nothing, body.to_string().as_bytes())
    }

    pub(crate) fn snapshot(&mut self, extended: bool, mut body: Value) -> Same {
        body["scope"] = "user:1".into();
        self.ask("snapshot", extended, Log::Nothing, body.to_string().as_bytes())
    }

    /// What both show of a scope, in every way.
    pub(crate) fn look_everywhere(&mut self) {
        for extended in [true, false] {
            self.snapshot(extended, json!({}));
            for cursor in 0..6 {
                self.pull(extended, cursor, 500);
            }
            let mut cursor = 0;
            for _ in 0..100 {
                let page = self.pull(extended, cursor, 3).body;
                cursor = page["next_cursor"].as_u64().unwrap_or_default();
                if page["has_more"] != true {
                    break;
                }
            }
        }
        let mut after = Value::Null;
        for _ in 0..100 {
            let request =
                if after.is_null() { json!({ "limit": 2 }) } else { json!({ "limit": 2, "after": after }) };
            let page = self.snapshot(true, request).body;
            after = page["after"].clone();
            if page["has_more"] != true {
                break;
            }
        }
    }
}

/// The positions with their tags that an answer names.
fn positions(body: &[u8]) -> Vec<String> {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return Vec::new() };
    let named = |of: &Value| {
        let cursor = of.get("next_cursor").or(of.get("cursor"))?.as_u64()?;
        Some(format!("{cursor}:{}", of.get("tag")?.as_str()?))
    };
    let results = body["results"].as_array().cloned().unwrap_or_default();
    results.iter().chain([&body]).filter_map(named).collect()
}

fn same(reply: &raw::Reply) -> Same {
    let mut body = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
    blank(&mut body);
    Same {
        status: reply.status,
        extended: reply.head.contains("\r\nmizu-sync: 1"),
        json: reply.head.contains("\r\ncontent-type: application/json"),
        body,
    }
}

/// Takes out what differs: tags, times, and the words for a person, but not those that are go-mizu's codes.
fn blank(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(blank),
        Value::Object(fields) => {
            let entity_free = |fields: &Map<String, Value>| {
                fields.contains_key("results") || fields.contains_key("ok") || fields.contains_key("code")
            };
            let words =
                fields.get("error").and_then(Value::as_str).is_some_and(|error| !error.starts_with("sync: "));
            if words && entity_free(fields) {
                fields.insert("error".to_owned(), "…".into());
            }
            if fields.get("tag").and_then(Value::as_str).is_some_and(|tag| tag.len() == 16) {
                fields.insert("tag".to_owned(), "…".into());
            }
            let time = fields.get("time").and_then(Value::as_str);
            if time.is_some_and(|time| time.len() == 24 && time.ends_with('Z')) {
                fields.insert("time".to_owned(), "…".into());
            }
            fields.iter_mut().filter(|(name, _)| *name != "data").for_each(|(_, value)| blank(value));
        }
        _ => {}
    }
}
