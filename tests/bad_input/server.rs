//! A small plain server that is well, but for what a test makes it say.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::scripted::{Answer, Received, Scripted};

pub(crate) struct Server {
    pub(crate) asked: Scripted,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Said instead of what is right, by endpoint.
    bad: HashMap<&'static str, Answer>,
    /// Pushes with larger bodies are answered 413.
    largest_push: Option<usize>,
    log: Vec<Value>,
    applied: HashSet<String>,
}

impl Server {
    pub(crate) fn well() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let mine = Arc::clone(&state);
        let asked = Scripted::start(move |request| mine.lock().unwrap().answer(request));
        Self { asked, state }
    }

    pub(crate) fn url(&self) -> String {
        self.asked.url()
    }

    pub(crate) fn say(&self, endpoint: &'static str, answer: Answer) {
        self.state.lock().unwrap().bad.insert(endpoint, answer);
    }

    pub(crate) fn recover(&self) {
        self.state.lock().unwrap().bad.clear();
    }

    pub(crate) fn limit_pushes(&self, bytes: usize) {
        self.state.lock().unwrap().largest_push = Some(bytes);
    }

    /// Puts a change into the log as it is, but for its cursor.
    pub(crate) fn change(&self, change: Value) {
        let log = &mut self.state.lock().unwrap().log;
        let mut change = change;
        change["cursor"] = json!(log.len() + 1);
        log.push(change);
    }

    /// The ids of everything that was created.
    pub(crate) fn rows(&self) -> Vec<String> {
        let log = &self.state.lock().unwrap().log;
        log.iter().map(|change| change["id"].as_str().unwrap().to_owned()).collect()
    }
}

impl State {
    fn answer(&mut self, request: &Received) -> Answer {
        if let Some(bad) = self.bad.get(request.endpoint()) {
            return bad.clone();
        }
        match request.endpoint() {
            "snapshot" => Answer::ok(&json!({ "data": {}, "cursor": 0 })),
            "pull" => {
                let sent = usize::try_from(request.json()["cursor"].as_u64().unwrap()).unwrap();
                let new = &self.log[sent.min(self.log.len())..];
                let next = self.log.len().max(sent);
                Answer::ok(&json!({ "changes": new, "has_more": false, "next_cursor": next }))
            }
            _ if self.largest_push.is_some_and(|most| request.body.len() > most) => {
                Answer::json(413, &json!({ "code": "too_large", "error": "too large" }))
            }
            _ => {
                let push = request.json();
                let results =
                    push["mutations"].as_array().unwrap().iter().map(|mutation| self.apply(mutation));
                Answer::ok(&json!({ "results": results.collect::<Vec<_>>() }))
            }
        }
    }

    fn apply(&mut self, mutation: &Value) -> Value {
        let (collection, op) = mutation["name"].as_str().unwrap().split_once('.').unwrap();
        let args = &mutation["args"];
        if !self.applied.insert(mutation["id"].as_str().unwrap().to_owned()) {
            return json!({ "ok": true, "cursor": self.log.len() });
        }
        let cursor = self.log.len() + 1;
        self.log.push(
            json!({ "cursor": cursor, "entity": collection, "id": args["id"], "op": op, "data": args["data"] }),
        );
        json!({ "ok": true, "cursor": cursor })
    }
}
