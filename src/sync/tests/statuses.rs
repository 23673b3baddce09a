use super::*;

#[test]
fn no_answer_is_offline_and_told_once() {
    let mut rig = Rig::synced();
    rig.sync();
    for _ in 0..3 {
        rig.disconnect(Lane::Pull);
        rig.sleep();
    }
    assert_eq!(rig.notices, ["offline", "cannot sync \"user:1\": cannot reach x: y"]);
    rig.answer_pull(10, vec![], false);
    assert_eq!(rig.notices.last().map(String::as_str), Some("online"));
    assert_eq!(rig.state.error, None);
}

#[test]
fn with_something_to_send_no_wait_is_longer_than_five_seconds() {
    let mut rig = Rig::synced();
    rig.write("a");
    for _ in 0..20 {
        rig.disconnect(Lane::Push);
        while rig.push_asked().is_none() {
            assert!(rig.sleep() <= Duration::from_secs(5));
            if rig.pull_asked().is_some() {
                rig.disconnect(Lane::Pull);
            }
        }
    }
}

#[test]
fn when_the_network_is_back_everything_is_tried_at_once() {
    let mut rig = Rig::synced();
    rig.write("a");
    for _ in 0..6 {
        rig.disconnect(Lane::Push);
        while rig.push_asked().is_none() {
            rig.sleep();
        }
    }
    rig.disconnect(Lane::Push);
    rig.event(Event::Network(false));
    rig.event(Event::Network(true));
    assert_eq!(rig.pushing(), ["a"]);
}

#[test]
fn when_the_network_is_back_a_request_of_before_is_given_up() {
    let mut rig = Rig::synced();
    rig.write("a");
    rig.pass(Duration::from_secs(3));
    rig.event(Event::Network(false));
    rig.event(Event::Network(true));
    assert!(rig.interrupted.contains(&Lane::Push));
    let error = crate::net::TransportError::Interrupted { url: "x".to_owned() };
    rig.answer(Lane::Push, Err(Failure::Offline(error)));
    assert_eq!(rig.pushing(), ["a"], "and sent again without a wait");
}

#[test]
fn a_request_that_was_young_when_the_network_came_back_is_given_up_once_it_is_old() {
    let mut rig = Rig::synced();
    rig.write("a");
    rig.pass(Duration::from_secs(1));
    rig.event(Event::Network(false));
    rig.event(Event::Network(true));
    assert!(rig.interrupted.is_empty());
    assert_eq!(rig.sleep(), Duration::from_secs(1));
    assert_eq!(rig.interrupted, [Lane::Push]);
}

#[test]
fn a_request_made_after_the_network_came_back_is_left_alone() {
    let mut rig = Rig::synced();
    rig.write("a");
    rig.event(Event::Network(true));
    rig.disconnect(Lane::Push);
    rig.pass(Duration::from_secs(1));
    assert_eq!(rig.pushing(), ["a"]);
    rig.pass(Duration::from_secs(1));
    assert!(!rig.interrupted.contains(&Lane::Push));
}

#[test]
fn a_network_that_was_there_all_the_time_ends_no_request() {
    let mut rig = Rig::new(false);
    rig.start();
    rig.pass(Duration::from_secs(60));
    rig.event(Event::Network(true));
    rig.pass(Duration::from_secs(60));
    assert!(rig.interrupted.is_empty(), "a large snapshot comes for minutes");
}

#[test]
fn a_refusal_is_asked_again_in_another_network_and_when_the_app_wants_it() {
    let mut rig = Rig::synced();
    for refusal in [401, 403] {
        rig.sync();
        rig.fail(Lane::Pull, refusal);
        assert!(rig.asked.is_empty());
        rig.event(Event::Network(false));
        rig.event(Event::Network(true));
        rig.fail(Lane::Pull, refusal);
        rig.sync();
        rig.answer_pull(10, vec![], false);
        assert_eq!(rig.state.access, Access::Granted);
    }
}

#[test]
fn a_retry_after_is_obeyed_also_when_the_network_returns() {
    let mut rig = Rig::synced();
    rig.write("a");
    let failure = Failure::Status {
        status: 503,
        code: None,
        error: String::new(),
        retry_after: Some(Duration::from_secs(40)),
    };
    rig.answer(Lane::Push, Err(failure));
    rig.event(Event::Network(true));
    assert!(rig.push_asked().is_none());
    rig.pass(Duration::from_secs(39));
    assert!(rig.push_asked().is_none());
    rig.pass(Duration::from_secs(1));
    assert_eq!(rig.pushing(), ["a"]);
}

