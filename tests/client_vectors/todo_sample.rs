//! go-mizu's todo sample, whose shapes are its own: the whole round trip through a dialect.

use std::sync::Mutex;

use mizu_sync::{Dialect, EntityChange, EntityOp, Error, SyncError, WireMutation};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::go_mizu::GoMizu;
use crate::recorded::{TODO, case, meaning};
use crate::support::SOON;
use crate::support::scripted::{Answer, Scripted};
use crate::{Device, expected};

const SCOPE: &str = "_default";

/// Flat arguments, `{"op":"update","todo":{…}}`, `{"todos":[…]}`.
struct TodoSample;

impl Dialect for TodoSample {
    fn version(&self) -> String {
        "1".to_owned()
    }

    fn mutation(
        &self,
        op: EntityOp,
        collection: &str,
        id: &str,
        data: Option<&str>,
    ) -> Result<WireMutation, String> {
        let data: Value =
            data.map_or(Ok(Value::Null), serde_json::from_str).map_err(|error| error.to_string())?;
        let args = match op {
            EntityOp::Create => json!({ "id": id, "title": data["title"] }),
            EntityOp::Update => json!({ "id": id, "title": data["title"], "done": data["done"] }),
            EntityOp::Delete => json!({ "id": id }),
        };
        Ok(WireMutation { name: format!("{collection}.{}", op.verb()), args: args.to_string() })
    }

    fn changes(&self, changes: &[&str]) -> Vec<Result<Vec<EntityChange>, String>> {
        let read = |text: &&str| {
            let change: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
            let data = &change["data"];
            match data["op"].as_str() {
                Some("delete") => Ok(vec![entity(data, None)?]),
                Some("create" | "update") => Ok(vec![entity(&data["todo"], Some(&data["todo"]))?]),
                _ => Err("it has no op".to_owned()),
            }
        };
        changes.iter().map(read).collect()
    }

    fn snapshot(&self, data: &str) -> Result<Vec<EntityChange>, String> {
        let data: Value = serde_json::from_str(data).map_err(|error| error.to_string())?;
        let todos = data["todos"].as_array().ok_or("it has no todos")?;
        todos.iter().map(|todo| entity(todo, Some(todo))).collect()
    }
}

