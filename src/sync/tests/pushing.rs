use super::*;

#[test]
fn a_write_is_pushed_at_once_and_settles_by_the_pull_that_follows() {
    let mut rig = Rig::synced();
    rig.write("a");
    assert_eq!(rig.pushing(), ["a"]);
    rig.answer_push(vec![ok(11)]);
    assert_eq!(rig.store.counts().acked, 1);
    rig.answer_pull(11, vec![], false);
    assert_eq!(rig.store.counts().acked, 0);
}

#[test]
fn nothing_is_pushed_before_the_server_told_how_it_is_spoken_to() {
    let mut rig = Rig::new(true);
    rig.write("a");
    rig.start();
    assert!(rig.push_asked().is_none());
    rig.answer_snapshot(3);
    assert_eq!(rig.pushing(), ["a"]);
    assert_eq!(wire(&rig), Some(Wire::Extended));
}

#[test]
fn one_push_is_under_way_at_a_time() {
    let mut rig = Rig::synced();
    rig.write("a");
    rig.write("b");
    assert_eq!(rig.pushing(), ["a"]);
    rig.answer_push(vec![ok(11)]);
    assert_eq!(rig.pushing(), ["b"]);
}

#[test]
fn a_push_never_moves_the_cursor() {
    let mut rig = Rig::synced();
    rig.write("a");
    rig.answer_push(vec![ok(99)]);
    let Plan::Pull { cursor: asked, .. } = rig.pull_asked().unwrap().plan else { panic!("no pull") };
    assert_eq!(asked, cursor(10));
}

#[test]
fn what_has_no_result_was_not_tried_and_is_sent_again() {
    let mut rig = Rig::synced();
    rig.event(Event::Network(false));
    for id in ["a", "b", "c"] {
        rig.write(id);
    }
    rig.event(Event::Network(true));
    assert_eq!(rig.pushing(), ["a", "b", "c"]);
    rig.answer_push(vec![ok(11), ok(12)]);
    assert_eq!(rig.pushing(), ["c"]);
}

#[test]
fn a_refused_write_is_told_and_the_next_go_on() {
    let mut rig = Rig::synced();
    rig.event(Event::Network(false));
    rig.write("a");
    rig.write("b");
    rig.event(Event::Network(true));
    rig.answer_push(vec![refused("conflict"), ok(11)]);
    assert_eq!(rig.rejected(), ["conflict"]);
    assert!(rig.notices.contains(&"todo.create was not accepted: no (conflict)".to_owned()));
    assert_eq!(rig.store.counts().pending, 0);
}

#[test]
fn the_log_position_goes_with_every_push_and_pull_but_with_no_snapshot() {
    let mut rig = Rig::synced();
    rig.write("a");
    assert_eq!(rig.push_asked().unwrap().log.as_ref().unwrap().to_string(), "10:ab");
    rig.answer_push(vec![ok(15)]);
    assert_eq!(rig.pull_asked().unwrap().log.as_ref().unwrap().to_string(), "10:ab, 15:ab");
    rig.fail_with(Lane::Pull, 410, Some("cursor_too_old"));
    assert!(matches!(rig.pull_asked().unwrap().plan, Plan::Snapshot { .. }));
    assert!(rig.pull_asked().unwrap().log.is_none());
}

#[test]
fn a_batch_in_the_wrong_form_is_sent_again_in_the_other_one() {
    let mut rig = Rig::synced();
    rig.write("a");
    rig.extended = false;
    rig.fail_with(Lane::Push, 400, Some("invalid_mutation"));
    let Plan::Push { wire: form, .. } = &rig.push_asked().unwrap().plan else { panic!("no push") };
    assert_eq!((*form, wire(&rig)), (Wire::Plain, Some(Wire::Extended)), "an error does not teach");
    rig.answer_push(vec![ok(11)]);
    assert_eq!(wire(&rig), Some(Wire::Plain));
    assert!(rig.rejected().is_empty());
}

#[test]
fn an_answer_that_is_late_by_a_log_says_nothing() {
    let mut rig = Rig::synced();
    rig.write("a");
    rig.sync();
    rig.fail_with(Lane::Pull, 410, Some("log_changed"));
    rig.answer_push(vec![ok(11)]);
    assert_eq!(rig.store.counts().pending, 1);
    rig.sleep();
    assert_eq!(rig.pushing(), ["a"]);
}

#[test]
fn two_servers_of_different_forms_behind_one_url_are_no_loop_without_a_pause() {
    let mut rig = Rig::synced();
    rig.write("a");
    let (begun, mut pushes) = (rig.now, 0);
    while rig.now - begun < Duration::from_secs(60) {
        if rig.push_asked().is_some() {
            pushes += 1;
            rig.answer_as(Lane::Push, pushes % 2 == 0, Ok(Reply::Push(vec![ok(11 + pushes)])));
        } else if let Some(Exchange { plan: Plan::Pull { .. }, .. }) = rig.pull_asked() {
            rig.answer_pull(11 + pushes, vec![], false);
        } else if rig.pull_asked().is_some() {
            rig.answer_snapshot(11 + pushes);
        } else {
            rig.sleep();
        }
    }
    assert!(pushes < 200, "{pushes} pushes in a minute");
}

