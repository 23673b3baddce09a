//! Previews.

use std::time::Duration;

use mizu_sync::testing::{PreviewError, preview};

use crate::{SCOPE, Todo, todos};

const ROWS: &str =
    r#"{"todo":{"t1":{"title":"Milk","done":false},"t2":{"title":"Bread","done":true}},"list":{"l":{}}}"#;

#[test]
fn rows_look_as_if_the_server_had_confirmed_them() {
    let client = preview(SCOPE).json(ROWS).open().unwrap();
    let rows = todos(&client).all().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[0].id.as_str(), &rows[0].value), ("t1", &Todo::new("Milk")));
    assert!(rows.iter().all(|row| !row.pending && !row.rejected));
    assert_eq!((client.pending().unwrap().len(), client.rejected().unwrap().len()), (0, 0));
    client.wait_for_first_sync(Duration::ZERO).unwrap();
}

#[test]
fn rows_of_the_apps_own_types_and_of_json_stand_side_by_side() {
    let client = preview(SCOPE).json(ROWS).row("todo", "t3", &Todo::new("Eggs")).open().unwrap();
    assert_eq!(todos(&client).count().unwrap(), 3);
    assert_eq!(client.collection::<serde_json::Value>("list").count().unwrap(), 1);
}

#[test]
fn a_pending_row_shows_its_badge_and_its_mutation() {
    let client = preview(SCOPE).json(ROWS).pending("todo", "t1").open().unwrap();
    let row = |id| todos(&client).row(id).unwrap().unwrap();
    assert!(row("t1").pending && !row("t1").rejected && !row("t2").pending);
    assert_eq!(client.pending().unwrap()[0].name, "todo.create");
}

#[test]
fn a_rejected_row_says_why() {
    let client =
        preview(SCOPE).json(ROWS).rejected("todo", "t2", "conflict", "somebody was faster").open().unwrap();
    let row = todos(&client).row("t2").unwrap().unwrap();
    assert!(row.rejected && !row.pending);
    let rejected = client.rejected().unwrap();
    assert_eq!((rejected[0].code.as_str(), rejected[0].error.as_str()), ("conflict", "somebody was faster"));
}

#[test]
fn a_row_may_be_both_pending_and_rejected() {
    let client = preview(SCOPE)
        .json(ROWS)
        .pending("todo", "t1")
        .rejected("todo", "t1", "forbidden", "no")
        .open()
        .unwrap();
    let row = todos(&client).row("t1").unwrap().unwrap();
    assert!(row.rejected && row.pending);
    assert_eq!((client.pending().unwrap().len(), client.rejected().unwrap().len()), (1, 1));
}

#[test]
fn a_preview_can_be_written_to() {
    let client = preview(SCOPE).json(ROWS).open().unwrap();
    todos(&client).get("t1").update(|todo| todo.done = true).unwrap();
    let row = todos(&client).row("t1").unwrap().unwrap();
    assert!(row.pending && row.value.done);
}

#[test]
fn what_is_wrong_with_a_preview_is_said() {
    let error = |made: Result<mizu_sync::Client, PreviewError>| made.map(drop).unwrap_err().to_string();
    let text = error(preview(SCOPE).json("[]").open());
    assert!(
        text.starts_with(r#"the rows must be JSON such as {"todo":{"t1":{"title":"Milk"}}}: "#),
        "{text}"
    );
    assert_eq!(error(preview(SCOPE).json(r#"{"todo":{"t1":7}}"#).open()), r#"todo "t1" is no JSON object"#);
    assert_eq!(
        error(preview(SCOPE).json(ROWS).pending("todo", "t9").open()),
        r#"todo "t9" is to be marked, and is not there: give it first"#
    );
    assert!(error(preview("").open()).contains("scope"));
}
