use super::*;
use crate::model::{Page, Stage, Unreadable};

fn stage(generation: u64, at: u64, after: Option<&str>) -> Stage {
    let after = after.map(todo);
    Stage { generation, cursor: cursor(at), tag: None, newest_page: None, after, rows: 1, total: None }
}

#[test]
fn a_snapshot_is_not_seen_before_it_is_swapped_in() {
    let fixture = Fixture::new();
    fixture.page(1, vec![put("old", "{}")]);
    let generation = fixture.store.stage_begin().unwrap();
    fixture.store.stage_rows((0, generation), &[put("new", "{}")], &[]).unwrap();
    assert_eq!((fixture.shown("old").is_some(), fixture.shown("new").is_some()), (true, false));
    fixture.store.swap(&stage(generation, 9, None), 1).unwrap();
    assert_eq!((fixture.shown("old").is_some(), fixture.shown("new").is_some()), (false, true));
    assert_eq!(fixture.store.replica().unwrap().cursor, cursor(9));
}

#[test]
fn writes_made_while_a_snapshot_is_staged_lie_over_it_after_the_swap() {
    let fixture = Fixture::new();
    fixture.page(1, vec![put("a", r#"{"n":1}"#)]);
    let generation = fixture.store.stage_begin().unwrap();
    fixture.store.stage_rows((0, generation), &[put("a", r#"{"n":2,"m":2}"#)], &[]).unwrap();
    fixture.update("a", r#"{"n":7}"#);
    fixture.create("b", r#"{"n":8}"#);
    fixture.store.swap(&stage(generation, 9, None), 1).unwrap();
    assert_eq!(fixture.shown("a").as_deref(), Some(r#"{"n":7,"m":2}"#));
    assert_eq!(fixture.shown("b").as_deref(), Some(r#"{"n":8}"#));
}

#[test]
fn a_swap_settles_what_the_snapshot_confirms_and_keeps_the_rest() {
    let fixture = Fixture::new();
    fixture.create("a", r#"{"n":1}"#);
    fixture.create("b", r#"{"n":2}"#);
    fixture.ack(1, 5);
    fixture.ack(2, 15);
    let generation = fixture.store.stage_begin().unwrap();
    fixture.store.stage_rows((0, generation), &[put("a", r#"{"n":1}"#)], &[]).unwrap();
    fixture.store.swap(&stage(generation, 9, None), 1).unwrap();
    assert_eq!(fixture.store.counts().acked, 1);
    assert_eq!(fixture.shown("b").as_deref(), Some(r#"{"n":2}"#));
    assert!(!fixture.store.get(&todo("a")).unwrap().unwrap().pending);
}

#[test]
fn a_snapshot_goes_on_after_the_process_died() {
    let fixture = Fixture::new();
    let generation = fixture.store.stage_begin().unwrap();
    fixture.store.stage_rows((0, generation), &[put("a", "{}")], &[]).unwrap();
    fixture.store.stage_checkpoint(&stage(generation, 9, Some("a"))).unwrap();
    let fixture = fixture.reopened();
    assert_eq!(fixture.store.replica().unwrap().stage, Some(stage(generation, 9, Some("a"))));
    assert!(!fixture.store.sweep(100).unwrap());
    fixture.store.stage_rows((0, generation), &[put("b", "{}")], &[]).unwrap();
    fixture.store.swap(&stage(generation, 9, None), 1).unwrap();
    assert_eq!(fixture.store.count("todo").unwrap(), 2);
}

#[test]
fn a_snapshot_that_was_never_checkpointed_leaves_nothing_to_the_next_one() {
    let fixture = Fixture::new();
    let first = fixture.store.stage_begin().unwrap();
    fixture.store.stage_rows((0, first), &[put("ghost", "{}")], &[]).unwrap();
    let fixture = fixture.reopened();
    let second = fixture.store.stage_begin().unwrap();
    assert!(second > first);
    fixture.store.stage_rows((0, second), &[put("a", "{}")], &[]).unwrap();
    fixture.store.swap(&stage(second, 9, None), 1).unwrap();
    assert_eq!(fixture.shown("ghost"), None);
}

#[test]
fn old_generations_are_deleted_in_chunks() {
    let fixture = Fixture::new();
    fixture.page(1, (0..25).map(|number| put(&format!("old-{number}"), "{}")).collect());
    let generation = fixture.store.stage_begin().unwrap();
    fixture.store.stage_rows((0, generation), &[put("new", "{}")], &[]).unwrap();
    fixture.store.swap(&stage(generation, 9, None), 1).unwrap();
    assert!(fixture.store.sweep(10).unwrap());
    assert!(fixture.store.sweep(10).unwrap());
    assert!(!fixture.store.sweep(10).unwrap());
    assert_eq!(fixture.store.count("todo").unwrap(), 1);
}

#[test]
fn pages_pulled_into_a_stage_do_not_show() {
    let fixture = Fixture::new();
    fixture.page(1, vec![put("a", r#"{"n":1}"#)]);
    let generation = fixture.store.stage_begin().unwrap();
    let staged = stage(generation, 5, None);
    fixture.store.stage_rows((0, generation), &[put("a", r#"{"n":2}"#)], &[]).unwrap();
    let page = Page { changes: vec![put("a", r#"{"n":3}"#)], cursor: cursor(6), ..Page::default() };
    fixture.store.stage_page(&staged, &page).unwrap();
    assert_eq!(fixture.shown("a").as_deref(), Some(r#"{"n":1}"#));
    assert_eq!(fixture.store.replica().unwrap().stage.unwrap().cursor, cursor(6));
    fixture.store.swap(&stage(generation, 6, None), 1).unwrap();
    assert_eq!(fixture.shown("a").as_deref(), Some(r#"{"n":3}"#));
}

#[test]
fn rows_of_a_snapshot_that_was_given_up_are_not_kept() {
    let fixture = Fixture::new();
    let given_up = fixture.store.stage_begin().unwrap();
    fixture.store.stage_drop().unwrap();
    let generation = fixture.store.stage_begin().unwrap();
    assert_ne!(generation, given_up, "a late page of the one would get into the other");
    fixture.store.stage_rows((0, given_up), &[put("stale", "{}")], &[]).unwrap();
    fixture.store.swap(&stage(generation, 9, None), 1).unwrap();
    fixture.store.stage_rows((0, generation), &[put("late", "{}")], &[]).unwrap();
    assert_eq!((fixture.shown("stale"), fixture.shown("late")), (None, None));
}

#[test]
fn rows_asked_for_by_a_former_session_come_too_late() {
    let fixture = Fixture::new();
    let generation = fixture.store.stage_begin().unwrap();
    let former = fixture.store.session();
    fixture.store.begin_session().unwrap();
    fixture.store.stage_rows((former, generation), &[put("a", "{}")], &[]).unwrap();
    fixture.store.swap(&stage(generation, 9, None), 1).unwrap();
    assert_eq!(fixture.shown("a"), None);
}

#[test]
fn what_cannot_be_read_and_has_no_cursor_is_kept_once() {
    let fixture = Fixture::new();
    let unreadable = || Unreadable { cursor: None, reason: "odd".to_owned(), raw: Some("{}".to_owned()) };
    let page = |unreadable| Page {
        changes: Vec::new(),
        unreadable,
        cursor: cursor(1),
        tag: None,
        round: 1,
        ends_round: true,
    };
    assert_eq!(fixture.store.apply_page(&page(vec![unreadable()])).unwrap().quarantined, 1);
    assert_eq!(fixture.store.apply_page(&page(vec![unreadable()])).unwrap().quarantined, 0);
    let another = Unreadable { reason: "odder".to_owned(), ..unreadable() };
    assert_eq!(fixture.store.apply_page(&page(vec![another])).unwrap().quarantined, 1);
}

#[test]
fn of_what_cannot_be_read_the_newest_thousand_are_kept() {
    let fixture = Fixture::new();
    let change = |at| Unreadable { cursor: Some(cursor(at)), reason: "odd".to_owned(), raw: None };
    let unreadable = (1..=1_500).map(change).collect();
    let page = Page {
        changes: Vec::new(),
        unreadable,
        cursor: cursor(1_500),
        tag: None,
        round: 1,
        ends_round: true,
    };
    fixture.store.apply_page(&page).unwrap();
    assert_eq!(fixture.store.replica().unwrap().quarantined, 1_000);
}
