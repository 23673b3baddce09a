use super::*;

#[test]
fn an_acked_write_stays_laid_over_until_a_pull_has_brought_it() {
    let fixture = Fixture::new();
    fixture.create("a", r#"{"n":1}"#);
    fixture.ack(1, 5);
    fixture.page(4, vec![]);
    assert_eq!(fixture.shown("a").as_deref(), Some(r#"{"n":1}"#));
    assert_eq!(fixture.store.counts().acked, 1);
    fixture.page(5, vec![put("a", r#"{"n":1,"by":"server"}"#)]);
    assert_eq!(fixture.shown("a").as_deref(), Some(r#"{"n":1,"by":"server"}"#));
    assert_eq!(fixture.store.counts().acked, 0);
}

#[test]
fn an_ack_settles_only_by_a_pull_that_began_after_it() {
    let fixture = Fixture::new();
    fixture.create("a", "{}");
    fixture.record(1, Outcome::Acked { cursor: Some(cursor(5)), tag: None, round: 3 });
    let page = |round| Page { cursor: cursor(9), round, ..Page::default() };
    fixture.store.apply_page(&page(3)).unwrap();
    assert_eq!(fixture.store.counts().acked, 1, "the page may be of another log than the ack");
    fixture.store.apply_page(&page(4)).unwrap();
    assert_eq!(fixture.store.counts().acked, 0);
}

#[test]
fn what_was_pulled_before_it_was_sent_settles_at_once() {
    let fixture = Fixture::new();
    fixture.create("a", r#"{"n":1}"#);
    fixture.page(5, vec![put("a", r#"{"n":1}"#)]);
    fixture.record(1, Outcome::Settled);
    assert_eq!(fixture.store.counts().acked + fixture.store.counts().pending, 0);
    assert!(!fixture.store.get(&todo("a")).unwrap().unwrap().pending);
}

#[test]
fn an_ack_without_a_cursor_settles_by_a_pull_that_began_after_it() {
    let fixture = Fixture::new();
    fixture.create("a", "{}");
    fixture.record(1, Outcome::Acked { cursor: None, tag: None, round: 3 });
    let ended = |round| Page { cursor: cursor(9), round, ends_round: true, ..Page::default() };
    fixture.store.apply_page(&ended(3)).unwrap();
    assert_eq!(fixture.store.counts().acked, 1);
    fixture.store.apply_page(&ended(4)).unwrap();
    assert_eq!(fixture.store.counts().acked, 0);
}

#[test]
fn an_ack_without_a_cursor_from_a_former_process_settles_by_the_first_pull() {
    let fixture = Fixture::new();
    fixture.create("a", "{}");
    fixture.record(1, Outcome::Acked { cursor: None, tag: None, round: 30 });
    let fixture = fixture.reopened();
    fixture.store.begin_session().unwrap();
    fixture.page(1, vec![]);
    assert_eq!(fixture.store.counts().acked, 0);
}

#[test]
fn nothing_settles_while_the_log_is_in_doubt() {
    let fixture = Fixture::new();
    fixture.create("a", "{}");
    fixture.store.log_changed(None, None, AT).unwrap();
    fixture.ack(1, 1);
    fixture.page(7, vec![]);
    assert_eq!(fixture.store.counts().acked, 1);
}

#[test]
fn what_another_log_had_acked_is_pending_again() {
    let fixture = Fixture::new();
    fixture.create("a", "{}");
    assert_eq!(fixture.next(Wire::Extended), [1]);
    fixture.ack(1, 5);
    assert!(fixture.next(Wire::Extended).is_empty());
    fixture.store.log_changed(None, None, AT).unwrap();
    assert_eq!(fixture.next(Wire::Extended), [1]);
    assert_eq!(fixture.store.counts().pending, 1);
}

#[test]
fn when_acks_are_in_doubt_all_failures_are_forgotten() {
    let fixture = Fixture::new();
    let fail = |seq, at, suspect| {
        let error = "boom".to_owned();
        fixture.record(seq, Outcome::Failed { error, at, suspect, not_applied_before: Some(AT) });
    };
    for id in ["acked", "failing"] {
        fixture.create(id, "{}");
    }
    for seq in [1, 2] {
        fail(seq, AT, true);
        fixture.store.count_attempts(&[seq]).unwrap();
    }
    fixture.ack(1, 5);
    fixture.store.doubt_acks(None, AT).unwrap();
    assert_eq!(fixture.store.replica().unwrap().suspects, []);
    assert!(fixture.store.pending().unwrap().iter().all(|mutation| mutation.failures == 0));
    let later = AT.plus(std::time::Duration::from_secs(3600));
    for seq in [1, 2] {
        fail(seq, later, true);
    }
    let suspects = fixture.store.replica().unwrap().suspects;
    let known: Vec<_> = suspects.iter().map(|suspect| (suspect.attempts, suspect.first_failure)).collect();
    assert_eq!(known, [(0, later), (0, later)]);
}

#[test]
fn what_another_log_had_acked_long_ago_is_for_the_app_to_decide() {
    let fixture = Fixture::new();
    fixture.create("a", "{}");
    let sent = BatchRequest { server_now: Some(AT), ..request() };
    fixture.store.take_batch(&sent).unwrap();
    fixture.ack(1, 5);
    let later = AT.plus(std::time::Duration::from_secs(61 * 24 * 3600));
    let rejected = fixture.store.log_changed(None, Some(later), AT).unwrap();
    assert_eq!(rejected[0].code, "outcome_unknown");
    assert_eq!(fixture.shown("a"), None);
}