#[test]
fn a_write_is_held_back_no_longer_than_the_push_interval() {
    let mut rig = Rig::synced();
    rig.engine.config.push_interval = Duration::from_secs(10);
    rig.write("a");
    let written = rig.now;
    while rig.push_asked().is_none() {
        rig.pass(Duration::from_secs(2));
        rig.event(Event::Queued);
        if rig.pull_asked().is_some() {
            rig.answer_pull(10, vec![], false);
        }
    }
    assert!(rig.now - written <= Duration::from_secs(10), "{:?}", rig.now - written);
}

#[test]
fn intervals_that_never_end_are_no_panic() {
    let mut rig = Rig::synced();
    rig.engine.config.push_interval = Duration::MAX;
    rig.engine.config.pull_interval = Duration::MAX;
    rig.write("a");
    let request = rig.sync();
    rig.answer_pull(10, vec![], false);
    assert_eq!(rig.state.request_served, request);
}

#[test]
fn a_plain_result_below_what_was_pulled_shows_another_log() {
    let mut rig = Rig::synced_with(false);
    rig.write("a");
    rig.answer_push(vec![ok(3)]);
    assert!(rig.store.replica().unwrap().resync);
    assert_eq!(rig.store.counts().pending, 1);
}

#[test]
fn a_mutation_that_was_sent_long_ago_and_never_answered_is_rejected() {
    let mut rig = Rig::synced();
    rig.write("a");
    rig.disconnect(Lane::Push);
    rig.now += Duration::from_secs(61 * 24 * 3600);
    rig.sync();
    assert!(rig.push_asked().is_none(), "the server may have forgotten that it applied it");
    assert_eq!(rig.rejected(), ["outcome_unknown"]);
}

#[test]
fn in_the_background_the_queue_is_tried_for_a_while_and_then_no_timer_runs() {
    let mut rig = Rig::synced();
    rig.event(Event::Network(false));
    rig.write("a");
    rig.event(Event::Foreground(false));
    rig.event(Event::Network(true));
    assert_eq!(rig.pushing(), ["a"]);
    rig.disconnect(Lane::Pull);
    rig.disconnect(Lane::Push);
    let begun = rig.now;
    while rig.wake.is_some() {
        rig.sleep();
        while !rig.asked.is_empty() {
            let lane = rig.asked[0].plan.lane();
            rig.disconnect(lane);
        }
    }
    assert!(rig.now - begun < Duration::from_secs(30), "{:?}", rig.now - begun);
    rig.event(Event::Foreground(true));
    assert_eq!(rig.pushing(), ["a"]);
}

#[test]
fn a_write_in_the_background_is_sent() {
    let mut rig = Rig::synced();
    rig.event(Event::Foreground(false));
    rig.write("a");
    assert_eq!(rig.pushing(), ["a"]);
}

#[test]
fn an_ack_below_where_a_snapshot_is_being_caught_up_is_of_another_log() {
    let mut rig = Rig::new(false);
    rig.start();
    rig.answer_snapshot(10);
    rig.write("a");
    // The file knows nothing of the log yet, but its stage does.
    rig.answer_push(vec![ok(3)]);
    assert!(rig.notices.iter().any(|told| told.contains("reset or restored")), "{:?}", rig.notices);
    rig.store.check_invariants().unwrap();
    assert_eq!((rig.store.counts().pending, rig.store.counts().acked), (1, 0));
    assert!(rig.store.get(&EntityKey::new("todo", "a")).unwrap().is_some());
}

#[test]
fn an_ack_above_where_a_snapshot_is_being_caught_up_waits_for_it() {
    let mut rig = Rig::new(false);
    rig.start();
    rig.answer_snapshot(10);
    rig.write("a");
    rig.answer_push(vec![ok(10)]);
    assert_eq!(rig.store.counts().acked, 1, "what is seen does not have it yet");
    assert!(rig.store.get(&EntityKey::new("todo", "a")).unwrap().is_some());
}

#[test]
fn a_push_has_at_most_900_kib_however_long_the_names_are() {
    let mut rig = Rig::synced();
    let scope = format!("user:{}", "\"".repeat(1_000));
    rig.engine.config.scope.clone_from(&scope);
    let data = Object::parse(format!(r#"{{"text":"{}"}}"#, "x".repeat(8_850))).unwrap();
    let mutation = |number| {
        let key = EntityKey::new(&"c".repeat(1_000), &format!("{number}"));
        let intent = Intent::Entity(key, Edit::Create(data.clone()));
        NewMutation { id: format!("m-{number}"), created_at: START, intent }
    };
    rig.store.write((0..100).map(mutation).collect()).unwrap();
    rig.event(Event::Queued);
    let plan = &rig.push_asked().unwrap().plan;
    let body = encode::body(plan, &scope, None).unwrap();
    let most = mizu_sync_protocol::limits::MAX_PUSH_BODY;
    assert!(body.len() <= most && body.len() > most * 9 / 10, "{} bytes", body.len());
}