#[test]
fn a_retry_after_of_hours_counts_as_five_minutes() {
    let mut rig = Rig::synced();
    rig.write("a");
    let retry_after = Some(Duration::from_secs(36_000));
    let failure = Failure::Status { status: 429, code: None, error: String::new(), retry_after };
    rig.answer(Lane::Push, Err(failure));
    rig.pass(Duration::from_secs(301));
    assert_eq!(rig.pushing(), ["a"]);
}

#[test]
fn a_401_stops_everything_and_asks_for_a_token() {
    let mut rig = Rig::synced();
    rig.write("a");
    rig.fail(Lane::Push, 401);
    assert_eq!(rig.state.access, Access::NeedsAuth);
    assert_eq!(rig.wake, None);
    assert_eq!(rig.store.pending().unwrap()[0].failures, 0, "no attempt is counted");
    rig.write("b");
    assert!(rig.push_asked().is_none());
}

#[test]
fn a_403_is_asked_again_after_a_quarter_of_an_hour() {
    let mut rig = Rig::synced();
    rig.write("a");
    rig.fail(Lane::Push, 403);
    assert!(rig.asked.is_empty());
    assert_eq!(rig.sleep(), Duration::from_secs(900));
    assert!(!rig.asked.is_empty());
    assert_eq!(rig.store.counts().pending, 1);
}

#[test]
fn a_404_names_the_url_and_loses_nothing() {
    let mut rig = Rig::synced();
    rig.write("a");
    rig.fail(Lane::Push, 404);
    assert_eq!(
        rig.notices,
        ["cannot sync \"user:1\": https://x/_sync/push answered 404; is the base URL right?"]
    );
    assert_eq!(rig.store.counts().pending, 1);
}

fn three_pending() -> Rig {
    let mut rig = Rig::synced();
    rig.event(Event::Network(false));
    for id in ["a", "b", "c"] {
        rig.write(id);
    }
    rig.event(Event::Network(true));
    assert_eq!(rig.pushing().len(), 3);
    rig
}

#[test]
fn a_413_halves_the_batch_and_rejects_what_is_too_large_alone() {
    let mut rig = three_pending();
    rig.fail(Lane::Push, 413);
    assert_eq!(rig.pushing(), ["a"]);
    rig.fail(Lane::Push, 413);
    assert_eq!(rig.rejected(), ["too_large"]);
    assert!(!rig.pushing().is_empty());
}

#[test]
fn a_400_is_split_until_the_one_that_it_is_about_stands_alone() {
    let mut rig = three_pending();
    rig.fail_with(Lane::Push, 400, Some("invalid_mutation"));
    assert_eq!(rig.pushing(), ["a"]);
    rig.answer_push(vec![ok(11)]);
    while rig.pushing() != ["b"] {
        assert_eq!(rig.pushing(), ["b", "c"]);
        rig.fail_with(Lane::Push, 400, Some("invalid_mutation"));
    }
    rig.fail_with(Lane::Push, 400, Some("invalid_mutation"));
    assert_eq!(rig.rejected(), ["invalid_mutation"]);
}

#[test]
fn a_400_before_any_push_succeeded_rejects_nothing() {
    let mut rig = Rig::synced();
    rig.write("a");
    rig.fail_with(Lane::Push, 400, Some("invalid_mutation"));
    assert!(rig.rejected().is_empty());
    assert_eq!(rig.store.counts().pending, 1);
}

#[test]
fn a_400_at_the_head_of_the_first_queue_is_rejected_once_another_has_succeeded() {
    let mut rig = three_pending();
    while rig.store.counts().pending > 0 {
        let pushing = rig.pushing();
        if pushing.iter().any(|id| id == "a") {
            rig.fail_with(Lane::Push, 400, Some("invalid_mutation"));
        } else if !pushing.is_empty() {
            rig.answer_push(pushing.iter().map(|_| ok(11)).collect());
        } else if rig.pull_asked().is_some() {
            rig.answer_pull(11, vec![], false);
        } else {
            rig.sleep();
        }
    }
    assert_eq!(rig.rejected(), ["invalid_mutation"]);
}

