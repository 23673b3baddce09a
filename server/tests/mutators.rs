//! Business logic of an app.

#![allow(clippy::unwrap_used, reason = "a test that fails there says why")]

mod support;

use std::panic;

use mizu_sync_server::{Crud, Endpoint, Failure, MutationContext, Mutator, Rejection, Service};
use serde_json::{Value, json};
use support::{Answer, Ask as _, create, mutation, service_with};

/// What these tests need of an app.
struct App;

impl Mutator for App {
    fn apply(&self, context: &mut MutationContext<'_>) -> Result<(), Failure> {
        match context.mutation().name.as_ref() {
            "share" => {
                let id: String = context.args()?;
                let todo: Value =
                    context.get_as("todo", &id)?.ok_or_else(|| Rejection::not_found("no such todo"))?;
                context.in_scope("team:red")?.put_as("shared", &id, &todo)
            }
            "both" => {
                context.in_scope("team:red")?.put_as("t", "1", &json!({}))?;
                context.put_as("t", "1", &json!({}))?;
                context.in_scope("team:red")?.put_as("t", "2", &json!({}))
            }
            "panic" => {
                context.put_as("todo", "half", &json!({}))?;
                panic!("a bug in the app");
            }
            "admin" => Err(Rejection::forbidden("only for administrators").into()),
            _ => Crud.apply(context),
        }
    }
}

fn pull_team(service: &Service) -> Answer {
    service.send(Endpoint::Pull, true, None, &json!({ "scope": "team:red", "cursor": 0 }))
}

#[test]
fn a_change_to_another_scope_goes_to_that_scopes_log() {
    let service = service_with(App);
    let push = service.push(&[create("a"), mutation("m2", "share", json!("a"))]);
    assert_eq!(push.results()[1]["cursor"], 1, "its own scope has not moved");
    assert_eq!(push.grown_scopes(), [support::SCOPE, "team:red"]);
    assert_eq!(service.pull(0).changes().len(), 1);
    assert_eq!(pull_team(&service).changes()[0]["data"], json!({ "title": "a" }));
}

#[test]
fn a_mutation_of_two_scopes_is_acked_at_its_last_change_in_its_own() {
    let service = service_with(App);
    let push = service.push(&[mutation("m1", "both", Value::Null)]);
    assert_eq!(push.results()[0]["cursor"], 2);
    assert_eq!(service.pull_knowing(&support::position(&push.results()[0])).status, 200);
    assert_eq!(pull_team(&service).body["next_cursor"], 3);
}

#[test]
fn a_mutator_that_panics_is_a_temporary_failure_and_harms_nobody() {
    let service = service_with(App);
    panic::set_hook(Box::new(|_| {}));
    let push = service.push(&[create("a"), mutation("m2", "panic", Value::Null)]);
    let _ = panic::take_hook();
    assert_eq!(push.results()[0]["ok"], true);
    assert_eq!(
        (&push.results()[1]["ok"], &push.results()[1]["code"]),
        (&json!(false), &json!("internal_error"))
    );
    assert_eq!(service.push(&[create("b")]).results()[0]["ok"], true);
    assert_eq!(service.pull(0).changes().len(), 2);
}

#[test]
fn a_rejection_has_the_apps_words() {
    let service = service_with(App);
    let push = service.push(&[mutation("m1", "admin", Value::Null)]);
    assert_eq!(
        push.results()[0],
        json!({ "ok": false, "code": "forbidden", "error": "only for administrators" })
    );
    let plain = service.push_plain(&[mutation("m1", "admin", Value::Null)]);
    assert_eq!(plain.results()[0], json!({ "ok": false, "error": "only for administrators" }));
}

#[test]
fn arguments_that_do_not_fit_are_invalid() {
    let service = service_with(App);
    let push = service.push(&[mutation("m1", "share", json!({ "not": "text" }))]);
    assert_eq!(push.results()[0]["code"], "invalid_mutation");
}
