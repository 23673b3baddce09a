//! Several writes are kept together or not at all.

use std::sync::Arc;

use super::super::{Changed, ErrorKind, Expected, Write};
use super::{By, client, create, kind, thrown, to};

fn new(id: &str) -> Write {
    Write::Create { collection: "todo".to_owned(), id: id.to_owned(), data: r#"{"n":1}"#.to_owned() }
}

#[test]
fn nothing_is_written_when_somebody_else_has_changed_what_it_updates() {
    let client = client();
    create(&client, "a", r#"{"n":1}"#);
    let batch = client.batch();
    batch.write(new("b")).unwrap();
    batch.change("todo", "a", false, to(r#"{"n":2}"#)).unwrap();
    client.change("todo", "a", true, to(r#"{"n":9}"#)).unwrap();
    assert_eq!(kind(batch.commit(), "was changed meanwhile"), ErrorKind::ChangedMeanwhile);
    assert_eq!(client.get("todo", "a").unwrap().unwrap(), r#"{"n":9}"#);
    assert!(!client.has("todo", "b").unwrap());
    assert_eq!(client.pending().unwrap().len(), 2);
    // It begins anew.
    assert_eq!(batch.commit().unwrap(), Vec::<String>::new());
}

#[test]
fn a_change_may_ask_the_batch_that_it_is_for() {
    let client = client();
    let batch = client.batch();
    batch.write(new("a")).unwrap();
    let asked = Arc::clone(&batch);
    let change = By(move |before: String| {
        // It is being changed, and is nobody's for this moment.
        asked.get("todo", "a").unwrap();
        Ok(Changed { before: Some(before), after: r#"{"n":2}"#.to_owned() })
    });
    batch.change("todo", "a", false, Arc::new(change)).unwrap();
    assert_eq!(batch.get("todo", "a").unwrap().unwrap(), r#"{"n":2}"#);
    assert_eq!(batch.commit().unwrap().len(), 2);
    assert_eq!(client.get("todo", "a").unwrap().unwrap(), r#"{"n":2}"#);
}

#[test]
fn a_change_that_fails_leaves_the_batch_as_it_was() {
    let client = client();
    let batch = client.batch();
    batch.write(new("a")).unwrap();
    let failing = Arc::new(By(|_: String| Err::<Changed, _>(thrown())));
    assert_eq!(
        kind(batch.change("todo", "a", false, failing), "the app's own code failed"),
        ErrorKind::Callback
    );
    let no_object = batch.change("todo", "a", true, to("[]"));
    assert_eq!(kind(no_object, "does not serialise to a JSON object"), ErrorKind::InvalidValue);
    assert_eq!(batch.commit().unwrap().len(), 1);
    assert_eq!(client.get("todo", "a").unwrap().unwrap(), r#"{"n":1}"#);
}

#[test]
fn what_a_mutation_is_expected_to_do_is_undone_with_it() {
    let client = client();
    let batch = client.batch();
    batch.write(new("a")).unwrap();
    let id = batch.commit_as(Expected { name: "tick".to_owned(), args: "[1]".to_owned() }).unwrap();
    assert!(client.has("todo", "a").unwrap());
    client.discard(&id).unwrap();
    assert!(!client.has("todo", "a").unwrap());
    let bad = client.batch().commit_as(Expected { name: "tick".to_owned(), args: "{".to_owned() });
    assert_eq!(kind(bad, "the arguments of \"tick\" cannot be stored"), ErrorKind::InvalidValue);
}
