//! Pushes: exactly once, in order, each mutation all or nothing.

#![allow(clippy::unwrap_used, reason = "a test that fails there says why")]

mod support;

use std::sync::Arc;
use std::thread;

use mizu_sync_server::{Crud, Endpoint, Failure, MutationContext, Mutator, Service, ServiceOptions};
use serde_json::{Value, json};
use support::{Ask as _, SCOPE, create, mutation, service, service_with};

/// Generic mutations, and `flaky.…`, which fails after it has written.
struct Flaky;

impl Mutator for Flaky {
    fn apply(&self, context: &mut MutationContext<'_>) -> Result<(), Failure> {
        if context.mutation().name.starts_with("flaky.") {
            context.put_as("todo", "half", &json!({ "written": true }))?;
            context.in_scope("team:new")?.put_as("todo", "half", &json!({}))?;
            return Err(Failure::Temporary("out of luck".to_owned()));
        }
        Crud.apply(context)
    }
}

fn flaky(id: &str) -> Value {
    mutation(id, "flaky.try", Value::Null)
}

#[test]
fn an_ok_result_says_how_far_to_pull_and_its_tag() {
    let service = service();
    let push = service.push(&[create("a"), create("b")]);
    let pull = service.pull(0);
    assert_eq!(push.results()[0]["cursor"], 1);
    assert_eq!(push.results()[1]["cursor"], pull.body["next_cursor"]);
    assert_eq!(push.results()[1]["tag"], pull.body["tag"]);
}

#[test]
fn a_repeated_mutation_is_answered_with_its_outcome_and_not_applied_again() {
    let service = service();
    let first = service.push(&[create("a"), create("b")]);
    service.push(&[create("c")]);
    let again = service.push(&[create("a"), create("b")]);
    assert_eq!(again.body, first.body);
    assert_eq!(service.pull(0).changes().len(), 3);
}

#[test]
fn a_repeated_rejection_stays_a_rejection_when_it_could_be_applied_now() {
    let service = service();
    let update = mutation("m1", "todo.update", json!({ "id": "a", "data": {} }));
    assert_eq!(service.push(std::slice::from_ref(&update)).results()[0]["code"], "not_found");
    service.push(&[create("a")]);
    assert_eq!(service.push(&[update]).results()[0]["code"], "not_found");
}

#[test]
fn the_same_mutation_twice_in_a_batch_is_applied_once() {
    let service = service();
    let push = service.push(&[create("a"), create("a")]);
    assert_eq!(push.results()[0], push.results()[1]);
    assert_eq!(service.pull(0).changes().len(), 1);
}

#[test]
fn the_same_id_in_another_scope_is_another_mutation() {
    let service = service();
    let mut other = create("a");
    other["scope"] = "user:2".into();
    let push = service.push(&[create("a"), other]);
    assert_eq!((&push.results()[0]["cursor"], &push.results()[1]["cursor"]), (&json!(1), &json!(2)));
}

#[test]
fn the_same_batch_from_many_threads_at_once_is_applied_once() {
    let directory = tempfile::tempdir().unwrap();
    let service = Service::open(directory.path().join("s.db"), ServiceOptions::default()).unwrap();
    let batch: Vec<Value> = (0..20).map(|number| create(&format!("t{number}"))).collect();
    thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| {
                assert!(service.push_plain(&batch).results().iter().all(|result| result["ok"] == true));
            });
        }
    });
    assert_eq!(service.pull(0).changes().len(), 20);
}

#[test]
fn outcomes_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.db");
    let first = Service::open(&path, ServiceOptions::default()).unwrap().push(&[create("a"), create("b")]);
    let service = Service::open(&path, ServiceOptions::default()).unwrap();
    assert_eq!(service.push(&[create("a"), create("b")]).body, first.body);
    assert_eq!(service.push(&[create("c")]).results()[0]["cursor"], 3);
}

#[test]
fn a_mutation_that_fails_leaves_nothing_behind() {
    let service = service_with(Flaky);
    service.push(&[create("a"), flaky("m1")]);
    let after = service.push(&[create("b")]);
    assert_eq!(after.results()[0]["cursor"], 2, "the cursors of the failed one are used again");
    assert_eq!(service.pull(0).changes().len(), 2);
    assert_eq!(service.snapshot().body["total"], 2);
    let team = service.send(Endpoint::Snapshot, true, None, &json!({ "scope": "team:new" }));
    assert_eq!(team.body["cursor"], 0);
}

#[test]
fn an_extended_push_stops_at_the_first_temporary_failure() {
    let service = service_with(Flaky);
    let push = service.push(&[create("a"), flaky("m1"), create("b")]);
    assert_eq!(push.results().len(), 2);
    assert_eq!(push.results()[1]["ok"], false);
    assert_eq!(push.results()[1]["code"], "internal_error");
    assert_eq!(push.results()[1]["error"], "out of luck");
    assert_eq!(service.pull(0).changes().len(), 1);
}

#[test]
fn a_plain_push_goes_on_after_a_temporary_failure() {
    let service = service_with(Flaky);
    let push = service.push_plain(&[create("a"), flaky("m1"), create("b")]);
    assert_eq!(
        push.body["results"],
        json!([{"ok": true}, {"ok": false, "error": "out of luck"}, {"ok": true}])
    );
}

