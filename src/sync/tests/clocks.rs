//! Whose word the server's time is. What is judged by it is whether a mutation is too old to be sent again.

use super::*;

fn not_protocol() -> Result<Reply, Failure> {
    Err(Failure::NotProtocol("it is not JSON".to_owned()))
}

/// Somebody between here and the server, whose clock is wrong.
fn stranger(days: u64) -> Option<Head> {
    let server_time = Some(Timestamp::from_millis(0).plus(Duration::from_secs(days * 24 * 3600)));
    Some(Head { extended: false, server_time })
}

fn until_asked(rig: &mut Rig, lane: Lane) {
    while !rig.asked.iter().any(|exchange| exchange.plan.lane() == lane) {
        rig.sleep();
    }
}

#[test]
fn a_captive_portal_whose_clock_stands_still_makes_no_write_old() {
    let mut rig = Rig::synced();
    rig.sync();
    rig.answer_with(Lane::Pull, stranger(0), not_protocol());
    rig.write("a");
    until_asked(&mut rig, Lane::Push);
    rig.answer_with(Lane::Push, stranger(0), not_protocol());
    until_asked(&mut rig, Lane::Pull);
    rig.answer_pull(10, vec![], false);
    until_asked(&mut rig, Lane::Push);
    assert_eq!((rig.pushing(), rig.rejected().len()), (vec!["a".to_owned()], 0));
}

#[test]
fn a_gateway_whose_clock_is_ahead_makes_no_write_old() {
    let mut rig = Rig::synced();
    rig.write("a");
    rig.disconnect(Lane::Push);
    rig.sync();
    let failure = Failure::Status { status: 502, code: None, error: String::new(), retry_after: None };
    rig.answer_with(Lane::Pull, stranger(40_000), Err(failure));
    until_asked(&mut rig, Lane::Push);
    assert_eq!((rig.pushing(), rig.rejected().len()), (vec!["a".to_owned()], 0));
}

#[test]
fn a_refusal_of_the_server_itself_tells_its_time() {
    let mut rig = Rig::synced();
    rig.write("a");
    rig.disconnect(Lane::Push);
    rig.sync();
    let late = Head { extended: true, ..stranger(40_000).unwrap() };
    let failure = Failure::Status { status: 503, code: None, error: String::new(), retry_after: None };
    rig.answer_with(Lane::Pull, Some(late), Err(failure));
    rig.disconnect(Lane::Push);
    while rig.store.counts().pending > 0 {
        rig.sleep();
    }
    assert_eq!(rig.rejected(), ["outcome_unknown"]);
}

#[test]
fn nothing_is_sent_again_before_the_server_itself_has_answered() {
    let mut rig = Rig::synced();
    rig.write("a");
    rig.disconnect(Lane::Push);
    // In a hotel.
    rig.restart(Versions::default());
    rig.answer_with(Lane::Pull, stranger(0), not_protocol());
    assert!(rig.push_asked().is_none());
    until_asked(&mut rig, Lane::Pull);
    rig.answer_pull(10, vec![], false);
    assert_eq!(rig.pushing(), ["a"]);
}
