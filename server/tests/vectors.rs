//! Traffic recorded from go-mizu's own programs: our server gives its clients answers that they understand, and
//! says what its server says wherever that does not harm anybody.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mizu_sync_server::{
    Auth, Crud, Environment as _, Failure, MutationContext, Mutator, OpenAuth, Principal, Rejection, Server,
    ServerOptions, Service, ServiceOptions, Session, Unauthorized,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::SystemTime;
use support::{DAY, HttpAnswer, TestEnvironment, http};

fn load(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors").join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn start(options: ServiceOptions) -> (Server, Arc<Service>) {
    let service = Arc::new(Service::in_memory(options).unwrap());
    (Server::start(ServerOptions::loopback(Arc::clone(&service))).unwrap(), service)
}

fn post(server: &Server, path: &str, body: &Value) -> HttpAnswer {
    let headers = [("user-agent", "Go-http-client/1.1"), ("content-type", "application/json")];
    // A recorded body that was no JSON stands as text.
    let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
    http(server.local_addr(), &format!("POST /_sync{path}"), &headers, body.as_bytes())
}

/// go-mizu's client, as far as it reads answers: Go's decoder refuses other types, and `[]byte` is base64.
#[derive(Default)]
struct GoClient {
    cursor: u64,
    store: BTreeMap<(String, String), Value>,
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

/// Both clients decode base64. The browser's then takes each byte for a character.
fn decode(data: &str) -> Value {
    let bytes = STANDARD.decode(data).unwrap();
    let go: Value = serde_json::from_slice(&bytes).unwrap();
    let browser: String = bytes.iter().map(|&byte| char::from(byte)).collect();
    assert_eq!(serde_json::from_str::<Value>(&browser).unwrap(), go);
    go
}

impl GoClient {
    fn read(&mut self, path: &str, request: &Value, answer: &HttpAnswer) {
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

fn todos<const N: usize>(todos: [(&str, Value); N]) -> BTreeMap<(String, String), Value> {
    todos.into_iter().map(|(id, data)| (("todo".to_owned(), id.to_owned()), data)).collect()
}

#[test]
fn every_recorded_request_of_the_client_is_answered_so_that_it_understands() {
    let (server, _) = start(ServiceOptions::default());
    let mut client = GoClient::default();
    for exchange in load("go-mizu-client.json")["exchanges"].as_array().unwrap() {
        let path = exchange["path"].as_str().unwrap();
        let answer = post(&server, path, &exchange["request"]);
        assert_eq!(answer.header("mizu-sync"), None);
        client.read(path, &exchange["request"], &answer);
    }
    let oat_milk = json!({ "title": "Oat milk", "done": true });
    assert_eq!(client.store, todos([("g1", oat_milk), ("g2", json!({ "title": "Bread", "done": false }))]));
}

#[test]
fn the_mutations_that_it_pushed_twice_are_applied_once() {
    let (server, _) = start(ServiceOptions::default());
    for exchange in load("go-mizu-client.json")["exchanges"].as_array().unwrap() {
        post(&server, exchange["path"].as_str().unwrap(), &exchange["request"]);
    }
    let answer = post(&server, "/pull", &json!({ "scope": "user:1", "cursor": 0, "limit": 100 })).json();
    assert_eq!(answer["changes"].as_array().unwrap().len(), 5);
}

#[test]
fn two_of_its_clients_and_the_browsers_converge_on_text_of_all_the_world() {
    let (server, _) = start(ServiceOptions::default());
    let data =
        json!({ "title": "naïve 🥛 <b>&</b>\u{2028}", "日本": [1, 2.5, null, 9_007_199_254_740_993_u64] });
    let create = json!({ "id": "m1", "name": "todo.create", "scope": "user:1", "client": "c", "seq": 1,
        "args": { "id": "日本/ü?#%", "data": data }, "created_at": "2026-11-21T07:06:45.472296836Z" });
    let request = json!({ "mutations": [create] });
    post(&server, "/push", &request);
    let (mut pulling, mut starting) = (GoClient::default(), GoClient::default());
    let pull = json!({ "scope": "user:1", "cursor": 0, "limit": 100 });
    pulling.read("/pull", &pull, &post(&server, "/pull", &pull));
    starting.read("/snapshot", &Value::Null, &post(&server, "/snapshot", &json!({ "scope": "user:1" })));
    assert_eq!(pulling.store, todos([("日本/ü?#%", data)]));
    assert_eq!((pulling.store, pulling.cursor), (starting.store, starting.cursor));
}

#[test]
fn a_queue_that_it_never_splits_is_taken_whole() {
    let (server, _) = start(ServiceOptions::default());
    let mutations: Vec<Value> = (0..1_000)
        .map(|number| {
            json!({ "id": format!("m{number}"), "name": "todo.create", "scope": "user:1",
                "args": { "id": format!("t{number}"), "data": {} } })
        })
        .collect();
    let request = json!({ "mutations": mutations });
    GoClient::default().read("/push", &request, &post(&server, "/push", &request));
}

/// The recorded application refuses scopes that begin with `denied`.
struct Denying(OpenAuth);

struct DenyingSession<'a>(Box<dyn Session + 'a>);

impl Auth for Denying {
    fn authenticate(
        &self,
        token: Option<&str>,
        now: SystemTime,
    ) -> Result<Box<dyn Session + '_>, Unauthorized> {
        Ok(Box::new(DenyingSession(self.0.authenticate(token, now)?)))
    }
}

impl Session for DenyingSession<'_> {
    fn principal(&self) -> &Principal {
        self.0.principal()
    }

