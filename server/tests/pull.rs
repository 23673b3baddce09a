//! Pulls: pages that never split a mutation.

#![allow(clippy::unwrap_used, reason = "a test that fails there says why")]

mod support;

use mizu_sync_server::{Crud, Endpoint, Failure, MutationContext, Mutator, Service};
use serde_json::{Value, json};
use support::{Answer, Ask as _, SCOPE, create, mutation, service, service_with};

/// `many` writes as many entities as it is told, of as many bytes.
struct Many;

impl Mutator for Many {
    fn apply(&self, context: &mut MutationContext<'_>) -> Result<(), Failure> {
        if context.mutation().name != "many" {
            return Crud.apply(context);
        }
        let (count, bytes): (usize, usize) = context.args()?;
        let id = context.mutation().id.clone();
        for number in 0..count {
            context.put_as("item", &format!("{id}-{number}"), &json!({ "x": "x".repeat(bytes) }))?;
        }
        Ok(())
    }
}

fn many(id: &str, count: usize, bytes: usize) -> Value {
    mutation(id, "many", json!([count, bytes]))
}

fn pull(service: &Service, cursor: u64, limit: u32) -> Answer {
    let body = json!({ "scope": SCOPE, "cursor": cursor, "limit": limit });
    service.send(Endpoint::Pull, true, None, &body)
}

/// The number of changes of all pages from 0.
fn pages(service: &Service, limit: u32) -> Vec<usize> {
    let (mut cursor, mut sizes) = (0, Vec::new());
    loop {
        let page = pull(service, cursor, limit);
        sizes.push(page.changes().len());
        cursor = page.body["next_cursor"].as_u64().unwrap();
        if page.body["has_more"] == false {
            return sizes;
        }
    }
}

#[test]
fn an_empty_page_is_an_array_and_keeps_the_cursor() {
    let service = service();
    let empty = service.pull(0);
    assert_eq!((&empty.body["changes"], &empty.body["next_cursor"]), (&json!([]), &json!(0)));
    service.push(&[create("a")]);
    let caught_up = service.pull(1);
    assert_eq!((&caught_up.body["changes"], &caught_up.body["next_cursor"]), (&json!([]), &json!(1)));
    assert_eq!(caught_up.body["tag"], service.pull(0).body["tag"]);
}

#[test]
fn changes_carry_the_whole_entity_in_commit_order() {
    let service = service();
    service.push(&[
        create("a"),
        mutation("m2", "todo.patch", json!({ "id": "a", "set": { "done": true } })),
        mutation("m3", "todo.delete", json!({ "id": "a" })),
    ]);
    let page = service.pull(0);
    let seen: Vec<(&str, &Value)> =
        page.changes().iter().map(|change| (change["op"].as_str().unwrap(), &change["data"])).collect();
    let (created, patched) = (json!({ "title": "a" }), json!({ "title": "a", "done": true }));
    assert_eq!(seen, [("create", &created), ("update", &patched), ("delete", &Value::Null)]);
}

#[test]
fn other_scopes_leave_gaps_and_nothing_else() {
    let service = service();
    let mut other = create("b");
    other["scope"] = "user:2".into();
    service.push(&[create("a"), other, create("c")]);
    let page = service.pull(0);
    let cursors: Vec<&Value> = page.changes().iter().map(|change| &change["cursor"]).collect();
    assert_eq!(cursors, [1, 3]);
}

#[test]
fn a_page_never_splits_the_changes_of_a_mutation() {
    let service = service_with(Many);
    service.push(&[many("a", 2, 1), many("b", 3, 1), many("c", 1, 1)]);
    assert_eq!(pages(&service, 1), [2, 3, 1]);
    assert_eq!(pages(&service, 4), [2, 4]);
    assert_eq!(pages(&service, 5), [5, 1]);
    assert_eq!(pages(&service, 6), [6]);
}

#[test]
fn a_page_ends_at_4_mib() {
    let service = service_with(Many);
    let batch: Vec<Value> = (0..10).map(|number| many(&format!("m{number}"), 1, 500 * 1024)).collect();
    service.push(&batch);
    let page = pull(&service, 0, 5_000);
    assert!(page.reply.body.len() <= 4 * 1024 * 1024 + 1024, "{}", page.reply.body.len());
    assert_eq!(pages(&service, 5_000), [8, 2]);
}

#[test]
fn a_mutation_of_almost_4_mib_goes_in_one_page() {
    let service = service_with(Many);
    let push = service.push(&[create("a"), many("m", 8, 500 * 1024), create("b")]);
    assert!(push.results().iter().all(|result| result["ok"] == true));
    assert_eq!(pages(&service, 1), [1, 8, 1]);
}

#[test]
fn no_limit_means_500_and_more_than_5000_are_not_given() {
    let service = service();
    let batch: Vec<Value> = (0..6_000).map(|number| create(&format!("t{number}"))).collect();
    service.push(&batch);
    assert_eq!(service.pull(0).changes().len(), 500);
    assert_eq!(pull(&service, 0, 0).changes().len(), 500);
    assert_eq!(pages(&service, u32::MAX), [5_000, 1_000]);
}

#[test]
fn a_plain_pull_above_the_head_is_an_empty_page() {
    let service = service();
    service.push(&[create("a")]);
    let page = service.send(Endpoint::Pull, false, None, &json!({ "scope": SCOPE, "cursor": 999 }));
    assert_eq!(page.body, json!({ "changes": [], "has_more": false, "next_cursor": 999 }));
}

#[test]
fn names_are_escaped() {
    let service = service();
    let strange = "\"日本/ü?#%\\\n\u{1F95B}";
    service.push(&[mutation("m1", "a\"b.create", json!({ "id": strange, "data": {} }))]);
    let page = service.pull(0);
    assert_eq!((&page.changes()[0]["id"], &page.changes()[0]["entity"]), (&json!(strange), &json!("a\"b")));
}
