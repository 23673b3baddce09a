use super::*;
use crate::model::{Counts, Unreadable};

#[test]
fn the_first_sync_is_a_snapshot_that_is_caught_up_before_it_is_seen() {
    let mut rig = Rig::new(true);
    rig.start();
    assert!(matches!(rig.pull_asked().unwrap().plan, Plan::Snapshot { after: None, .. }));
    rig.answer_snapshot(3);
    assert!(!rig.state.bootstrapped);
    let Plan::Pull { cursor: from, .. } = rig.pull_asked().unwrap().plan else { panic!("no pull") };
    assert_eq!(from, cursor(3));
    rig.answer_pull(5, vec![], false);
    assert!(rig.state.bootstrapped);
    assert_eq!(rig.state.cursor, cursor(5));
    assert_eq!(rig.notices, ["online", "synced 5"]);
}

#[test]
fn the_pages_of_a_snapshot_are_caught_up_from_the_first_one() {
    let mut rig = Rig::new(true);
    rig.start();
    let page = |at, after: Option<&str>| {
        let after = after.map(|id| EntityKey::new("todo", id));
        Ok(Reply::Snapshot(SnapshotReply {
            rows: 1,
            unreadable: 0,
            cursor: cursor(at),
            tag: Tag::new("ab"),
            after,
            total: Some(2),
        }))
    };
    rig.answer(Lane::Pull, page(3, Some("a")));
    assert_eq!(rig.state.progress, Some(Progress { rows: 1, total: Some(2) }));
    let Plan::Snapshot { after: Some(after), .. } = &rig.pull_asked().unwrap().plan else {
        panic!("no page")
    };
    assert_eq!(after.id, "a");
    rig.answer(Lane::Pull, page(8, None));
    let Plan::Pull { cursor: from, .. } = rig.pull_asked().unwrap().plan else { panic!("no pull") };
    assert_eq!(from, cursor(3));
}

#[test]
fn a_page_with_more_is_followed_at_once() {
    let mut rig = Rig::synced();
    rig.sync();
    rig.answer_pull(12, vec![], true);
    let Plan::Pull { cursor: from, .. } = rig.pull_asked().unwrap().plan else { panic!("no pull") };
    assert_eq!(from, cursor(12));
}

#[test]
fn more_without_progress_is_a_failure_and_no_loop() {
    let mut rig = Rig::synced();
    rig.sync();
    rig.answer_pull(10, vec![], true);
    assert!(rig.pull_asked().is_none());
    assert!(rig.notices[0].contains("the cursor stays"), "{:?}", rig.notices);
}

#[test]
fn an_empty_page_without_a_cursor_is_no_reset() {
    let mut rig = Rig::synced_with(false);
    rig.sync();
    let reply = PullReply {
        changes: vec![],
        unreadable: vec![],
        last: None,
        has_more: false,
        next_cursor: None,
        tag: None,
    };
    rig.answer(Lane::Pull, Ok(Reply::Pull(reply)));
    assert_eq!(rig.state.cursor, cursor(10));
    assert!(!rig.store.replica().unwrap().resync);
}

#[test]
fn a_cursor_that_goes_back_shows_another_log() {
    let mut rig = Rig::synced();
    rig.sync();
    rig.answer_pull(4, vec![], false);
    assert!(rig.store.replica().unwrap().resync);
    assert!(matches!(rig.pull_asked().unwrap().plan, Plan::Snapshot { .. }));
}

#[test]
fn a_pull_that_ends_below_an_ack_from_before_it_shows_another_log() {
    let mut rig = Rig::synced_with(false);
    rig.write("a");
    rig.answer_push(vec![ok(20)]);
    rig.answer_pull(12, vec![], false);
    assert!(rig.store.replica().unwrap().resync);
    assert_eq!(rig.store.counts().pending, 1);
}

#[test]
fn a_log_that_keeps_changing_is_asked_ever_less() {
    let mut rig = Rig::synced();
    let mut waits = Vec::new();
    for _ in 0..4 {
        rig.sync();
        rig.fail_with(Lane::Pull, 410, Some("log_changed"));
        let before = rig.now;
        while rig.pull_asked().is_none() {
            rig.sleep();
        }
        waits.push((rig.now - before).as_secs());
        rig.answer_snapshot(5);
        rig.answer_pull(5, vec![], false);
    }
    assert_eq!(waits, [0, 60, 120, 240]);
}