    fn allows(&self, scope: &str) -> bool {
        !scope.starts_with("denied")
    }
}

/// Generic mutations; those of the collection `poison` always fail.
struct Poisoned;

impl Mutator for Poisoned {
    fn apply(&self, context: &mut MutationContext<'_>) -> Result<(), Failure> {
        if context.mutation().name.starts_with("poison.") {
            return Err(Failure::Temporary("boom: this mutation always fails".to_owned()));
        }
        Crud.apply(context)
    }
}

fn recorded_application(environment: &Arc<TestEnvironment>) -> ServiceOptions {
    ServiceOptions {
        auth: Arc::new(Denying(OpenAuth::new())),
        mutator: Arc::new(Poisoned),
        environment: Arc::clone(environment) as _,
        ..Default::default()
    }
}

/// What go-mizu's server said, in the form in which ours says it: no cursor and no changes in the results of a
/// push, entities as base64 at the top of a change, never null, always a `next_cursor`.
fn in_our_form(path: &str, request: &Value, recorded: &Value) -> Value {
    let mut said = recorded.clone();
    match path {
        "/push" if said.get("results").is_some() => {
            for result in said["results"].as_array_mut().into_iter().flatten() {
                result.as_object_mut().unwrap().retain(|field, _| field == "ok" || field == "error");
            }
        }
        "/pull" if said.get("changes").is_some() => {
            let changes = said["changes"].as_array().cloned().unwrap_or_default();
            let changes = changes.into_iter().map(|mut change| {
                let inner = change["data"].take();
                change["time"] = Value::Null;
                for field in ["entity", "id", "op", "data"] {
                    change[field] = inner[field].clone();
                }
                change
            });
            said["changes"] = changes.collect();
            if said.get("next_cursor").is_none() {
                said["next_cursor"] = request["cursor"].clone();
            }
        }
        _ => {}
    }
    said
}

/// Our answer with the entities decoded and the times left out.
fn decoded(path: &str, mut ours: Value) -> Value {
    match path {
        "/pull" => {
            for change in ours.get_mut("changes").and_then(Value::as_array_mut).into_iter().flatten() {
                change["data"] = change["data"].as_str().map_or(Value::Null, decode);
                change["time"] = Value::Null;
            }
        }
        "/snapshot" => {
            let collections = ours
                .get_mut("data")
                .and_then(Value::as_object_mut)
                .into_iter()
                .flat_map(|data| data.values_mut());
            for data in collections.flat_map(|entities| entities.as_object_mut().unwrap().values_mut()) {
                *data = decode(data.as_str().unwrap());
            }
        }
        _ => {}
    }
    ours
}

/// Where we differ on purpose, and what we say instead.
fn deliberately(name: &str) -> Option<(u16, Value)> {
    let results = |result: Value| json!({ "results": [result] });
    Some(match name {
        // Its own client sends these fields, and could not push to it.
        "push-unknown-field" => (200, results(json!({ "ok": true }))),
        // The same words; the code says what it is.
        "push-denied-scope" | "pull-denied-scope" => {
            (403, json!({ "code": "forbidden", "error": "scope not allowed" }))
        }
        // Its own client never splits its queue.
        "push-101" => (200, json!({ "results": vec![json!({ "ok": true }); 101] })),
        // Of a batch only the mutation that is too large is refused.
        "push-over-1MiB" => (200, results(json!({ "ok": false, "error": "sync: invalid mutation" }))),
        // What was trimmed must not be missing silently.
        "pull-zero-after-trim" => (410, json!({ "code": "cursor_too_old", "error": "sync: cursor too old" })),
        _ => return None,
    })
}

