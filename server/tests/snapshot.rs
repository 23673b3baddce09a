//! Snapshots: everything, in pages.

#![allow(clippy::unwrap_used, reason = "a test that fails there says why")]

mod support;

use std::collections::BTreeMap;
use std::thread;

use mizu_sync_server::{Endpoint, Service, ServiceOptions};
use serde_json::{Value, json};
use support::{Answer, Ask as _, SCOPE, create, mutation, service};

type Entities = BTreeMap<(String, String), Value>;

fn page(service: &Service, limit: u32, after: &Value) -> Answer {
    let mut body = json!({ "scope": SCOPE, "limit": limit });
    if !after.is_null() {
        body["after"] = after.clone();
    }
    let page = service.send(Endpoint::Snapshot, true, None, &body);
    assert_eq!(page.status, 200, "{}", page.body);
    page
}

fn entities(page: &Value) -> Entities {
    let collections = page["data"].as_object().unwrap().iter();
    collections
        .flat_map(|(collection, entities)| {
            let entities = entities.as_object().unwrap().iter();
            entities.map(|(id, data)| ((collection.clone(), id.clone()), data.clone()))
        })
        .collect()
}

#[test]
fn pages_are_sorted_by_collection_and_id_and_add_up_to_everything() {
    let service = service();
    let batch: Vec<Value> = (0..25)
        .map(|number| {
            let name = if number % 2 == 0 { "b.create" } else { "a.create" };
            mutation(
                &format!("m{number}"),
                name,
                json!({ "id": format!("t{number:02}"), "data": { "n": number } }),
            )
        })
        .collect();
    service.push(&batch);
    let (mut all, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = page(&service, 4, &after);
        assert_eq!(page.body["total"], 25);
        all.extend(entities(&page.body).into_keys());
        after = page.body["after"].clone();
        if page.body["has_more"] == false {
            break;
        }
        assert_eq!(entities(&page.body).len(), 4);
    }
    assert_eq!(all.len(), 25);
    assert!(all.is_sorted());
}

#[test]
fn a_page_without_a_limit_has_1000_entities() {
    let service = service();
    let batch: Vec<Value> = (0..1_001).map(|number| create(&format!("t{number}"))).collect();
    service.push(&batch);
    let page = service.snapshot();
    assert_eq!(entities(&page.body).len(), 1_000);
    assert_eq!(page.body["has_more"], true);
}

#[test]
fn a_page_ends_at_4_mib() {
    let service = service();
    let large = "x".repeat(500 * 1024);
    for number in 0..10 {
        let args = json!({ "id": format!("t{number}"), "data": { "x": large } });
        service.push(&[mutation(&format!("m{number}"), "todo.create", args)]);
    }
    let page = service.snapshot();
    assert!(page.reply.body.len() <= 4 * 1024 * 1024 + 1024);
    assert_eq!(entities(&page.body).len(), 8);
    assert_eq!(page.body["after"], json!(["todo", "t7"]));
}

#[test]
fn an_empty_scope_has_an_empty_snapshot_at_cursor_0() {
    let service = service();
    let page = service.snapshot();
    assert_eq!(
        (&page.body["data"], &page.body["cursor"], &page.body["total"]),
        (&json!({}), &json!(0), &json!(0))
    );
    assert_eq!(page.position(), service.pull(0).position());
    assert!(page.body.get("after").is_none());
    let plain = service.send(Endpoint::Snapshot, false, None, &json!({ "scope": SCOPE }));
    assert_eq!(plain.body, json!({ "data": {}, "cursor": 0 }));
}

#[test]
fn the_cursor_of_a_snapshot_can_be_pulled_from() {
    let service = service();
    service.push(&[create("a"), create("b"), mutation("m", "todo.delete", json!({ "id": "b" }))]);
    let snapshot = service.snapshot();
    assert_eq!(snapshot.body["cursor"], 3);
    assert_eq!(service.pull_knowing(&snapshot.position()).status, 200);
}

#[test]
fn mizu_log_is_not_looked_at_for_the_first_page() {
    let service = service();
    let log = Some("99:abc");
    assert_eq!(service.send(Endpoint::Snapshot, true, log, &json!({ "scope": SCOPE })).status, 200);
}

#[test]
fn pages_taken_while_others_write_and_the_pulls_after_them_give_the_exact_state() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open(directory.path().join("s.db"), ServiceOptions::default()).unwrap();
    let batch: Vec<Value> = (0..500).map(|number| create(&format!("t{number:03}"))).collect();
    service.push(&batch);

    thread::scope(|threads| {
        let writer = threads.spawn(|| {
            for number in 0..200 {
                let id = format!("t{:03}", number * 7 % 500);
                service.push(&[
                    mutation(
                        &format!("u{number}"),
                        "todo.update",
                        json!({ "id": id, "data": { "n": number } }),
                    ),
                    mutation(&format!("d{number}"), "todo.delete", json!({ "id": format!("t{number:03}") })),
                    create(&format!("new{number}")),
                ]);
            }
        });

        let first = page(&service, 20, &Value::Null);
        let mut cursor = first.body["cursor"].as_u64().unwrap();
        let (mut state, mut after) = (entities(&first.body), first.body["after"].clone());
        loop {
            let page = page(&service, 20, &after);
            state.extend(entities(&page.body));
            if page.body["has_more"] == false {
                break;
            }
            after = page.body["after"].clone();
        }
        writer.join().unwrap();
        loop {
            let page = service.pull(cursor);
            for change in page.changes() {
                let key = ["entity", "id"].map(|field| change[field].as_str().unwrap().to_owned());
                let [collection, id] = key;
                match change.get("data") {
                    Some(data) => drop(state.insert((collection, id), data.clone())),
                    None => drop(state.remove(&(collection, id))),
                }
            }
            cursor = page.body["next_cursor"].as_u64().unwrap();
            if page.body["has_more"] == false {
                break;
            }
        }
        assert_eq!(state, entities(&service.snapshot().body));
    });
}
