//! Conditions as a list in prefix order.

use std::sync::Arc;

use super::super::{Condition, ErrorKind, NativeClient, Operator as Do, OrderOption, QueryOptions, Value};
use super::{client, create, kind};

fn texts(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn compare(operator: Do, field: &str, values: Vec<Value>) -> Condition {
    Condition { operator, field: texts(&[field]), values, parts: 0 }
}

fn combine(operator: Do, parts: u32) -> Condition {
    Condition { operator, field: Vec::new(), values: Vec::new(), parts }
}

fn int(value: i64) -> Vec<Value> {
    vec![Value::Int { value }]
}

fn text(value: &str) -> Vec<Value> {
    vec![Value::Text { value: value.to_owned() }]
}

fn filled() -> Arc<NativeClient> {
    let client = client();
    create(&client, "a", r#"{"n":1,"t":"one","in":{"n":1}}"#);
    create(&client, "b", r#"{"n":2,"t":"two","x":true}"#);
    create(&client, "c", r#"{"n":3,"t":"three","x":false}"#);
    client
}

fn count(client: &NativeClient, conditions: Vec<Condition>) -> super::ApiResult<u64> {
    client.query("todo", QueryOptions { conditions, ..QueryOptions::default() })?.count()
}

#[test]
fn an_operator_that_combines_stands_before_what_it_combines() {
    let client = filled();
    let n = |operator, value| compare(operator, "n", int(value));
    for (name, conditions, expected) in [
        ("none", vec![], 3),
        ("eq", vec![n(Do::Eq, 2)], 1),
        ("ne", vec![n(Do::Ne, 2)], 2),
        ("lt", vec![n(Do::Lt, 2)], 1),
        ("le", vec![n(Do::Le, 2)], 2),
        ("gt", vec![n(Do::Gt, 2)], 1),
        ("ge", vec![n(Do::Ge, 2)], 2),
        ("in", vec![compare(Do::In, "n", [int(1), int(3)].concat())], 2),
        ("in none", vec![compare(Do::In, "n", vec![])], 0),
        ("prefix", vec![compare(Do::Prefix, "t", text("t"))], 2),
        ("bool", vec![compare(Do::Eq, "x", vec![Value::Bool { value: true }])], 1),
        ("null", vec![compare(Do::Eq, "x", vec![Value::Null])], 1),
        ("float", vec![compare(Do::Lt, "n", vec![Value::Float { value: 1.5 }])], 1),
        ("two conditions", vec![n(Do::Gt, 1), n(Do::Lt, 3)], 1),
        ("all", vec![combine(Do::All, 2), n(Do::Gt, 1), n(Do::Lt, 3)], 1),
        ("all of one", vec![combine(Do::All, 1), n(Do::Eq, 1)], 1),
        ("any", vec![combine(Do::Any, 3), n(Do::Eq, 1), n(Do::Eq, 3), n(Do::Eq, 9)], 2),
        ("not", vec![combine(Do::Not, 1), n(Do::Eq, 1)], 2),
        (
            "a tree, and a condition after it",
            vec![
                combine(Do::Any, 2),
                combine(Do::All, 2),
                n(Do::Ge, 2),
                combine(Do::Not, 1),
                n(Do::Eq, 3),
                n(Do::Eq, 1),
                compare(Do::Prefix, "t", text("o")),
            ],
            1,
        ),
    ] {
        assert_eq!(count(&client, conditions).unwrap(), expected, "{name}");
    }
    let nested = Condition { field: texts(&["in", "n"]), ..compare(Do::Eq, "", int(1)) };
    assert_eq!(count(&client, vec![nested]).unwrap(), 1);
}

#[test]
fn what_is_incomplete_is_refused_and_never_a_query_of_more() {
    let client = filled();
    let one = || compare(Do::Eq, "n", int(1));
    for conditions in [
        vec![combine(Do::Not, 1)],
        vec![combine(Do::All, 2), one()],
        vec![combine(Do::Any, 0)],
        vec![combine(Do::All, u32::MAX), one(), one()],
        vec![combine(Do::Any, 2), combine(Do::Not, 1), one()],
        vec![one(), combine(Do::Not, 1)],
        vec![compare(Do::Eq, "n", vec![])],
        vec![compare(Do::Prefix, "t", vec![])],
        vec![compare(Do::Prefix, "t", int(1))],
    ] {
        assert_eq!(
            kind(count(&client, conditions), "a condition of the query is incomplete"),
            ErrorKind::Misuse
        );
    }
}

#[test]
fn conditions_that_are_nested_too_deep_are_refused_and_overflow_no_stack() {
    let client = filled();
    let one = || compare(Do::Eq, "n", int(1));
    let nots = |depth: usize| (0..depth).map(|_| combine(Do::Not, 1)).chain([one()]).collect::<Vec<_>>();
    assert_eq!(count(&client, nots(298)).unwrap(), 1);
    for depth in [300, 100_000] {
        assert_eq!(kind(count(&client, nots(depth)), "conditions"), ErrorKind::InvalidValue);
        let anys = (0..depth).map(|_| combine(Do::Any, 2)).chain((0..=depth).map(|_| one())).collect();
        assert_eq!(kind(count(&client, anys), "conditions"), ErrorKind::InvalidValue);
    }
}

#[test]
fn an_order_a_limit_and_an_offset_are_as_they_are_asked_for() {
    let client = filled();
    let order = vec![OrderOption { field: texts(&["n"]), descending: true }];
    let asked = QueryOptions { order, limit: Some(1), offset: 1, conditions: Vec::new() };
    let bytes = client.query("todo", asked).unwrap().rows().unwrap();
    let rows = String::from_utf8_lossy(&bytes);
    assert!(rows.contains("two") && !rows.contains("one") && !rows.contains("three"), "{rows}");
}
