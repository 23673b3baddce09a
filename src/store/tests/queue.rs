use std::time::Duration;

use super::*;
use crate::model::{Batch, Meaning, Patch};

fn custom(fixture: &Fixture, id: &str, expected: Vec<(EntityKey, Edit)>) {
    let args = serde_json::value::to_raw_value(&7).unwrap();
    let intent = Intent::Custom { name: "todo.count".to_owned(), args, expected };
    fixture.store.write(vec![mutation(id, intent)]).unwrap();
}

fn fail(fixture: &Fixture, seq: u64, suspect: bool) {
    let error = "boom".to_owned();
    fixture.record(seq, Outcome::Failed { error, at: AT, suspect, not_applied_before: Some(AT) });
}

/// So many days of the server's time after the beginning.
fn days(days: u64) -> Option<Timestamp> {
    Some(AT.plus(Duration::from_secs(days * 24 * 3600)))
}

fn taken_at(fixture: &Fixture, server_now: Option<Timestamp>) -> Batch {
    fixture.store.take_batch(&BatchRequest { server_now, ..request() }).unwrap()
}

#[test]
fn a_batch_holds_mutations_in_the_order_of_their_making() {
    let fixture = Fixture::new();
    for id in ["c", "a", "b"] {
        fixture.create(id, "{}");
    }
    assert_eq!(fixture.next(Wire::Extended), [1, 2, 3]);
}

