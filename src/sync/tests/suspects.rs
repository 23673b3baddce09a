use super::*;

/// Answers every push: what is named in `poison` fails, the rest is applied. Pulls bring nothing.
fn serve(rig: &mut Rig, poison: &[&str], head: &mut u64) {
    while !rig.asked.is_empty() {
        if rig.push_asked().is_none() {
            let next = (*head).max(10);
            rig.answer_pull(next, vec![], false);
            continue;
        }
        let mut results = Vec::new();
        for id in rig.pushing() {
            if poison.contains(&id.as_str()) {
                results.push(boom());
                break;
            }
            *head += 1;
            results.push(ok(*head));
        }
        rig.answer_push(results);
    }
}

#[test]
fn a_poison_mutation_does_not_block_the_others() {
    let mut rig = Rig::synced();
    let mut head = 10;
    rig.write("poison");
    for id in ["a", "b", "c"] {
        rig.write(id);
    }
    let begun = rig.now;
    while rig.store.counts().pending > 1 {
        serve(&mut rig, &["poison"], &mut head);
        if rig.store.counts().pending > 1 {
            rig.sleep();
        }
    }
    assert!(rig.now - begun < Duration::from_secs(20), "{:?}", rig.now - begun);
    assert_eq!(rig.state.blocked.as_deref(), Some("boom"));
    assert!(rig.rejected().is_empty());
}

#[test]
fn a_poison_mutation_is_rejected_in_the_end_while_others_are_served() {
    let mut rig = Rig::synced();
    let mut head = 10;
    rig.write("poison");
    let begun = rig.now;
    for number in 0..2_000 {
        rig.write(&format!("a-{number}"));
        serve(&mut rig, &["poison"], &mut head);
        if !rig.rejected().is_empty() {
            break;
        }
        rig.pass(Duration::from_secs(5));
        serve(&mut rig, &["poison"], &mut head);
    }
    assert_eq!(rig.rejected(), ["keeps_failing"]);
    assert!(rig.now - begun >= Duration::from_secs(600));
}

#[test]
fn an_outage_rejects_nothing_however_long_it_is() {
    let mut rig = Rig::synced();
    let mut head = 10;
    let all: Vec<String> = (0..20).map(|number| format!("a-{number}")).collect();
    for id in &all {
        rig.write(id);
    }
    let names: Vec<&str> = all.iter().map(String::as_str).collect();
    let begun = rig.now;
    while rig.now - begun < Duration::from_secs(3 * 3600) {
        serve(&mut rig, &names, &mut head);
        rig.sleep();
    }
    assert!(rig.rejected().is_empty());
    assert!(rig.state.blocked.is_some());
    let over = rig.now;
    while rig.store.counts().pending > 0 {
        serve(&mut rig, &[], &mut head);
        if rig.store.counts().pending > 0 {
            rig.sleep();
        }
    }
    assert!(rig.now - over <= Duration::from_secs(20), "{:?}", rig.now - over);
}

#[test]
fn a_poison_mutation_alone_is_never_rejected_by_itself() {
    let mut rig = Rig::synced();
    let mut head = 10;
    rig.write("poison");
    let begun = rig.now;
    while rig.now - begun < Duration::from_secs(3 * 3600) {
        serve(&mut rig, &["poison"], &mut head);
        rig.sleep();
    }
    assert!(rig.rejected().is_empty());
    assert_eq!(rig.state.blocked.as_deref(), Some("boom"));
}

#[test]
fn a_suspect_that_is_discarded_lets_what_waited_for_it_go() {
    let mut rig = Rig::synced();
    let mut head = 10;
    rig.write("poison");
    for _ in 0..10 {
        serve(&mut rig, &["poison"], &mut head);
        rig.sleep();
    }
    serve(&mut rig, &["poison"], &mut head);
    let seq = rig.store.discard("m-poison").unwrap();
    rig.event(Event::Discarded(seq));
    rig.write("a");
    while rig.store.counts().pending > 0 {
        rig.sleep();
        serve(&mut rig, &["poison"], &mut head);
    }
    assert_eq!(rig.state.blocked, None);
}

#[test]
fn nothing_is_blocked_any_more_once_a_suspect_is_discarded() {
    let mut rig = Rig::synced();
    let mut head = 10;
    rig.write("poison");
    while rig.state.blocked.is_none() {
        serve(&mut rig, &["poison"], &mut head);
        if rig.state.blocked.is_none() {
            rig.sleep();
        }
    }
    let seq = rig.store.discard("m-poison").unwrap();
    rig.event(Event::Discarded(seq));
    assert_eq!(rig.state.blocked, None);
}

#[test]
fn after_a_log_change_what_was_acked_goes_before_the_suspects() {
    let mut rig = Rig::synced();
    rig.write("first");
    rig.answer_push(vec![ok(15)]);
    rig.write("poison");
    for _ in 0..3 {
        while rig.push_asked().is_none() {
            rig.sleep();
        }
        rig.answer_push(vec![boom()]);
    }
    while rig.push_asked().is_none() {
        rig.sleep();
    }
    rig.fail_with(Lane::Push, 410, Some("log_changed"));
    while rig.push_asked().is_none() {
        rig.sleep();
    }
    assert_eq!(rig.pushing(), ["first", "poison"]);
}

#[test]
fn who_failed_in_the_last_moment_of_an_outage_is_tried_again_soon() {
    let mut rig = Rig::synced();
    rig.write("a");
    rig.write("b");
    let mut head = 10;
    for _ in 0..40 {
        rig.sleep();
        serve(&mut rig, &["a", "b"], &mut head);
    }
    // The outage ends between the two attempts of a round.
    while rig.push_asked().is_none() {
        rig.sleep();
    }
    let failed = rig.pushing();
    rig.answer_push(vec![boom()]);
    serve(&mut rig, &[], &mut head);
    let until = rig.now + Duration::from_secs(1);
    while rig.now < until && rig.store.counts().pending > 0 {
        rig.sleep();
        serve(&mut rig, &[], &mut head);
    }
    assert_eq!(rig.store.counts().pending, 0, "{failed:?} still waits");
}

#[test]
fn a_failure_from_before_a_log_change_lets_nothing_go_first() {
    let mut rig = Rig::synced();
    rig.write("first");
    rig.answer_push(vec![ok(15)]);
    rig.write("poison");
    while rig.state.blocked.is_none() {
        while rig.push_asked().is_none() {
            rig.sleep();
        }
        rig.answer_push(vec![boom()]);
    }
    while rig.push_asked().is_none() {
        rig.sleep();
    }
    rig.fail_with(Lane::Pull, 410, Some("log_changed"));
    rig.fail(Lane::Push, 500);
    while rig.push_asked().is_none() {
        rig.sleep();
    }
    assert_eq!(rig.pushing(), ["first", "poison"]);
}
