//! What go-mizu's client sends is answered so that it understands.

use std::collections::BTreeMap;

use mizu_sync_server::ServiceOptions;
use serde_json::{Value, json};

use crate::go_client::GoClient;
use crate::{load, post, start};

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