#[test]
fn a_temporary_failure_is_not_remembered() {
    struct SecondTime(std::sync::atomic::AtomicBool);
    impl Mutator for SecondTime {
        fn apply(&self, context: &mut MutationContext<'_>) -> Result<(), Failure> {
            if self.0.swap(true, std::sync::atomic::Ordering::Relaxed) {
                return Crud.apply(context);
            }
            Err(Failure::Temporary("not yet".to_owned()))
        }
    }
    let service = service_with(SecondTime(false.into()));
    assert_eq!(service.push(&[create("a")]).results()[0]["ok"], false);
    assert_eq!(service.push(&[create("a")]).results()[0]["ok"], true);
}

#[test]
fn a_rejection_in_the_middle_stops_nothing() {
    let service = service();
    let push = service.push(&[
        create("a"),
        mutation("m2", "todo.create", json!({ "id": "a", "data": {} })),
        mutation("m3", "todo.explode", json!({})),
        mutation("m4", "todo.update", json!({ "id": "x", "data": {} })),
        mutation("m5", "todo.create", json!(7)),
        create("b"),
    ]);
    let codes: Vec<&str> =
        push.results().iter().map(|result| result["code"].as_str().unwrap_or("ok")).collect();
    assert_eq!(codes, ["ok", "conflict", "unknown_mutation", "not_found", "invalid_mutation", "ok"]);
}

#[test]
fn a_mutation_that_changes_nothing_has_the_head_as_its_cursor() {
    let service = service();
    let created = service.push(&[create("a")]);
    let gone = service.push(&[mutation("m2", "todo.delete", json!({ "id": "never" }))]);
    assert_eq!(gone.results()[0], created.results()[0]);

    let mut in_empty_scope = mutation("m3", "todo.delete", json!({ "id": "never" }));
    in_empty_scope["scope"] = "user:2".into();
    let push = service.push(&[in_empty_scope]);
    let pull = service.send(Endpoint::Pull, true, None, &json!({ "scope": "user:2", "cursor": 0 }));
    assert_eq!(support::position(&push.results()[0]), pull.position());
}

#[test]
fn a_patch_changes_top_level_fields_and_keeps_big_numbers() {
    let service = service();
    let body = r#"{"mutations":[
        {"id":"m1","name":"t.create","scope":"user:1","args":{"id":"a","data":{"z":9007199254740993,"a":1.10,"b":0}}},
        {"id":"m2","name":"t.patch","scope":"user:1","args":{"id":"a","set":{"a":2.20,"n":1e400},"unset":["b"]}},
        {"id":"m3","name":"t.patch","scope":"user:1","args":{"id":"missing","set":{}}}
    ]}"#;
    let request = mizu_sync_server::Request {
        endpoint: Endpoint::Push,
        extended: true,
        log: None,
        token: None,
        body: body.as_bytes(),
    };
    let reply: Value = serde_json::from_slice(&service.handle(&request).body).unwrap();
    assert_eq!(reply["results"][2]["code"], "not_found");
    let snapshot =
        mizu_sync_server::Request { endpoint: Endpoint::Snapshot, body: br#"{"scope":"user:1"}"#, ..request };
    let text = String::from_utf8(service.handle(&snapshot).body).unwrap();
    assert!(text.contains(r#"{"z":9007199254740993,"a":2.20,"n":1e400}"#), "{text}");
}

#[test]
fn a_plain_push_knows_neither_code_nor_cursor() {
    let service = service();
    let push = service.push_plain(&[
        create("a"),
        mutation("m2", "todo.create", json!({ "id": "a", "data": {} })),
        mutation("m3", "todo.update", json!({ "id": "x", "data": {} })),
        mutation("m4", "todo.explode", json!({})),
        mutation("m5", "todo.create", json!({ "id": "y", "data": 7 })),
    ]);
    let failed = |error: &str| json!({ "ok": false, "error": error });
    assert_eq!(
        push.body["results"],
        json!([
            { "ok": true },
            failed("sync: conflict"),
            failed("sync: not found"),
            failed("sync: invalid mutation"),
            failed("sync: invalid mutation"),
        ])
    );
}

#[test]
fn the_reply_names_the_scopes_that_changed() {
    let service = service();
    let mut elsewhere = create("b");
    elsewhere["scope"] = "user:2".into();
    let mut idle = mutation("m", "todo.delete", json!({ "id": "never" }));
    idle["scope"] = "user:3".into();
    let push = service.push(&[elsewhere, create("a"), idle]);
    assert_eq!(push.grown_scopes(), ["user:2", SCOPE]);
    assert!(service.push(&[create("a")]).reply.grown.is_empty());
}

#[test]
fn two_services_with_one_environment_each_give_the_same_bytes() {
    let run = || {
        let environment = support::TestEnvironment::new(7);
        let options = ServiceOptions { environment: Arc::clone(&environment) as _, ..Default::default() };
        let service = Service::in_memory(options).unwrap();
        let batch: Vec<Value> = (0..50).map(|number| create(&format!("t{number}"))).collect();
        let mut said = service.push(&batch).reply.body;
        said.extend(service.pull(0).reply.body);
        said.extend(service.snapshot().reply.body);
        said
    };
    assert_eq!(run(), run());
}