/// The bodies that were too large to record.
fn body_of(name: &str, recorded: &Value) -> Value {
    let create = |id: String, data: Value| json!({ "id": id, "name": "todo.create", "scope": "user:1", "args": { "id": id, "data": data } });
    match name {
        "push-101" => {
            let mutations: Vec<Value> =
                (0..101).map(|number| create(format!("b{number}"), json!({}))).collect();
            json!({ "mutations": mutations })
        }
        "push-over-1MiB" => {
            let data = json!({ "x": "x".repeat(1_100_000) });
            json!({ "mutations": [create("big".to_owned(), data)] })
        }
        _ => recorded.clone(),
    }
}

#[test]
fn recorded_requests_to_its_server_are_answered_alike() {
    let environment = TestEnvironment::new(1);
    let (server, service) = start(recorded_application(&environment));
    for case in load("go-mizu-server.json")["cases"].as_array().unwrap() {
        let (name, path) = (case["name"].as_str().unwrap(), case["path"].as_str().unwrap());
        let request = body_of(name, &case["request"]);
        if name == "pull-after-trim" {
            environment.advance(60 * DAY);
            service.trim(environment.now()).unwrap();
        }
        let Some((status, said)) = deliberately(name) else {
            let answer = post(&server, path, &request);
            assert_eq!(answer.status, case["status"], "{name}");
            if name == "unknown-path" {
                continue;
            }
            let expected = in_our_form(path, &request, &case["response"]);
            assert_eq!(decoded(path, answer.json()), expected, "{name}");
            continue;
        };
        // What is taken here was refused there: elsewhere, so that the cases after it find what they expect.
        let (elsewhere, _) = start(recorded_application(&environment));
        let server = if status == 200 { &elsewhere } else { &server };
        let answer = post(server, path, &request);
        assert_eq!((answer.status, answer.json()), (status, said), "{name}");
    }
}

/// The todo sample of go-mizu: its own shapes of arguments.
struct TodoSample;

#[derive(Deserialize)]
struct Args {
    id: String,
    title: Option<String>,
    done: Option<bool>,
}

impl Mutator for TodoSample {
    fn apply(&self, context: &mut MutationContext<'_>) -> Result<(), Failure> {
        let Args { id, title, done } = context.args()?;
        let name = &*context.mutation().name;
        if name == "todo.delete" {
            context.delete("todo", &id)?;
            return Ok(());
        }
        let mut todo: Value = if name == "todo.create" {
            json!({ "id": id, "title": title.as_ref().ok_or_else(|| Rejection::invalid("no title"))?, "done": false })
        } else {
            context.get_as("todo", &id)?.ok_or_else(|| Rejection::not_found("no such todo"))?
        };
        match name {
            "todo.create" => {}
            "todo.toggle" => todo["done"] = (todo["done"] != true).into(),
            "todo.update" => {
                title.into_iter().for_each(|title| todo["title"] = title.into());
                done.into_iter().for_each(|done| todo["done"] = done.into());
            }
            _ => return Err(Rejection::unknown_mutation("no such mutation").into()),
        }
        context.put_as("todo", &id, &todo)
    }
}

#[test]
fn recorded_requests_to_the_todo_sample_are_answered_alike_by_the_same_business_logic() {
    let options = ServiceOptions { mutator: Arc::new(TodoSample), ..Default::default() };
    let (server, _) = start(options);
    for case in load("go-mizu-todo-sample.json")["cases"].as_array().unwrap() {
        let (name, path) = (case["name"].as_str().unwrap(), case["path"].as_str().unwrap());
        let answer = post(&server, path, &case["request"]);
        assert_eq!(answer.status, case["status"], "{name}");
        let ours = decoded(path, answer.json());
        let recorded = &case["response"];
        match path {
            "/push" => assert_eq!(ours, in_our_form(path, &case["request"], recorded), "{name}"),
            "/pull" => {
                let todos = |todo: &Value| (todo["title"].clone(), todo["done"].clone());
                let ours_seen: Vec<_> =
                    ours["changes"].as_array().unwrap().iter().map(|c| todos(&c["data"])).collect();
                let theirs = recorded["changes"].as_array().unwrap().iter();
                assert_eq!(
                    ours_seen,
                    theirs.map(|c| todos(&c["data"]["todo"])).collect::<Vec<_>>(),
                    "{name}"
                );
                assert_eq!((&ours["next_cursor"], &ours["has_more"]), (&json!(5), &json!(false)));
            }
            // Its snapshot is a list under another name, at cursor 0 whatever has happened; ours is what the
            // clients read.
            _ if name == "snapshot-empty" => assert_eq!(ours, json!({ "data": {}, "cursor": 0 })),
            _ => {
                let bread = json!({ "id": "t2", "title": "Bread", "done": false });
                assert_eq!(ours, json!({ "data": { "todo": { "t2": bread } }, "cursor": 5 }));
            }
        }
    }
}
