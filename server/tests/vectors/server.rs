//! What was said to go-mizu's servers is answered alike, but for the differences that are listed here.

use std::sync::Arc;
use std::time::SystemTime;

use mizu_sync_server::{
    Auth, Crud, Environment as _, Failure, MutationContext, Mutator, OpenAuth, Principal, Rejection,
    ServiceOptions, Session, Unauthorized,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{DAY, TestEnvironment};
use crate::{decode, load, post, start};

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
