//! Each planted bug, once awake, is what its name says.

#![allow(clippy::unwrap_used, reason = "a test that fails there says why")]
#![cfg(feature = "planted-bugs")]

mod support;

use std::sync::Arc;

use mizu_sync_server::{Bug, Crud, Endpoint, Failure, MutationContext, Mutator, Service, ServiceOptions};
use serde_json::{Value, json};
use support::{Ask as _, SCOPE, create, mutation};

struct App;

impl Mutator for App {
    fn apply(&self, context: &mut MutationContext<'_>) -> Result<(), Failure> {
        match context.mutation().name.as_ref() {
            "fail" => Err(Failure::Temporary("no".to_owned())),
            "pair" => {
                context.put_as("t", "1", &json!({}))?;
                context.put_as("t", "2", &json!({}))
            }
            _ => Crud.apply(context),
        }
    }
}

fn options(bug: Bug) -> ServiceOptions {
    ServiceOptions { mutator: Arc::new(App), planted_bug: Some(bug), ..Default::default() }
}

fn with(bug: Bug) -> Service {
    Service::in_memory(options(bug)).unwrap()
}

#[test]
fn every_bug_is_found_by_its_name() {
    for bug in Bug::ALL {
        assert_eq!(bug.as_str().parse(), Ok(bug));
    }
    assert!("no-such-bug".parse::<Bug>().is_err());
}

#[test]
fn forgetful_dedupe_applies_the_last_mutation_of_a_batch_again() {
    let service = with(Bug::ForgetfulDedupe);
    service.push(&[create("a"), create("b")]);
    let again = service.push(&[create("a"), create("b")]);
    assert_eq!((&again.results()[0]["ok"], &again.results()[1]["code"]), (&json!(true), &json!("conflict")));
}

#[test]
fn dropped_tag_check_takes_positions_of_another_log() {
    let service = with(Bug::DroppedTagCheck);
    assert_eq!(service.push_knowing("9:beef", &[create("a")]).status, 200);
    assert_eq!(service.pull_knowing("1:beef").status, 200);
}

#[test]
fn outcome_in_second_transaction_forgets_outcomes_when_the_process_dies() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.db");
    let open = || Service::open(&path, options(Bug::OutcomeInSecondTransaction)).unwrap();
    let service = open();
    service.push(&[create("a")]);
    assert_eq!(service.push(&[create("a")]).results()[0]["ok"], true);
    service.push(&[create("b")]);
    drop(service);
    assert_eq!(open().push(&[create("b")]).results()[0]["code"], "conflict");
}

#[test]
fn split_page_ends_a_page_in_the_middle_of_a_mutation() {
    let service = with(Bug::SplitPage);
    service.push(&[mutation("m1", "pair", Value::Null)]);
    let body = json!({ "scope": SCOPE, "cursor": 0, "limit": 1 });
    assert_eq!(service.send(Endpoint::Pull, true, None, &body).changes().len(), 1);
}

#[test]
fn apply_past_temporary_goes_on() {
    let service = with(Bug::ApplyPastTemporary);
    assert_eq!(service.push(&[mutation("m1", "fail", Value::Null), create("a")]).results().len(), 2);
}