#[test]
fn a_page_that_is_too_large_is_asked_for_in_halves_and_at_last_without_its_data() {
    let mut rig = Rig::synced();
    rig.sync();
    let mut asked = Vec::new();
    loop {
        let Plan::Pull { limit, stream, .. } = rig.pull_asked().unwrap().plan else { panic!("no pull") };
        asked.push(limit);
        if stream {
            break;
        }
        rig.answer(Lane::Pull, Err(Failure::TooLarge));
    }
    assert_eq!(asked, [500, 250, 125, 62, 31, 15, 7, 3, 1, 1]);
    rig.answer_pull(11, vec![], true);
    let Plan::Pull { limit, stream, .. } = rig.pull_asked().unwrap().plan else { panic!("no pull") };
    assert_eq!((limit, stream), (2, false));
}

#[test]
fn a_change_that_cannot_be_read_is_told_and_the_pull_goes_on() {
    let mut rig = Rig::synced();
    rig.sync();
    let unreadable = vec![Unreadable {
        cursor: Some(cursor(11)),
        reason: "it is odd".to_owned(),
        raw: Some("{}".to_owned()),
    }];
    let reply = PullReply {
        changes: vec![],
        unreadable,
        last: Some(cursor(11)),
        has_more: false,
        next_cursor: Some(cursor(11)),
        tag: Tag::new("ab"),
    };
    rig.answer(Lane::Pull, Ok(Reply::Pull(reply)));
    assert_eq!(rig.state.cursor, cursor(11));
    assert_eq!(rig.store.replica().unwrap().quarantined, 1);
    assert!(rig.notices[0].contains("1 changes from the server could not be read"), "{:?}", rig.notices);
}

#[test]
fn polling_waits_for_its_interval() {
    let mut rig = Rig::synced();
    assert_eq!(rig.sleep(), Duration::from_secs(30));
    assert!(rig.pull_asked().is_some());
}

#[test]
fn a_too_old_cursor_leads_to_a_snapshot_and_acks_are_asked_for_again() {
    let mut rig = Rig::synced();
    rig.write("a");
    rig.answer_push(vec![ok(20)]);
    rig.fail_with(Lane::Pull, 410, Some("cursor_too_old"));
    assert!(matches!(rig.pull_asked().unwrap().plan, Plan::Snapshot { .. }));
    assert_eq!(rig.pushing(), ["a"], "the server may have been restored before it was trimmed");
    rig.answer_push(vec![ok(20)]);
    rig.answer_snapshot(20);
    rig.answer_pull(20, vec![], false);
    assert_eq!(rig.store.counts(), Counts::default());
}

#[test]
fn a_too_old_cursor_of_a_plain_server_leaves_acks_as_they_are() {
    let mut rig = Rig::synced_with(false);
    rig.write("a");
    rig.answer_push(vec![ok(20)]);
    rig.fail_with(Lane::Pull, 410, Some("cursor_too_old"));
    assert_eq!(rig.store.counts().acked, 1);
    rig.answer_snapshot(20);
    rig.answer_pull(20, vec![], false);
    assert_eq!(rig.store.counts(), Counts::default());
}

#[test]
fn an_ack_that_a_pull_under_way_overtakes_is_asked_for_by_the_next_one() {
    let mut rig = Rig::synced();
    rig.sync();
    rig.write("a");
    rig.answer_push(vec![ok(15)]);
    rig.answer_pull(20, vec![], false);
    assert_eq!(rig.store.counts().acked, 1, "the server of the pull may not be the one that gave the ack");
    assert_eq!(rig.pull_asked().unwrap().log.as_ref().unwrap().to_string(), "20:ab, 15:ab");
    rig.fail_with(Lane::Pull, 410, Some("log_changed"));
    assert_eq!(rig.pushing(), ["a"]);
}

