//! A stand-in for go-mizu's server: it is as strict, and everything that it says was recorded.
//!
//! It knows the log of the recording and shows it up to a `head`. A push moves the head to where the recorded
//! results were. That the stand-in says what was recorded is itself tested, for every case.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Map, Value, json};

use crate::recorded::{self, Case, SERVER, TODO};
use crate::support::scripted::{Answer, Received, Scripted};

/// What a test can change while the server runs.
pub struct State {
    cases: Vec<Case>,
    app: App,
    /// Every change of the recording, and those that were made up on top of it.
    log: Vec<Value>,
    /// How far the log has come.
    pub head: u64,
    /// The most changes in one page.
    pub page: usize,
    /// Changes up to here are not in the log any more.
    pub trimmed: u64,
    /// Scopes that begin with `denied` are refused.
    pub denying: bool,
    /// It answers as a server of ours, which has the header, and takes the extended form.
    pub extended: bool,
    /// Pushes are answered with this case, whatever they are.
    pub refusing: Option<&'static str>,
    /// The next push is applied, but its answer is lost.
    pub losing: bool,
    /// Mutations that were not recorded are applied, instead of ending the test.
    generous: bool,
    applied: HashSet<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum App {
    Generic,
    Todo,
}

pub struct GoMizu {
    pub server: Scripted,
    state: Arc<Mutex<State>>,
}

impl GoMizu {
    /// The generic application, with the log as it was after the change at `head`.
    pub fn at(head: u64) -> Self {
        Self::start(SERVER, App::Generic, head)
    }

    /// The same application with a log of its own, where any entity can be created.
    pub fn empty() -> Self {
        let server = Self::at(0);
        server.state().log.clear();
        server.state().generous = true;
        server
    }

    pub fn todo_sample(head: u64) -> Self {
        Self::start(TODO, App::Todo, head)
    }

    fn start(file: &str, app: App, head: u64) -> Self {
        let cases = recorded::cases(file);
        let results = cases.iter().filter_map(|case| case.response["results"].as_array()).flatten();
        let log = results.filter_map(|result| result["changes"].as_array()).flatten().cloned().collect();
        let state = State {
            cases,
            app,
            log,
            head,
            page: 100,
            trimmed: 0,
            denying: true,
            extended: false,
            refusing: None,
            losing: false,
            generous: false,
            applied: HashSet::new(),
        };
        let state = Arc::new(Mutex::new(state));
        let mine = Arc::clone(&state);
        let server = Scripted::start(move |request| mine.lock().unwrap().answer(request));
        Self { server, state }
    }

