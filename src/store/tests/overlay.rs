use super::*;

#[test]
fn a_write_is_shown_at_once_and_after_the_process_died() {
    let fixture = Fixture::new();
    fixture.create("a", r#"{"n":1}"#);
    assert_eq!(fixture.shown("a").as_deref(), Some(r#"{"n":1}"#));
    let fixture = fixture.reopened();
    assert_eq!(fixture.shown("a").as_deref(), Some(r#"{"n":1}"#));
    assert_eq!(fixture.store.counts().pending, 1);
}

#[test]
fn an_id_that_is_visible_cannot_be_created_again() {
    let fixture = Fixture::new();
    fixture.create("a", "{}");
    let error = fixture.write("a", Edit::Create(object("{}"))).unwrap_err();
    assert_eq!(error, StoreError::AlreadyExists { entity: todo("a") });
    assert_eq!(fixture.store.counts().pending, 1);
}

#[test]
fn an_id_that_was_deleted_can_be_created_again() {
    let fixture = Fixture::new();
    fixture.create("a", r#"{"n":1}"#);
    fixture.write("a", Edit::Delete).unwrap();
    assert_eq!(fixture.shown("a"), None);
    fixture.create("a", r#"{"n":2}"#);
    assert_eq!(fixture.shown("a").as_deref(), Some(r#"{"n":2}"#));
}

#[test]
fn other_peoples_changes_come_under_the_local_ones() {
    let fixture = Fixture::new();
    fixture.page(1, vec![put("a", r#"{"title":"Milk","done":false}"#)]);
    fixture.update("a", r#"{"done":true}"#);
    fixture.page(2, vec![put("a", r#"{"title":"Oat milk","done":false}"#)]);
    assert_eq!(fixture.shown("a").as_deref(), Some(r#"{"title":"Oat milk","done":true}"#));
}

#[test]
fn a_change_of_fields_does_not_bring_back_what_others_deleted() {
    let fixture = Fixture::new();
    fixture.page(1, vec![put("a", r#"{"n":1}"#)]);
    fixture.update("a", r#"{"n":2}"#);
    fixture.page(2, vec![gone("a")]);
    assert_eq!(fixture.shown("a"), None);
    fixture.page(3, vec![put("a", r#"{"n":7,"m":1}"#)]);
    assert_eq!(fixture.shown("a").as_deref(), Some(r#"{"n":2,"m":1}"#));
}

#[test]
fn a_created_entity_stays_although_the_server_deleted_its_namesake() {
    let fixture = Fixture::new();
    fixture.create("a", r#"{"n":1}"#);
    fixture.page(1, vec![put("a", r#"{"n":9}"#), gone("a")]);
    assert_eq!(fixture.shown("a").as_deref(), Some(r#"{"n":1}"#));
}

#[test]
fn after_a_rejection_in_the_middle_the_later_writes_keep_their_values() {
    let fixture = Fixture::new();
    fixture.create("a", r#"{"x":1,"y":1}"#);
    fixture.update("a", r#"{"x":2}"#);
    fixture.update("a", r#"{"y":2}"#);
    fixture.reject(2);
    assert_eq!(fixture.shown("a").as_deref(), Some(r#"{"x":1,"y":2}"#));
}

#[test]
fn a_rejected_creation_disappears_and_its_changes_with_it() {
    let fixture = Fixture::new();
    fixture.create("a", r#"{"x":1}"#);
    fixture.update("a", r#"{"x":2}"#);
    fixture.reject(1);
    assert_eq!(fixture.shown("a"), None);
    fixture.reject(2);
    assert_eq!(fixture.shown("a"), None);
    assert_eq!(fixture.store.counts().rejected, 2);
}

#[test]
fn a_row_says_whether_writes_to_it_are_pending_or_rejected() {
    let fixture = Fixture::new();
    fixture.page(1, vec![put("a", r#"{"n":1}"#)]);
    let flags = || {
        let row = fixture.store.get(&todo("a")).unwrap().unwrap();
        (row.pending, row.rejected)
    };
    assert_eq!(flags(), (false, false));
    fixture.update("a", r#"{"n":2}"#);
    assert_eq!(flags(), (true, false));
    fixture.reject(1);
    assert_eq!(flags(), (false, true));
}

#[test]
fn setting_a_value_leaves_fields_that_the_app_does_not_know() {
    let fixture = Fixture::new();
    fixture.page(1, vec![put("a", r#"{"title":"Milk","colour":"red","old":1}"#)]);
    let edit = Edit::Set { known: object(r#"{"title":"Bread"}"#), gone: vec!["old".to_owned()] };
    fixture.write("a", edit).unwrap();
    assert_eq!(fixture.shown("a").as_deref(), Some(r#"{"title":"Bread","colour":"red"}"#));
}

#[test]
fn a_write_that_fails_leaves_no_trace_of_the_others_in_its_batch() {
    let fixture = Fixture::new();
    fixture.create("taken", "{}");
    let batch = vec![
        mutation("m1", Intent::Entity(todo("new"), Edit::Create(object("{}")))),
        mutation("m2", Intent::Entity(todo("taken"), Edit::Create(object("{}")))),
    ];
    assert!(fixture.store.write(batch).is_err());
    assert_eq!(fixture.shown("new"), None);
    assert_eq!(fixture.store.counts().pending, 1);
}

#[test]
fn a_thousand_pending_writes_are_rebased_by_one_page() {
    let fixture = Fixture::new();
    fixture.page(1, vec![put("a", r#"{"n":0,"m":0}"#)]);
    for number in 1..=1_000 {
        fixture.update("a", &format!(r#"{{"n":{number}}}"#));
    }
    fixture.page(2, vec![put("a", r#"{"n":5,"m":5}"#)]);
    assert_eq!(fixture.shown("a").as_deref(), Some(r#"{"n":1000,"m":5}"#));
}
