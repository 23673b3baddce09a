//! The recordings, read.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::scripted::Answer;

/// go-mizu's server with a generic application.
pub const SERVER: &str = "go-mizu-server.json";
/// go-mizu's todo sample, an application with shapes of its own.
pub const TODO: &str = "go-mizu-todo-sample.json";
/// What go-mizu's client sends and accepts.
pub const CLIENT: &str = "go-mizu-client.json";

/// One recorded exchange.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    pub path: String,
    pub request: Value,
    pub status: u16,
    pub response: Value,
}

impl Case {
    /// The answer as it was given.
    pub fn answer(&self) -> Answer {
        match &self.response {
            Value::String(text) => Answer::new(self.status, "text/plain; charset=utf-8", text.as_str()),
            body => Answer::json(self.status, body),
        }
    }

    /// The request's body. Of two large ones only the beginning was recorded: they are made again.
    pub fn request_body(&self) -> Vec<u8> {
        match self.name.as_str() {
            "push-101" => push_of(101).to_string().into_bytes(),
            "push-over-1MiB" => {
                let mut push = push_of(1);
                push["mutations"][0]["args"]["data"] = json!({ "title": "x".repeat(1_100_000) });
                push.to_string().into_bytes()
            }
            _ => match &self.request {
                Value::String(text) => text.clone().into_bytes(),
                body => body.to_string().into_bytes(),
            },
        }
    }
}

fn push_of(count: usize) -> Value {
    let mutation = |number| {
        json!({ "id": format!("b{number}"), "name": "todo.create", "scope": "user:1",
                "args": { "id": format!("b{number}"), "data": {} } })
    };
    json!({ "mutations": (0..count).map(mutation).collect::<Vec<_>>() })
}

fn load(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(file);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The cases of a server's file, in the order in which they were recorded.
pub fn cases(file: &str) -> Vec<Case> {
    let read = |case: &Value| Case {
        name: case["name"].as_str().unwrap().to_owned(),
        path: case["path"].as_str().unwrap().to_owned(),
        request: case["request"].clone(),
        status: u16::try_from(case["status"].as_u64().unwrap()).unwrap(),
        response: case["response"].clone(),
    };
    load(file)["cases"].as_array().unwrap().iter().map(read).collect()
}

pub fn case(file: &str, name: &str) -> Case {
    let found = cases(file).into_iter().find(|case| case.name == name);
    found.unwrap_or_else(|| panic!("{file} has no case {name}"))
}

/// The exchanges of the client's file, which have no names: their places are their names.
pub fn exchanges() -> Vec<Case> {
    let exchanges = load(CLIENT)["exchanges"].as_array().unwrap().clone();
    let read = |(place, exchange): (usize, &Value)| Case {
        name: place.to_string(),
        path: exchange["path"].as_str().unwrap().to_owned(),
        request: exchange["request"].clone(),
        status: 200,
        response: exchange["reply_it_accepted"].clone(),
    };
    exchanges.iter().enumerate().map(read).collect()
}

/// A request without what each client makes up by itself: the ids of mutations, and how much it wants at once.
pub fn meaning(request: &Value) -> Value {
    let mut request = request.clone();
    if let Some(fields) = request.as_object_mut() {
        fields.remove("limit");
    }
    for mutation in request.get_mut("mutations").and_then(Value::as_array_mut).into_iter().flatten() {
        let id = mutation.as_object_mut().unwrap().remove("id");
        assert!(id.is_some_and(|id| id.as_str().is_some_and(|id| !id.is_empty())), "a mutation without id");
    }
    request
}