    pub fn url(&self) -> String {
        self.server.url()
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    /// Another device's change of `user:1`, in the recorded shape. It becomes the head.
    pub fn change(&mut self, cursor: u64, op: &str, id: &str, data: &Value) {
        self.log.push(change(cursor, "user:1", op, id, data));
        self.head = cursor;
    }

    fn recorded(&self, name: &str) -> Answer {
        self.cases.iter().find(|case| case.name == name).expect("a recorded case").answer()
    }

    fn answer(&mut self, request: &Received) -> Answer {
        let answer = self.say(request).with("Date", "Sat, 21 Nov 2026 07:06:13 GMT");
        if self.extended { answer.with("Mizu-Sync", "1") } else { answer }
    }

    fn say(&mut self, request: &Received) -> Answer {
        let endpoint = request.path.strip_prefix("/_sync/").unwrap_or_default();
        let known: &[&str] = match endpoint {
            "push" => &["mutations"],
            "pull" => &["scope", "cursor", "limit"],
            "snapshot" => &["scope"],
            _ => return self.recorded("unknown-path"),
        };
        if let (Some(name), "push") = (self.refusing, endpoint) {
            return self.recorded(name);
        }
        if request.body.len() > 1024 * 1024 {
            return self.recorded("push-over-1MiB");
        }
        let body: Option<Map<String, Value>> = serde_json::from_slice(&request.body).ok();
        let Some(body) = body else { return self.recorded("push-not-json") };
        if !self.extended && !within(&body, known) {
            return self.recorded("push-unknown-field");
        }
        match endpoint {
            "push" => self.push(body["mutations"].as_array().unwrap()),
            "pull" => self.pull(&body),
            _ => self.snapshot(body["scope"].as_str().unwrap()),
        }
    }

    fn denies(&self, scope: &str) -> bool {
        self.denying && scope.starts_with("denied")
    }

    fn push(&mut self, mutations: &[Value]) -> Answer {
        let known = ["id", "name", "scope", "args"];
        if !self.extended && !mutations.iter().all(|mutation| within(mutation.as_object().unwrap(), &known)) {
            return self.recorded("push-unknown-field");
        }
        match mutations.len() {
            0 => return self.recorded("push-empty"),
            1..=100 => {}
            _ => return self.recorded("push-101"),
        }
        if mutations.iter().any(|mutation| self.denies(mutation["scope"].as_str().unwrap())) {
            return self.recorded("push-denied-scope");
        }
        let results: Vec<Value> = mutations.iter().map(|mutation| self.apply(mutation)).collect();
        if std::mem::take(&mut self.losing) {
            return Answer::none();
        }
        Answer::ok(&json!({ "results": results }))
    }

    /// The recorded result of this mutation. One that was applied before is answered with the scope's head.
    fn apply(&mut self, mutation: &Value) -> Value {
        let (id, scope) = (mutation["id"].as_str().unwrap(), mutation["scope"].as_str().unwrap());
        if self.applied.contains(id) {
            return json!({ "ok": true, "cursor": self.head_of(scope) });
        }
        let mut result = match self.result_of(mutation) {
            Some(result) if !self.generous => result,
            _ if self.generous => {
                let (args, op) = (&mutation["args"], mutation["name"].as_str().unwrap());
                let op = op.rsplit('.').next().unwrap();
                let (cursor, id) = (self.head + 1, args["id"].as_str().unwrap());
                let change = change(cursor, scope, op, id, &args["data"]);
                self.log.push(change.clone());
                json!({ "ok": true, "cursor": cursor, "changes": [change] })
            }
            _ => panic!("nobody recorded what becomes of {mutation}"),
        };
        if result["ok"] == true {
            self.applied.insert(id.to_owned());
            if self.head > result["cursor"].as_u64().unwrap() {
                // It was recorded at an earlier place of the log than where it happens now.
                result["cursor"] = json!(self.head_of(scope));
            }
            self.head = self.head.max(result["cursor"].as_u64().unwrap());
        }
        result
    }

    fn result_of(&self, mutation: &Value) -> Option<Value> {
        let pushes = self.cases.iter().filter(|case| case.response["results"].is_array());
        let pairs = pushes.flat_map(|case| {
            let mutations = case.request["mutations"].as_array().unwrap();
            mutations.iter().zip(case.response["results"].as_array().unwrap())
        });
        let same = |known: &Value| ["name", "scope", "args"].iter().all(|part| known[part] == mutation[part]);
        pairs.into_iter().find(|(known, _)| same(known)).map(|(_, result)| result.clone())
    }

    fn visible(&self, scope: &str) -> impl Iterator<Item = &Value> {
        self.log.iter().filter(move |change| change["scope"] == scope && position(change) <= self.head)
    }

    fn head_of(&self, scope: &str) -> u64 {
        self.visible(scope).map(position).max().unwrap_or(0)
    }

    fn pull(&self, body: &Map<String, Value>) -> Answer {
        let (scope, cursor) = (body["scope"].as_str().unwrap(), body["cursor"].as_u64().unwrap());
        if self.denies(scope) {
            return self.recorded("pull-denied-scope");
        }
        if cursor > 0 && cursor < self.trimmed {
            return self.recorded("pull-after-trim");
        }
        let asked = body.get("limit").and_then(Value::as_u64).unwrap_or(100);
        let limit = self.page.min(usize::try_from(asked).unwrap());
        let from = cursor.max(self.trimmed);
        let mut changes: Vec<&Value> = self.visible(scope).filter(|change| position(change) > from).collect();
        let has_more = changes.len() > limit;
        changes.truncate(limit);
        Answer::ok(&match changes.last() {
            None => json!({ "changes": null, "has_more": false }),
            Some(last) => json!({ "changes": changes, "has_more": has_more, "next_cursor": last["cursor"] }),
        })
    }

    fn snapshot(&self, scope: &str) -> Answer {
        if self.denies(scope) {
            return self.recorded("pull-denied-scope");
        }
        let mut rows: BTreeMap<(&str, &str), &Value> = BTreeMap::new();
        for change in self.visible(scope) {
            let data = &change["data"];
            let (collection, id, value) = match self.app {
                App::Generic => (data["entity"].as_str().unwrap(), &data["id"], &data["data"]),
                App::Todo if data["op"] == "delete" => ("", &data["id"], data),
                App::Todo => ("", &data["todo"]["id"], &data["todo"]),
            };
            let key = (collection, id.as_str().unwrap());
            match data["op"].as_str() {
                Some("delete") => drop(rows.remove(&key)),
                _ => drop(rows.insert(key, value)),
            }
        }
        Answer::ok(&match self.app {
            App::Todo => json!({ "data": { "todos": rows.values().collect::<Vec<_>>() }, "cursor": 0 }),
            App::Generic => {
                let mut data = json!({});
                for ((collection, id), value) in rows {
                    data[collection][id] = value.clone();
                }
                json!({ "data": data, "cursor": self.head_of(scope) })
            }
        })
    }
}

fn position(change: &Value) -> u64 {
    change["cursor"].as_u64().unwrap()
}

fn change(cursor: u64, scope: &str, op: &str, id: &str, data: &Value) -> Value {
    let mut inner = json!({ "entity": "todo", "id": id, "op": op });
    if op != "delete" {
        inner["data"] = data.clone();
    }
    json!({ "cursor": cursor, "scope": scope, "time": "2026-11-21T07:06:13Z", "data": inner })
}

fn within(object: &Map<String, Value>, known: &[&str]) -> bool {
    object.keys().all(|field| known.contains(&field.as_str()))
}
