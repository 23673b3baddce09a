//! Pushes that end without results because of what is in them: a handler that hangs, a firewall that does not
//! like some words, a server that dies of one mutation.

use super::*;
use crate::net::{Phase, TransportError};

/// How a push breaks.
type Breaks = fn() -> Failure;

fn timed_out() -> Failure {
    timed_out_in(Phase::Wait)
}

fn timed_out_in(phase: Phase) -> Failure {
    Failure::Offline(TransportError::TimedOut { url: "x".to_owned(), phase })
}

fn unreachable() -> Failure {
    Failure::Offline(TransportError::Unreachable { url: "x".to_owned(), reason: "reset".to_owned() })
}

fn status(status: u16) -> Failure {
    Failure::Status { status, code: None, error: String::new(), retry_after: None }
}

/// Answers what is asked: a push with `poison` in it breaks, others are applied. Pulls bring nothing.
fn serve(rig: &mut Rig, poison: &str, breaks: impl Fn() -> Failure, head: &mut u64) {
    while !rig.asked.is_empty() {
        let pushing = rig.pushing();
        if pushing.iter().any(|id| id == poison) {
            rig.answer(Lane::Push, Err(breaks()));
        } else if pushing.is_empty() {
            rig.answer_pull(*head, vec![], false);
        } else {
            let results = pushing.iter().map(|_| {
                *head += 1;
                ok(*head)
            });
            let results = results.collect();
            rig.answer_push(results);
        }
    }
}

#[test]
fn a_mutation_that_breaks_every_push_blocks_nobody() {
    let kinds: [(&str, Breaks); 6] = [
        ("the server hangs", timed_out),
        ("the server dies", unreachable),
        ("a gateway says so", || status(502)),
        ("the server says so", || status(500)),
        ("a firewall refuses it", || status(406)),
        ("a firewall answers instead", || Failure::NotProtocol("it is not JSON".to_owned())),
    ];
    for (kind, breaks) in kinds {
        let mut rig = Rig::synced();
        let mut head = 10;
        rig.event(Event::Network(false));
        for number in 0..50 {
            rig.write(&format!("a-{number}"));
        }
        rig.write("poison");
        for number in 0..50 {
            rig.write(&format!("b-{number}"));
        }
        rig.event(Event::Network(true));
        let begun = rig.now;
        serve(&mut rig, "poison", breaks, &mut head);
        while rig.store.counts().pending > 1 {
            rig.sleep();
            serve(&mut rig, "poison", breaks, &mut head);
        }
        assert!(rig.now - begun < Duration::from_secs(60), "{kind}: {:?}", rig.now - begun);
        assert!(rig.state.blocked.is_some(), "{kind}");
        assert!(rig.rejected().is_empty(), "{kind}");
    }
}

#[test]
fn one_that_breaks_every_push_is_given_up_in_the_end_with_an_unknown_outcome() {
    let mut rig = Rig::synced();
    let mut head = 10;
    rig.write("poison");
    let begun = rig.now;
    for number in 0..2_000 {
        rig.write(&format!("a-{number}"));
        serve(&mut rig, "poison", timed_out, &mut head);
        if !rig.rejected().is_empty() {
            break;
        }
        rig.pass(Duration::from_secs(5));
    }
    assert_eq!(rig.rejected(), ["outcome_unknown"]);
    assert!(rig.now - begun >= Duration::from_secs(600));
}

#[test]
fn the_first_push_that_breaks_shows_that_the_network_is_gone() {
    let mut rig = Rig::synced();
    rig.write("a");
    rig.answer(Lane::Push, Err(timed_out()));
    assert_eq!(rig.state.connection, Connection::Offline);
    assert_eq!(rig.store.pending().unwrap()[0].failures, 0);
}

#[test]
fn without_a_network_no_mutation_is_blamed() {
    let mut rig = Rig::synced();
    rig.write("a");
    for _ in 0..100 {
        while !rig.asked.is_empty() {
            let lane = if rig.push_asked().is_some() { Lane::Push } else { Lane::Pull };
            rig.answer(lane, Err(timed_out()));
        }
        rig.sleep();
    }
    assert_eq!(rig.store.pending().unwrap()[0].failures, 0);
    assert_eq!(rig.state.blocked, None);
}

#[test]
fn a_batch_shrinks_for_a_timeout_only_where_the_server_may_have_had_it() {
    use Phase::{Connect, Read, Resolve, Send, Wait, Whole};
    for (phase, least) in [(Resolve, 16), (Connect, 16), (Send, 1), (Wait, 1), (Read, 1), (Whole, 1)] {
        let mut rig = Rig::synced();
        rig.event(Event::Network(false));
        for number in 0..16 {
            rig.write(&format!("a-{number}"));
        }
        rig.event(Event::Network(true));
        let mut sizes = Vec::new();
        while sizes.len() < 8 {
            while !rig.asked.is_empty() {
                let size = rig.pushing().len();
                let lane = if size > 0 { Lane::Push } else { Lane::Pull };
                sizes.extend((size > 0).then_some(size));
                rig.answer(lane, Err(timed_out_in(phase)));
            }
            rig.sleep();
        }
        assert_eq!((sizes[0], sizes[7]), (16, least), "{phase}: {sizes:?}");
    }
}

#[test]
fn while_only_pushes_break_nothing_is_given_up_and_afterwards_all_is_sent_soon() {
    let mut rig = Rig::synced();
    for number in 0..20 {
        rig.write(&format!("a-{number}"));
    }
    let begun = rig.now;
    while rig.now - begun < Duration::from_secs(3 * 3600) {
        while !rig.asked.is_empty() {
            if rig.push_asked().is_some() {
                rig.answer(Lane::Push, Err(status(503)));
            } else {
                rig.answer_pull(10, vec![], false);
            }
        }
        rig.sleep();
    }
    assert!(rig.rejected().is_empty());
    let (over, mut head) = (rig.now, 10);
    serve(&mut rig, "", unreachable, &mut head);
    while rig.store.counts().pending > 0 {
        rig.sleep();
        serve(&mut rig, "", unreachable, &mut head);
    }
    assert!(rig.now - over <= Duration::from_secs(20), "{:?}", rig.now - over);
}

#[test]
fn a_server_that_wants_to_be_left_alone_blames_no_mutation() {
    let mut rig = Rig::synced();
    rig.write("a");
    for _ in 0..20 {
        while !rig.asked.is_empty() {
            if rig.push_asked().is_some() {
                let retry_after = Some(Duration::from_secs(1));
                let error = String::new();
                rig.answer(Lane::Push, Err(Failure::Status { status: 503, code: None, error, retry_after }));
            } else {
                rig.answer_pull(10, vec![], false);
            }
        }
        rig.sleep();
    }
    assert_eq!(rig.store.pending().unwrap()[0].failures, 0);
}
