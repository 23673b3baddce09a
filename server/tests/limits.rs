//! Input that is too large, too deep, or not what it should be.

#![allow(clippy::unwrap_used, reason = "a test that fails there says why")]

mod support;

use mizu_sync_server::{Crud, Endpoint, Failure, MutationContext, Mutator, Request, Service};
use serde_json::{Value, json};
use support::{Answer, Ask as _, SCOPE, create, mutation, service, service_with};

fn raw(service: &Service, endpoint: Endpoint, body: &[u8]) -> Answer {
    service.ask(&Request { endpoint, extended: true, log: None, token: None, body })
}

fn code_of(answer: &Answer) -> &str {
    answer.results()[0]["code"].as_str().unwrap_or("ok")
}

/// An object that is nested so deep.
fn nested(levels: usize) -> String {
    format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1))
}

fn push_entity(service: &Service, id: &str, data: &str) -> Answer {
    let body = format!(
        r#"{{"mutations":[{{"id":"m-{id}","name":"t.create","scope":"{SCOPE}","args":{{"id":"{id}","data":{data}}}}}]}}"#
    );
    raw(service, Endpoint::Push, body.as_bytes())
}

#[test]
fn a_body_that_is_not_the_expected_json_is_400() {
    let service = service();
    let bodies: [&[u8]; 9] = [
        b"",
        b"{",
        b"7",
        b"null",
        b"{\"mutations\":7}",
        b"{\"mutations\":[{\"id\":7,\"name\":\"a\",\"scope\":\"s\"}]}",
        b"{\"mutations\":[]} {}",
        b"{\"scope\":\"\xff\"}",
        b"{\"scope\":\"s\",\"cursor\":-1,\"limit\":-1,\"after\":7}",
    ];
    for body in bodies {
        for endpoint in Endpoint::ALL {
            let answer = raw(&service, endpoint, body);
            assert_eq!((answer.status, answer.code()), (400, "invalid_mutation"), "{body:?}");
        }
    }
}

