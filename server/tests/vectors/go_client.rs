//! A model of go-mizu's client: what it reads from an answer, and what it must not find there.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::decode;
use crate::support::HttpAnswer;

/// go-mizu's client, as far as it reads answers: Go's decoder refuses other types, and `[]byte` is base64.
#[derive(Default)]
pub(crate) struct GoClient {
    pub(crate) cursor: u64,
    pub(crate) store: BTreeMap<(String, String), Value>,
}

#[derive(Deserialize)]
struct GoPush {
    results: Vec<GoResult>,
}

#[derive(Deserialize)]
struct GoResult {
    ok: bool,
    #[serde(default)]
    cursor: u64,
    #[serde(default)]
    code: String,
    #[serde(default)]
    error: String,
}

#[derive(Deserialize)]
struct GoPull {
    changes: Vec<GoChange>,
    has_more: bool,
    next_cursor: u64,
}

#[derive(Deserialize)]
struct GoChange {
    cursor: u64,
    scope: String,
    entity: String,
    id: String,
    op: String,
    #[serde(default)]
    data: Option<String>,
    time: String,
}

#[derive(Deserialize)]
struct GoSnapshot {
    data: BTreeMap<String, BTreeMap<String, String>>,
    cursor: u64,
}

impl GoClient {
    pub(crate) fn read(&mut self, path: &str, request: &Value, answer: &HttpAnswer) {
        assert_eq!(answer.status, 200);
        match path {
            "/push" => self.read_push(request, &answer.json()),
            "/pull" => self.read_pull(request, &answer.json()),
            "/snapshot" => self.read_snapshot(&answer.json()),
            _ => panic!("no such endpoint: {path}"),
        }
    }

    fn read_push(&mut self, request: &Value, answer: &Value) {
        let push = GoPush::deserialize(answer).unwrap();
        assert_eq!(push.results.len(), request["mutations"].as_array().unwrap().len());
        for result in push.results {
            assert_eq!(result.code, "", "at `conflict` it would clear its whole queue");
            assert_eq!(result.cursor, 0, "it would jump over other people's changes");
            assert_eq!(result.ok, result.error.is_empty());
        }
    }

    fn read_pull(&mut self, request: &Value, answer: &Value) {
        let pull = GoPull::deserialize(answer).unwrap();
        let mut last = request["cursor"].as_u64().unwrap();
        for change in pull.changes {
            assert!(change.cursor > last);
            last = change.cursor;
            assert_eq!(change.scope, request["scope"]);
            humantime::parse_rfc3339(&change.time).unwrap();
            let key = (change.entity, change.id);
            match (change.op.as_str(), change.data) {
                ("create" | "update", Some(data)) => drop(self.store.insert(key, decode(&data))),
                ("delete", None) => drop(self.store.remove(&key)),
                other => panic!("it does not know {other:?}"),
            }
        }
        assert_eq!(pull.next_cursor, last);
        assert!(!pull.has_more || last > self.cursor);
        self.cursor = last;
    }

    fn read_snapshot(&mut self, answer: &Value) {
        let snapshot = GoSnapshot::deserialize(answer).unwrap();
        self.store.clear();
        for (entity, entities) in snapshot.data {
            for (id, data) in entities {
                self.store.insert((entity.clone(), id), decode(&data));
            }
        }
        self.cursor = snapshot.cursor;
    }
}