#[test]
fn a_batch_that_timed_out_is_halved() {
    let mut rig = three_pending();
    let error = crate::net::TransportError::TimedOut { url: "x".to_owned(), phase: crate::net::Phase::Wait };
    rig.answer(Lane::Push, Err(Failure::Offline(error)));
    while rig.push_asked().is_none() {
        rig.sleep();
    }
    assert_eq!(rig.pushing(), ["a"]);
}

#[test]
fn a_captive_portal_counts_no_attempt() {
    let mut rig = three_pending();
    rig.answer(Lane::Push, Err(Failure::NotProtocol("it is not JSON".to_owned())));
    assert!(rig.store.pending().unwrap().iter().all(|mutation| mutation.failures == 0));
    assert!(rig.notices.iter().any(|told| told.contains("does this network want a sign-in?")));
}

#[test]
fn a_change_of_the_servers_form_is_stored_whole_or_not_at_all() {
    let mut rig = Rig::synced();
    rig.write("a");
    rig.answer_push(vec![ok(11)]);
    // The first command of the answer fails, those that follow it do not.
    rig.store_fails = 1;
    rig.extended = false;
    rig.answer_pull(500, vec![], false);
    assert_eq!(wire(&rig), Some(Wire::Extended));
    while rig.pull_asked().is_none() {
        rig.sleep();
    }
    rig.answer_pull(500, vec![], false);
    assert_eq!(wire(&rig), Some(Wire::Plain));
    assert!(rig.store.replica().unwrap().resync);
    while rig.pull_asked().is_none() {
        rig.sleep();
    }
    assert!(matches!(rig.pull_asked().unwrap().plan, Plan::Snapshot { .. }));
}

#[test]
fn a_410_to_a_snapshot_that_begins_is_told() {
    let mut rig = Rig::new(true);
    rig.start();
    rig.fail(Lane::Pull, 410);
    assert!(rig.notices.iter().any(|told| told.contains("answered 410")), "{:?}", rig.notices);
}

#[test]
fn a_log_that_is_trimmed_faster_than_it_is_fetched_is_told() {
    let mut rig = Rig::new(true);
    rig.start();
    rig.answer_snapshot(10);
    rig.fail_with(Lane::Pull, 410, Some("cursor_too_old"));
    assert!(rig.notices.iter().any(|told| told.contains("was trimmed before")), "{:?}", rig.notices);
}

#[test]
fn after_a_failure_of_the_store_everything_begins_again_from_what_is_on_disk() {
    let mut rig = Rig::synced();
    rig.write("a");
    rig.answer_push(vec![ok(11)]);
    let error = crate::store::StoreError::Full { path: "todos.db".into() };
    rig.event(Event::Stored(Err(error)));
    assert!(rig.interrupted.contains(&Lane::Pull), "what is under way is not waited for");
    rig.asked.clear();
    assert!(rig.notices.last().unwrap().contains("free some space"), "{:?}", rig.notices);
    assert_eq!(rig.state.cursor, cursor(10), "what was known stays to be seen");
    rig.sleep();
    let Plan::Pull { cursor: from, .. } = rig.pull_asked().unwrap().plan else { panic!("no pull") };
    assert_eq!(from, cursor(10));
    rig.answer_pull(11, vec![], false);
    assert_eq!(rig.store.counts().acked, 0);
    assert_eq!(rig.state.error, None);
}

#[test]
fn a_push_that_is_answered_410_again_and_again_is_not_a_loop_without_a_pause() {
    let mut rig = Rig::synced();
    rig.write("a");
    for _ in 0..20 {
        let before = rig.now;
        rig.fail(Lane::Push, 410);
        assert!(rig.push_asked().is_none());
        while rig.push_asked().is_none() {
            rig.sleep();
        }
        assert!(rig.now > before);
    }
}

#[test]
fn a_refusal_that_is_over_is_no_reason_any_more() {
    let mut rig = Rig::synced();
    rig.write("a");
    rig.fail(Lane::Push, 401);
    rig.sync();
    assert_eq!(rig.state.error, None);
    rig.fail(Lane::Pull, 503);
    let told = rig.state.error.as_ref().map(ToString::to_string);
    assert!(told.as_ref().is_some_and(|told| told.contains("answered 503")), "{told:?}");
}