#[test]
fn the_pages_of_a_snapshot_must_be_of_one_log() {
    let mut rig = Rig::new(true);
    rig.start();
    let page = |at, tag, after: Option<&str>| SnapshotReply {
        rows: 1,
        unreadable: 0,
        cursor: cursor(at),
        tag: Tag::new(tag),
        after: after.map(|id| EntityKey::new("todo", id)),
        total: None,
    };
    rig.answer(Lane::Pull, Ok(Reply::Snapshot(page(10, "aa", Some("a")))));
    assert_eq!(rig.pull_asked().unwrap().log.as_ref().unwrap().to_string(), "10:aa");
    rig.answer(Lane::Pull, Ok(Reply::Snapshot(page(15, "bb", None))));
    let pull = rig.pull_asked().unwrap();
    assert!(matches!(pull.plan, Plan::Pull { cursor: at, .. } if at == cursor(10)));
    assert_eq!(pull.log.as_ref().unwrap().to_string(), "15:bb");
}

#[test]
fn a_snapshot_that_a_plain_server_refuses_in_the_extended_form_begins_anew_in_the_plain_one() {
    let mut rig = Rig::synced();
    rig.sync();
    rig.fail_with(Lane::Pull, 410, Some("cursor_too_old"));
    rig.extended = false;
    rig.fail_with(Lane::Pull, 400, Some("invalid_mutation"));
    rig.sleep();
    let Plan::Snapshot { wire, after, .. } = &rig.pull_asked().unwrap().plan else { panic!("no snapshot") };
    assert_eq!((*wire, after.is_none()), (Some(Wire::Plain), true));
}

#[test]
fn a_full_disk_stops_the_pull_until_there_is_space() {
    let mut rig = Rig::synced();
    rig.write("mine");
    rig.answer_push(vec![boom()]);
    rig.sync();
    rig.notices.clear();
    let large = format!(r#"{{"text":"{}"}}"#, "x".repeat(300_000));
    let change = || ServerEntity { key: EntityKey::new("todo", "large"), data: Object::parse(large.clone()) };
    rig.store.limit_pages(Some(0));
    rig.answer_pull(11, vec![change()], false);
    assert!(rig.notices.iter().any(|told| told.contains("free some space")), "{:?}", rig.notices);
    let shown = |rig: &Rig, id: &str| rig.store.get(&EntityKey::new("todo", id)).unwrap().is_some();
    assert_eq!((shown(&rig, "mine"), shown(&rig, "large")), (true, false));
    assert_eq!((rig.state.cursor, rig.store.counts().pending), (cursor(10), 1));
    rig.store.check_invariants().unwrap();
    rig.store.limit_pages(None);
    while rig.pull_asked().is_none() {
        rig.sleep();
    }
    rig.answer_pull(11, vec![change()], false);
    assert_eq!((shown(&rig, "large"), rig.state.cursor), (true, cursor(11)));
}

/// Answers a pull with a change that cannot be read, and more to come.
fn answer_unreadable(rig: &mut Rig) {
    let change = Unreadable { cursor: Some(cursor(11)), reason: "odd".to_owned(), raw: None };
    let reply = PullReply {
        changes: Vec::new(),
        unreadable: vec![change],
        last: Some(cursor(11)),
        has_more: true,
        next_cursor: Some(cursor(11)),
        tag: None,
    };
    rig.answer(Lane::Pull, Ok(Reply::Pull(reply)));
}

#[test]
fn a_half_done_snapshot_that_an_older_version_could_not_read_begins_anew() {
    let mut rig = Rig::new(false);
    rig.start();
    rig.answer_snapshot(10);
    answer_unreadable(&mut rig);
    rig.restart(Versions { dialect: "2".to_owned(), ..Versions::default() });
    assert!(matches!(rig.pull_asked().unwrap().plan, Plan::Snapshot { .. }));
}

#[test]
fn a_request_to_sync_is_served_by_a_pull_that_begins_after_it() {
    let mut rig = Rig::synced();
    let first = rig.sync();
    let second = rig.sync();
    rig.answer_pull(10, vec![], false);
    assert_eq!(rig.state.request_served, first, "the pull was under way already");
    rig.answer_pull(10, vec![], false);
    assert_eq!(rig.state.request_served, second);
}

#[test]
fn a_half_done_snapshot_with_something_unreadable_goes_on_after_a_restart() {
    let mut rig = Rig::new(true);
    rig.engine.config.versions.app = "1".to_owned();
    rig.start();
    rig.answer_snapshot(10);
    answer_unreadable(&mut rig);
    rig.restart(rig.engine.config.versions.clone());
    let Plan::Pull { cursor: from, .. } = rig.pull_asked().unwrap().plan else { panic!("it begins anew") };
    assert_eq!(from, cursor(11));
}
