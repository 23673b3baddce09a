//! Queries, against what a person would expect of each condition.

use super::{Fixture, object, put};
use crate::model::{Change, Field, Filter, Order, QuerySpec, Scalar, field};
use crate::store::{Index, Matched, StoreError};

/// Rows with one field `f` each, by id.
fn fixture() -> Fixture {
    let fixture = Fixture::new();
    let rows = [
        ("absent", "{}"),
        ("false", r#"{"f":false}"#),
        ("five", r#"{"f":5}"#),
        ("half", r#"{"f":5.5}"#),
        ("lower", r#"{"f":"abc"}"#),
        ("null", r#"{"f":null}"#),
        ("quote", r#"{"f":"it's \"x\""}"#),
        ("true", r#"{"f":true}"#),
        ("upper", r#"{"f":"Abd"}"#),
    ];
    fixture.page(1, rows.iter().map(|(id, data)| put(id, data)).collect());
    fixture
}

fn ids(fixture: &Fixture, query: &QuerySpec) -> Vec<String> {
    let ids: Vec<String> =
        fixture.store.query("todo", query).unwrap().into_iter().map(|row| row.id).collect();
    assert_eq!(fixture.store.count_query("todo", query).unwrap(), ids.len() as u64);
    ids
}

fn matching(fixture: &Fixture, filter: Filter) -> Vec<String> {
    let spec = |filter| QuerySpec { filter: Some(filter), ..QuerySpec::default() };
    let found = ids(fixture, &spec(filter.clone()));
    // What does not satisfy a condition satisfies its opposite: there is nothing between.
    let opposite = ids(fixture, &spec(!filter.clone()));
    let mut all: Vec<String> = found.iter().chain(&opposite).cloned().collect();
    all.sort_unstable();
    assert_eq!(all, ids(fixture, &QuerySpec::default()), "{filter:?}");
    // The same is said of each entity alone.
    for row in fixture.store.all("todo").unwrap() {
        let change = Change { before: None, after: Some(row.data), marks: false };
        let matched = fixture.store.matches(&filter, &change).unwrap();
        assert_eq!(matched, Matched { before: false, after: found.contains(&row.id) }, "{filter:?}");
    }
    found
}

#[test]
fn each_condition_holds_where_one_would_expect() {
    let fixture = fixture();
    let f = || field("f");
    let cases: Vec<(Filter, &[&str])> = vec![
        (f().eq(5), &["five"]),
        (f().eq(5.0), &["five"]),
        (f().eq("abc"), &["lower"]),
        (f().eq(r#"it's "x""#), &["quote"]),
        (f().eq(false), &["false"]),
        (f().eq(true), &["true"]),
        (f().eq(None::<i64>), &["absent", "null"]),
        (f().eq(Some(5)), &["five"]),
        (f().is_null(), &["absent", "null"]),
        (f().ne(5), &["absent", "false", "half", "lower", "null", "quote", "true", "upper"]),
        (f().ne(Scalar::Null), &["false", "five", "half", "lower", "quote", "true", "upper"]),
        (f().lt(5.5), &["false", "five", "true"]),
        (f().le(5.5), &["false", "five", "half", "true"]),
        (f().gt(5), &["half"]),
        (f().ge(5), &["five", "half"]),
        (f().lt("abc"), &["upper"]),
        (f().le("abc"), &["lower", "upper"]),
        (f().gt("abc"), &["quote"]),
        (f().ge("abc"), &["lower", "quote"]),
        (f().lt(Scalar::Null), &[]),
        (f().gt(f64::NAN), &[]),
        (f().eq(f64::NAN), &[]),
        (f().ne(f64::NAN), &["absent", "false", "five", "half", "lower", "null", "quote", "true", "upper"]),
        (f().is_in([5, 6]), &["five"]),
        (f().is_in(["abc", "Abd", "x"]), &["lower", "upper"]),
        (f().is_in([Scalar::Null, Scalar::Int(5)]), &["absent", "five", "null"]),
        (f().is_in(Vec::<i64>::new()), &[]),
        (f().prefix("ab"), &["lower"]),
        (f().prefix("A"), &["upper"]),
        (f().prefix("it's \""), &["quote"]),
        (f().prefix(""), &["lower", "quote", "upper"]),
        (f().ge(5).and(f().lt(5.2)), &["five"]),
        (f().eq(5).or(f().eq("abc")).or(f().is_null()), &["absent", "five", "lower", "null"]),
        (!f().eq(5), &["absent", "false", "half", "lower", "null", "quote", "true", "upper"]),
        ((!f().is_null()).and(!f().prefix("")), &["false", "five", "half", "true"]),
    ];
    for (filter, expected) in cases {
        assert_eq!(matching(&fixture, filter.clone()), expected, "{filter:?}");
    }
}

#[test]
fn a_field_may_have_any_name_and_stand_anywhere() {
    let names =
        ["a.b", "a\"b", "a'b", "a\\b", "", " ", "é", "[0]", "$", "#", "a\nb", "x'); DROP TABLE entity; --"];
    for name in names {
        let fixture = Fixture::new();
        let quoted = serde_json::to_string(name).unwrap();
        fixture.page(
            1,
            vec![put("top", &format!("{{{quoted}:1}}")), put("in", &format!("{{\"o\":{{{quoted}:1}}}}"))],
        );
        let query = |by: Field| QuerySpec { filter: Some(by.eq(1)), ..QuerySpec::default() };
        assert_eq!(ids(&fixture, &query(field(name))), ["top"], "{name:?}");
        assert_eq!(ids(&fixture, &query(field("o").field(name))), ["in"], "{name:?}");
        fixture
            .store
            .declare(vec![Index { collection: "todo".to_owned(), fields: vec![field(name)] }])
            .unwrap();
        assert_eq!(ids(&fixture, &query(field(name))), ["top"], "{name:?}");
    }
}

#[test]
fn rows_are_ordered_by_kind_and_value_and_then_by_id() {
    let fixture = fixture();
    let ascending =
        ["absent", "null", "false", "true", "five", "half", "upper", "lower", "quote"].map(str::to_owned);
    let query = |order: Order| QuerySpec { order: vec![order], ..QuerySpec::default() };
    assert_eq!(ids(&fixture, &query("f".into())), ascending);
    let mut descending = ascending;
    descending.reverse();
    assert_eq!(ids(&fixture, &query(field("f").desc())), descending);
}

#[test]
fn a_window_is_cut_from_the_ordered_rows() {
    let fixture = fixture();
    let window = |limit, offset| QuerySpec { limit, offset, ..QuerySpec::default() };
    assert_eq!(ids(&fixture, &window(Some(2), 0)), ["absent", "false"]);
    assert_eq!(ids(&fixture, &window(Some(2), 8)), ["upper"]);
    assert_eq!(ids(&fixture, &window(None, 7)), ["true", "upper"]);
    assert_eq!(ids(&fixture, &window(Some(0), 0)), Vec::<String>::new());
    assert_eq!(ids(&fixture, &window(Some(u64::MAX), u64::MAX)), Vec::<String>::new());
}

#[test]
fn a_declared_index_serves_conditions_and_orders() {
    let fixture = fixture();
    let index = |fields: &[&str]| Index {
        collection: "todo".to_owned(),
        fields: fields.iter().copied().map(Field::from).collect(),
    };
    let plan = |filter: Filter, order: Option<Order>| {
        let query =
            QuerySpec { filter: Some(filter), order: order.into_iter().collect(), ..QuerySpec::default() };
        fixture.store.explain("todo", &query)
    };
    assert!(!plan(field("done").eq(false), None).contains("declared"));
    fixture.store.declare(vec![index(&["done", "title"]), index(&["due"])]).unwrap();
    for (filter, order, expected) in [
        (field("done").eq(false), None, "todo (\"done\", \"title\") (generation=? AND <expr>=?"),
        (
            field("done").eq(false),
            Some("title".into()),
            "todo (\"done\", \"title\") (generation=? AND <expr>=?",
        ),
        (
            field("done").eq(false),
            Some(field("title").desc()),
            "todo (\"done\", \"title\") (generation=? AND <expr>=?",
        ),
        (
            field("done").eq(false).and(field("title").prefix("Buy")),
            None,
            "todo (\"done\", \"title\") (generation=? AND <expr>=? AND <expr>>? AND <expr><?",
        ),
        (field("due").lt("2027"), None, "todo (\"due\") (generation=? AND <expr>>? AND <expr><?"),
        (
            field("due").gt(5).and(field("x").eq(1)),
            None,
            "todo (\"due\") (generation=? AND <expr>>? AND <expr><?",
        ),
        (field("due").is_in([1, 2]), None, "todo (\"due\") (generation=? AND <expr>=?"),
        (field("due").is_null(), None, "todo (\"due\") (generation=? AND <expr>=?"),
    ] {
        let sorts = order.is_none();
        let plan = plan(filter.clone(), order);
        assert!(plan.contains(expected), "{filter:?}: {plan}");
        assert!(sorts || !plan.contains("TEMP B-TREE"), "{filter:?}: {plan}");
    }
}

#[test]
fn indexes_that_are_not_declared_any_more_are_dropped_and_survive_a_reopening_otherwise() {
    let fixture = fixture();
    let index = |name: &str| Index { collection: "todo".to_owned(), fields: vec![name.into()] };
    let used = |fixture: &Fixture, name: &str| {
        let query = QuerySpec { filter: Some(field(name).eq(1)), ..QuerySpec::default() };
        fixture.store.explain("todo", &query).contains("declared")
    };
    fixture.store.declare(vec![index("f"), index("g")]).unwrap();
    let fixture = fixture.reopened();
    assert!(used(&fixture, "f") && used(&fixture, "g"));
    fixture.store.declare(vec![index("g"), index("h")]).unwrap();
    assert!(!used(&fixture, "f") && used(&fixture, "g") && used(&fixture, "h"));
}

#[test]
fn a_query_sees_own_writes_and_not_what_they_hide() {
    let fixture = fixture();
    let fives = QuerySpec { filter: Some(field("f").eq(5)), ..QuerySpec::default() };
    fixture.create("new", r#"{"f":5}"#);
    fixture.update("half", r#"{"f":5}"#);
    fixture.write("five", crate::model::Edit::Delete).unwrap();
    assert_eq!(ids(&fixture, &fives), ["half", "new"]);
    let pending: Vec<bool> =
        fixture.store.query("todo", &fives).unwrap().iter().map(|row| row.pending).collect();
    assert_eq!(pending, [true, true]);
}

#[test]
fn a_query_of_too_many_conditions_says_so() {
    let fixture = Fixture::new();
    let many = |count: usize| {
        let any = (1..count).fold(field("n").eq(0), |any, number| any.or(field("n").eq(number as u64)));
        let query = QuerySpec { filter: Some(any), ..QuerySpec::default() };
        fixture.store.query("todo", &query)
    };
    assert_eq!(many(299).unwrap(), []);
    assert!(matches!(many(301), Err(StoreError::Invalid { what: "the query", .. })));
}

#[test]
fn what_is_written_with_an_index_can_be_found_by_it() {
    let fixture = Fixture::new();
    fixture.store.declare(vec![Index { collection: "todo".to_owned(), fields: vec!["n".into()] }]).unwrap();
    for number in 0..50 {
        fixture.create(&number.to_string(), &format!(r#"{{"n":{}}}"#, number % 7));
    }
    fixture.update("3", r#"{"n":null}"#);
    let threes = QuerySpec { filter: Some(field("n").eq(3)), ..QuerySpec::default() };
    assert_eq!(ids(&fixture, &threes), ["10", "17", "24", "31", "38", "45"]);
    drop(object("{}"));
}

#[test]
fn declared_indexes_may_differ_in_upper_and_lower_case_only() {
    let fixture = Fixture::new();
    let index =
        |collection: &str, name: &str| Index { collection: collection.to_owned(), fields: vec![name.into()] };
    let all = vec![index("todo", "userId"), index("todo", "userid"), index("Todo", "userId")];
    fixture.store.declare(all.clone()).unwrap();
    fixture.store.declare(all).unwrap();
    fixture.page(1, vec![put("a", r#"{"userId":1,"userid":2}"#)]);
    for (name, value) in [("userId", 1), ("userid", 2)] {
        let query = QuerySpec { filter: Some(field(name).eq(value)), ..QuerySpec::default() };
        assert_eq!(ids(&fixture, &query), ["a"]);
        assert!(fixture.store.explain("todo", &query).contains(&format!("(\"{name}\")")));
    }
}

#[test]
fn a_collection_whose_name_sql_cannot_say_is_refused_at_the_door() {
    let fixture = Fixture::new();
    let key = crate::model::EntityKey::new("a\0b", "x");
    let intent = crate::model::Intent::Entity(key.clone(), crate::model::Edit::Create(object("{}")));
    let invalid = |result: Result<(), StoreError>| {
        assert!(
            matches!(result, Err(StoreError::Invalid { what: "the collection's name", .. })),
            "{result:?}"
        );
    };
    invalid(fixture.store.write(vec![super::mutation("m", intent)]));
    invalid(fixture.store.query(&key.collection, &QuerySpec::default()).map(drop));
    invalid(fixture.store.declare(vec![Index { collection: key.collection, fields: vec!["f".into()] }]));
}

#[test]
fn a_query_that_nests_or_orders_too_much_says_so() {
    let fixture = Fixture::new();
    let nested = (0..300).fold(field("f").eq(1), |filter, _| !filter);
    let query = QuerySpec { filter: Some(nested), ..QuerySpec::default() };
    assert!(matches!(
        fixture.store.query("todo", &query),
        Err(StoreError::Invalid { what: "the query", .. })
    ));
    let deep = (0..299).fold(field("f").eq(1), |filter, _| !filter);
    let query = QuerySpec { filter: Some(deep), ..QuerySpec::default() };
    assert_eq!(fixture.store.query("todo", &query).unwrap(), []);
    let query = QuerySpec { order: vec![Order::from("f"); 65], ..QuerySpec::default() };
    assert!(matches!(
        fixture.store.query("todo", &query),
        Err(StoreError::Invalid { what: "the query", .. })
    ));
}