#[test]
fn an_empty_batch_is_400() {
    let answer = raw(&service(), Endpoint::Push, br#"{"mutations":[]}"#);
    assert_eq!((answer.status, &answer.body["error"]), (400, &json!("no mutations provided")));
}

#[test]
fn a_missing_scope_is_400() {
    let service = service();
    assert_eq!(raw(&service, Endpoint::Pull, b"{}").status, 400);
    assert_eq!(raw(&service, Endpoint::Snapshot, b"{}").status, 400);
    let mut nowhere = create("b");
    nowhere.as_object_mut().unwrap().remove("scope");
    assert_eq!(service.push(&[create("a"), nowhere]).status, 400);
    assert_eq!(service.pull(0).changes().len(), 0, "the first was not applied either");
}

#[test]
fn fields_that_are_not_known_are_ignored() {
    let mut mutation = create("a");
    mutation["future"] = json!({ "x": 1 });
    assert_eq!(code_of(&service().push(&[mutation])), "ok");
}

#[test]
fn a_body_above_32_mib_is_413() {
    let service = service();
    let body = vec![b' '; 32 * 1024 * 1024 + 1];
    assert_eq!(raw(&service, Endpoint::Push, &body).status, 413);
}

#[test]
fn more_than_20000_mutations_are_413() {
    let batch: Vec<Value> = (0..20_001).map(|number| create(&number.to_string())).collect();
    assert_eq!(service().push(&batch).status, 413);
}

#[test]
fn an_entity_of_512_kib_is_stored_and_a_byte_more_is_invalid() {
    let service = service();
    let entity = |bytes: usize| format!(r#"{{"x":"{}"}}"#, "x".repeat(bytes - 8));
    assert_eq!(code_of(&push_entity(&service, "a", &entity(512 * 1024))), "ok");
    assert_eq!(code_of(&push_entity(&service, "b", &entity(512 * 1024 + 1))), "invalid_mutation");
}

#[test]
fn a_patch_that_makes_an_entity_too_large_is_invalid() {
    let service = service();
    let half = "x".repeat(300 * 1024);
    let push = service.push(&[
        mutation("m1", "t.create", json!({ "id": "a", "data": { "x": half } })),
        mutation("m2", "t.patch", json!({ "id": "a", "set": { "y": half } })),
    ]);
    assert_eq!(push.results()[1]["code"], "invalid_mutation");
}

#[test]
fn an_entity_of_64_levels_is_stored_and_one_of_65_is_invalid() {
    let service = service();
    assert_eq!(code_of(&push_entity(&service, "a", &nested(64))), "ok");
    assert_eq!(code_of(&push_entity(&service, "b", &nested(65))), "invalid_mutation");
}

#[test]
fn json_of_ten_thousand_levels_harms_nobody() {
    let service = service();
    assert_eq!(code_of(&push_entity(&service, "a", &nested(10_000))), "invalid_mutation");
    let levels = "[".repeat(1_000_000);
    assert_eq!(raw(&service, Endpoint::Push, levels.as_bytes()).status, 400);
    let ignored = format!(r#"{{"scope":"user:1","x":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(raw(&service, Endpoint::Pull, ignored.as_bytes()).status, 200);
}

#[test]
fn entities_must_be_objects() {
    let service = service();
    for (number, data) in ["7", "null", "[]", "\"{}\""].into_iter().enumerate() {
        assert_eq!(code_of(&push_entity(&service, &number.to_string(), data)), "invalid_mutation", "{data}");
    }
}

#[test]
fn an_entity_with_a_field_name_that_is_no_unicode_is_invalid_at_any_level() {
    let service = service();
    let half = [
        r#"{"\ud800":1}"#,
        r#"{"a\uDFFF\ud83e":1}"#,
        r#"{ "a" : 1, "\ud800" : 1 }"#,
        r#"{"a":{"b":[7,{"\ud800":1}]}}"#,
        r#"{"a\"":"\ud800","\\":"b","c":{"\ud800":{}}}"#,
    ];
    for (number, data) in half.into_iter().enumerate() {
        assert_eq!(code_of(&push_entity(&service, &number.to_string(), data)), "invalid_mutation", "{data}");
    }
    let whole = [
        r#"{"\ud83e\udd5b":1}"#,
        r#"{"\\ud800":1}"#,
        r#"{"a":"\ud800","b":["\ud800"]}"#,
        r#"{"a":"\ud800\":","b":"\\"}"#,
    ];
    for (number, data) in whole.into_iter().enumerate() {
        assert_eq!(code_of(&push_entity(&service, &format!("w{number}"), data)), "ok", "{data}");
    }
}

#[test]
fn names_are_neither_empty_nor_above_1024_bytes() {
    let service = service();
    let (just, above) = ("n".repeat(1_024), "n".repeat(1_025));
    let with = |id: &str, collection: &str, entity: &str| {
        mutation(id, &format!("{collection}.create"), json!({ "id": entity, "data": {} }))
    };
    assert_eq!(code_of(&service.push(&[with(&just, "t", &just)])), "ok");
    for wrong in [with("", "t", "a"), with(&above, "t", "a"), with("m1", "t", ""), with("m2", "t", &above)] {
        assert_eq!(code_of(&service.push(&[wrong])), "invalid_mutation");
    }
    assert_eq!(code_of(&service.push(&[with("m3", "", "a")])), "invalid_mutation");
    assert_eq!(code_of(&service.push(&[with("m4", &above, "a")])), "invalid_mutation");
    let scope = json!({ "scope": above });
    assert_eq!(service.send(Endpoint::Pull, true, None, &scope).status, 400);
}

#[test]
fn a_mutation_that_changes_more_than_4_mib_is_invalid_and_undone() {
    struct Flood;
    impl Mutator for Flood {
        fn apply(&self, context: &mut MutationContext<'_>) -> Result<(), Failure> {
            if context.mutation().name != "flood" {
                return Crud.apply(context);
            }
            for number in 0..9 {
                context.put_as("t", &number.to_string(), &json!({ "x": "x".repeat(500 * 1024) }))?;
            }
            Ok(())
        }
    }
    let service = service_with(Flood);
    let push = service.push(&[mutation("m1", "flood", Value::Null), create("a")]);
    assert_eq!(push.results()[0]["code"], "invalid_mutation");
    assert_eq!(service.pull(0).changes().len(), 1);
}

#[test]
fn errors_do_not_quote_the_data() {
    let service = service();
    let push = service.push(&[mutation("m1", "t.create", json!({ "id": ["canary"], "data": "canary" }))]);
    assert!(!push.body.to_string().contains("canary"), "{}", push.body);
}