fn entity(of: &Value, data: Option<&Value>) -> Result<EntityChange, String> {
    let id = of["id"].as_str().ok_or("it has no id")?.to_owned();
    Ok(EntityChange { collection: "todo".to_owned(), id, data: data.map(Value::to_string) })
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Todo {
    title: String,
    #[serde(default)]
    done: bool,
}

impl Todo {
    fn new(title: &str, done: bool) -> Self {
        Self { title: title.to_owned(), done }
    }
}

fn open(server: &GoMizu) -> Device {
    Device::with(&server.url(), SCOPE, |builder| builder.dialect(TodoSample))
}

#[test]
pub fn every_write_makes_the_round_trip() {
    let server = GoMizu::todo_sample(0);
    let device = open(&server);
    device.client.start().unwrap();
    device.client.sync(SOON).unwrap();
    assert_eq!(server.server.bodies("snapshot"), [case(TODO, "snapshot-empty").request]);
    let todos = device.client.collection::<Todo>("todo");
    let seen = |id: &str| todos.get(id).get().unwrap();
    let mut steps = 0;
    let mut after = |step: &str, cursor: u64| {
        device.client.flush(SOON).unwrap();
        steps += 1;
        let sent = server.server.bodies("push");
        assert_eq!(sent.len(), steps);
        assert_eq!(meaning(sent.last().unwrap()), meaning(&case(TODO, step).request), "{step}");
        assert_eq!(device.cursor(), cursor);
    };

    todos.create("t1", Todo::new("Milk", false)).unwrap();
    after("push-create", 1);
    // The server's fields that the app does not know are here, and survive its writes.
    let known = &case(TODO, "push-create").response["results"][0]["changes"][0]["data"]["todo"];
    assert_eq!(&device.rows()["t1"], known);
    todos.get("t1").update(|todo| *todo = Todo::new("Oat milk", true)).unwrap();
    assert_eq!(device.rows()["t1"]["created_at"], known["created_at"]);
    after("push-update", 2);
    device.client.mutate("todo.toggle", &json!({ "id": "t1" })).unwrap();
    after("push-toggle", 3);
    assert_eq!(seen("t1"), Some(Todo::new("Oat milk", false)));
    todos.create("t2", Todo::new("Bread", false)).unwrap();
    after("push-create-2", 4);
    todos.get("t1").delete().unwrap();
    after("push-delete", 5);
    assert_eq!((seen("t1"), seen("t2")), (None, Some(Todo::new("Bread", false))));
    assert_eq!(server.server.count("snapshot"), 1);
    device.assert_quiet();
}

#[test]
pub fn a_second_device_never_sees_the_log_replay() {
    let server = GoMizu::todo_sample(5);
    // One change a page: the replay takes five of them.
    server.state().page = 1;
    let device = open(&server);
    device.client.start().unwrap();
    device.client.sync(SOON).unwrap();
    assert_eq!(server.server.bodies("snapshot"), [case(TODO, "snapshot").request]);
    // Its cursor is 0 although it has data, so the whole log follows.
    assert_eq!(meaning(&server.server.bodies("pull")[0]), meaning(&case(TODO, "pull").request));
    let todo = case(TODO, "snapshot").response["data"]["todos"][0].clone();
    assert_eq!((device.rows(), device.cursor()), (expected([("t2", todo)]), 5));
    let told: Vec<u64> = device.synced.try_iter().map(mizu_sync::Cursor::get).collect();
    assert!(told.is_empty() || told == [5], "one sync, with all of it: {told:?}");
    device.client.sync(SOON).unwrap();
    assert_eq!(server.server.count("snapshot"), 1);
    device.assert_quiet();
}

#[test]
pub fn without_its_dialect_a_write_is_refused_and_shown_to_the_app() {
    let server = GoMizu::todo_sample(5);
    // A snapshot that the generic client can read, so that it comes to a push.
    let inner = server.server.address();
    let server = Scripted::start(move |request| {
        if request.endpoint() == "snapshot" {
            return Answer::ok(&json!({ "data": {}, "cursor": 5 }));
        }
        let (status, body) = crate::support::scripted::post(inner, &request.path, &request.body);
        Answer::new(status, "application/json", body)
    });
    let device = Device::new(&server.url(), SCOPE);
    device.client.collection::<Value>("todo").create("t3", json!({ "title": "Jam" })).unwrap();
    device.client.start().unwrap();
    device.client.sync(SOON).unwrap();
    let sent = server.bodies("push");
    assert_eq!(
        sent.iter().map(meaning).collect::<Vec<_>>(),
        [meaning(&case(TODO, "push-crud-shape").request)]
    );
    let refused = device.rejected.recv_timeout(SOON).unwrap();
    assert_eq!((refused.code.as_str(), device.rows()), ("invalid_mutation", expected([])));
}

#[test]
pub fn its_snapshot_without_a_dialect_is_no_empty_scope() {
    let server = GoMizu::todo_sample(5);
    let device = Device::new(&server.url(), SCOPE);
    device.client.start().unwrap();
    let error = device.errors.recv_timeout(SOON).unwrap();
    assert!(matches!(error, Error::Sync(SyncError::NotProtocol { .. })), "{error:?}");
    assert_eq!(server.server.count("pull"), 0);
}

/// A dialect that fails, or panics, at everything, until it is told not to.
struct Failing(Mutex<bool>);

impl Dialect for &'static Failing {
    fn mutation(&self, _: EntityOp, _: &str, _: &str, _: Option<&str>) -> Result<WireMutation, String> {
        Err("there is no word for it".to_owned())
    }

    fn changes(&self, _: &[&str]) -> Vec<Result<Vec<EntityChange>, String>> {
        Vec::new()
    }

    fn snapshot(&self, data: &str) -> Result<Vec<EntityChange>, String> {
        assert!(*self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner), "not yet");
        TodoSample.snapshot(data)
    }
}

#[test]
pub fn a_dialect_that_fails_is_named_and_ends_nothing() {
    static FAILING: Failing = Failing(Mutex::new(false));
    let server = GoMizu::todo_sample(5);
    let device = Device::with(&server.url(), SCOPE, |builder| builder.dialect(&FAILING));
    device.client.collection::<Value>("todo").create("t3", json!({ "title": "Jam" })).unwrap();
    device.client.start().unwrap();
    let panicked = Error::Sync(SyncError::Dialect { reason: "it panicked".to_owned() });
    assert_eq!(device.client.sync(SOON), Err(panicked.clone()));
    assert_eq!(device.errors.recv_timeout(SOON).unwrap(), panicked);
    *FAILING.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = true;
    // Now the snapshot is read; the changes that the dialect does not answer for are set aside.
    device.client.sync(SOON).unwrap();
    let aside = device.errors.recv_timeout(SOON).unwrap();
    assert!(matches!(aside, Error::Sync(SyncError::Unreadable { count: 5, .. })), "{aside:?}");
    // A mutation that it cannot say is rejected, with its words.
    let refused = device.rejected.recv_timeout(SOON).unwrap();
    assert_eq!(
        (refused.code.as_str(), refused.error.as_str()),
        ("invalid_mutation", "there is no word for it")
    );
    assert_eq!(device.rows().into_keys().collect::<Vec<_>>(), ["t2"]);
}