#[test]
fn a_batch_ends_before_it_is_too_large() {
    let fixture = Fixture::new();
    let data = format!(r#"{{"text":"{}"}}"#, "x".repeat(400 * 1024));
    for id in ["a", "b", "c"] {
        fixture.create(id, &data);
    }
    assert_eq!(fixture.next(Wire::Extended), [1, 2]);
}

#[test]
fn a_plain_batch_ends_before_an_entity_comes_again() {
    let fixture = Fixture::new();
    fixture.create("a", "{}");
    fixture.create("b", "{}");
    fixture.update("a", r#"{"n":1}"#);
    assert_eq!(fixture.next(Wire::Plain), [1, 2]);
    assert_eq!(fixture.next(Wire::Extended), [1, 2, 3]);
}

#[test]
fn a_mutation_without_known_entities_goes_alone_to_a_plain_server() {
    let fixture = Fixture::new();
    fixture.create("a", "{}");
    custom(&fixture, "m-2", Vec::new());
    fixture.create("b", "{}");
    assert_eq!(fixture.next(Wire::Plain), [1]);
    fixture.ack(1, 1);
    assert_eq!(fixture.next(Wire::Plain), [2]);
    fixture.ack(2, 2);
    assert_eq!(fixture.next(Wire::Plain), [3]);
}

#[test]
fn what_shares_an_entity_with_a_suspect_waits_and_the_rest_goes_on() {
    let fixture = Fixture::new();
    fixture.create("a", "{}");
    fixture.update("a", r#"{"n":1}"#);
    fixture.create("b", "{}");
    fail(&fixture, 1, true);
    assert_eq!(fixture.next(Wire::Extended), [3]);
}

#[test]
fn what_waits_holds_back_what_rests_on_it() {
    let fixture = Fixture::new();
    fixture.create("a", "{}");
    custom(&fixture, "m-2", vec![(todo("a"), Edit::Delete), (todo("b"), Edit::Create(object("{}")))]);
    fixture.update("b", r#"{"n":1}"#);
    fail(&fixture, 1, true);
    assert!(fixture.next(Wire::Extended).is_empty());
}

#[test]
fn a_suspect_can_be_taken_alone() {
    let fixture = Fixture::new();
    fixture.create("a", "{}");
    fail(&fixture, 1, true);
    let only = BatchRequest { selection: Selection::Only(1), ..request() };
    assert_eq!(fixture.store.take_batch(&only).unwrap().mutations[0].seq, 1);
}

#[test]
fn a_partial_change_for_a_plain_server_is_the_whole_object_as_it_stands_there() {
    let fixture = Fixture::new();
    fixture.page(1, vec![put("a", r#"{"x":1,"y":1}"#)]);
    fixture.update("a", r#"{"x":2}"#);
    fixture.update("a", r#"{"y":2}"#);
    let plain = BatchRequest { wire: Wire::Plain, whole: true, ..request() };
    let batch = fixture.store.take_batch(&plain).unwrap();
    let Meaning::Entity { patch: Patch::Fields { .. }, whole: Some(whole), .. } = &batch.mutations[0].meaning
    else {
        panic!("another meaning");
    };
    assert_eq!(whole.as_str(), r#"{"x":2,"y":1}"#);
}

#[test]
fn what_was_sent_and_not_answered_for_sixty_days_is_not_sent_again() {
    let fixture = Fixture::new();
    fixture.create("a", "{}");
    let at = |server_now| taken_at(&fixture, server_now);
    assert_eq!(at(days(0)).mutations.len(), 1);
    assert_eq!(at(days(60)).mutations.len(), 1);
    let late = at(days(61));
    assert_eq!((late.mutations.len(), late.expired), (0, vec![1]));
    assert_eq!(at(None).mutations.len(), 1, "without the server's time nothing is judged");
}

#[test]
fn what_is_not_sent_because_something_older_has_to_be_decided_first_does_not_age() {
    let fixture = Fixture::new();
    let at = |server_now| taken_at(&fixture, server_now);
    fixture.create("old", "{}");
    at(days(0));
    fixture.create("young", "{}");
    let first = at(days(61));
    assert_eq!((first.mutations.len(), first.expired), (0, vec![1]), "the engine sends nothing of it");
    fixture.reject(1);
    assert_eq!(at(days(100)).mutations.len(), 1);
    assert_eq!(at(days(130)).mutations.len(), 1, "it was sent 30 days ago");
}

#[test]
fn the_age_of_a_mutation_counts_from_its_first_sending() {
    let fixture = Fixture::new();
    fixture.create("a", "{}");
    let at = |server_now| taken_at(&fixture, server_now);
    at(days(0));
    at(days(50));
    assert_eq!(at(days(61)).expired, [1]);
}

#[test]
fn an_answer_that_it_was_not_applied_makes_a_mutation_young_again() {
    let fixture = Fixture::new();
    fixture.create("a", "{}");
    let at = |server_now| taken_at(&fixture, server_now);
    at(days(0));
    let error = "busy".to_owned();
    let failed = Outcome::Failed { error, at: AT, suspect: false, not_applied_before: days(50) };
    fixture.record(1, failed);
    assert_eq!(at(days(110)).mutations.len(), 1);
    // A copy that was never answered may have been on its way for longer than the answered one.
    assert_eq!(at(days(111)).expired, [1]);
}

#[test]
fn an_answer_of_unknown_time_leaves_a_mutation_as_old_as_it_was() {
    let fixture = Fixture::new();
    fixture.create("a", "{}");
    let at = |server_now| taken_at(&fixture, server_now);
    at(days(0));
    let error = "busy".to_owned();
    fixture.record(1, Outcome::Failed { error, at: AT, suspect: false, not_applied_before: None });
    assert_eq!(at(days(61)).expired, [1]);
}

#[test]
fn a_retry_is_a_new_mutation_at_the_tail_that_remembers_the_old_one() {
    let fixture = Fixture::new();
    fixture.create("a", r#"{"n":1}"#);
    fixture.create("b", "{}");
    fixture.reject(1);
    fixture.store.retry("m-a", None, "m-new", AT).unwrap();
    assert_eq!(fixture.shown("a").as_deref(), Some(r#"{"n":1}"#));
    assert!(fixture.store.rejected().unwrap().is_empty());
    let pending = fixture.store.pending().unwrap();
    assert_eq!(pending.iter().map(|mutation| mutation.seq).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(pending[1].retries.as_deref(), Some("m-a"));
    assert_eq!(pending[1].args, r#"{"id":"a","data":{"n":1}}"#);
}

#[test]
fn a_retry_can_have_other_arguments() {
    let fixture = Fixture::new();
    fixture.create("a", r#"{"n":1}"#);
    fixture.reject(1);
    fixture.store.retry("m-a", Some(r#"{"id":"b","data":{"n":2}}"#), "m-new", AT).unwrap();
    assert_eq!((fixture.shown("a"), fixture.shown("b").as_deref()), (None, Some(r#"{"n":2}"#)));
}

#[test]
fn arguments_that_do_not_fit_leave_the_rejected_mutation_as_it_was() {
    let fixture = Fixture::new();
    fixture.create("a", r#"{"n":1}"#);
    fixture.reject(1);
    let error = fixture.store.retry("m-a", Some("[1]"), "m-new", AT).unwrap_err();
    assert!(matches!(error, StoreError::Invalid { .. }), "{error}");
    assert_eq!(fixture.store.rejected().unwrap().len(), 1);
}

#[test]
fn only_a_rejected_mutation_can_be_retried() {
    let fixture = Fixture::new();
    fixture.create("a", "{}");
    let error = fixture.store.retry("m-a", None, "m-new", AT).unwrap_err();
    assert_eq!(error.to_string(), "no rejected mutation has the id m-a");
}

#[test]
fn discarding_a_pending_mutation_undoes_what_it_did() {
    let fixture = Fixture::new();
    fixture.page(1, vec![put("a", r#"{"n":1}"#)]);
    fixture.update("a", r#"{"n":2}"#);
    fixture.store.discard("m-a").unwrap();
    assert_eq!(fixture.shown("a").as_deref(), Some(r#"{"n":1}"#));
    assert_eq!(fixture.store.counts().pending, 0);
}

#[test]
fn an_outcome_for_a_discarded_mutation_is_passed_over() {
    let fixture = Fixture::new();
    fixture.create("a", "{}");
    fixture.next(Wire::Extended);
    fixture.store.discard("m-a").unwrap();
    fixture.ack(1, 5);
    assert_eq!(fixture.store.counts(), crate::model::Counts::default());
}

#[test]
fn numbers_of_mutations_are_never_given_twice() {
    let fixture = Fixture::new();
    fixture.create("a", "{}");
    fixture.store.discard("m-a").unwrap();
    let fixture = fixture.reopened();
    fixture.create("b", "{}");
    assert_eq!(fixture.next(Wire::Extended), [2]);
}

/// What damages the mutation 2, which is of the entity `b`.
const DAMAGE: [&str; 9] = [
    "UPDATE patch SET body = CAST(x'7b2261223a22ff227d' AS TEXT) WHERE seq = 2",
    "UPDATE patch SET body = '{' WHERE seq = 2",
    "UPDATE patch SET op = 'x' WHERE seq = 2",
    "UPDATE patch SET collection = CAST(x'746fff646f' AS TEXT) WHERE seq = 2",
    "DELETE FROM patch WHERE seq = 2",
    "UPDATE mutation SET id = CAST(x'6d2dff' AS TEXT) WHERE seq = 2",
    "UPDATE mutation SET args = CAST(x'22ff22' AS TEXT) WHERE seq = 2",
    "UPDATE mutation SET created_at = 'soon' WHERE seq = 2",
    "UPDATE mutation SET failures = -1 WHERE seq = 2",
];

fn damaged(sql: &str) -> Fixture {
    let fixture = Fixture::new();
    for id in ["a", "b", "c"] {
        fixture.create(id, r#"{"a":"x"}"#);
    }
    let file = rusqlite::Connection::open(fixture.folder.path().join("todos.db")).unwrap();
    assert_eq!(file.execute(sql, []).unwrap(), 1, "{sql}");
    fixture
}

#[test]
fn a_mutation_that_cannot_be_read_is_named_shown_and_discarded_and_the_others_go_on() {
    for sql in DAMAGE {
        for whole in [false, true] {
            let fixture = damaged(sql);
            let store = &fixture.store;
            assert_eq!(store.pending().unwrap().len(), 3, "{sql}");
            let batch = store.take_batch(&BatchRequest { whole, ..request() }).unwrap();
            assert_eq!((batch.damaged, batch.mutations.len()), (vec![2], 0), "{sql}: it is decided first");
            let (code, error) = ("damaged".to_owned(), "no".to_owned());
            let told = store.record(&[(2, Outcome::Rejected { code, error })], AT).unwrap();
            assert_eq!((told.len(), &*told[0].code), (1, "damaged"), "{sql}");
            assert_eq!(store.rejected().unwrap(), told, "{sql}");
            assert_eq!(store.rejected_at(2).unwrap().as_ref(), Some(&told[0]), "{sql}");
            assert_eq!(store.pending().unwrap().len(), 2, "{sql}");
            assert_eq!(fixture.next(Wire::Extended), [1, 3], "{sql}");
            assert_eq!(store.all("todo").unwrap().iter().filter(|row| row.id != "b").count(), 2, "{sql}");
            store.discard(&told[0].id).unwrap();
            assert_eq!(store.rejected().unwrap(), [], "{sql}");
        }
    }
}

#[test]
fn what_cannot_be_read_of_a_mutation_is_not_sent_by_a_retry_either() {
    let fixture = damaged(DAMAGE[0]);
    fixture
        .store
        .record(&[(2, Outcome::Rejected { code: "x".to_owned(), error: "x".to_owned() })], AT)
        .unwrap();
    let [refused] = &*fixture.store.rejected().unwrap() else { panic!("one is rejected") };
    assert_eq!(refused.args, "{\"id\":\"b\",\"data\":{\"a\":\"\u{fffd}\"}}");
    let error = fixture.store.retry(&refused.id, None, "m-new", AT).unwrap_err();
    assert!(error.to_string().contains("discard it"), "{error}");
    assert_eq!(fixture.shown("b"), None, "what it did is undone");
}

#[test]
fn a_pull_goes_on_over_a_mutation_that_cannot_be_read() {
    let fixture = damaged(DAMAGE[0]);
    let page = Page {
        changes: vec![put("a", r#"{"n":1}"#), put("b", r#"{"n":2}"#)],
        cursor: cursor(5),
        round: 1,
        ends_round: true,
        ..Page::default()
    };
    fixture.store.apply_page(&page).unwrap();
    fixture.store.discard("m-b").unwrap();
    assert_eq!(fixture.shown("b").as_deref(), Some(r#"{"n":2}"#));
}
