//! Tokens: when the app is asked for one, and what follows from what it sets.

use super::*;

const ASKED: &str = "a token is needed";
const REFUSED: &str = "cannot sync \"user:1\": the server does not accept the token; sign in again";

/// Of an app that can be asked for a token; caught up at cursor 10, with a write to send.
fn asking() -> Rig {
    let mut rig = Rig::synced();
    rig.engine.config.asks_for_token = true;
    rig.write("a");
    rig
}

impl Rig {
    fn unauthorized(&mut self, lane: Lane) {
        self.fail(lane, 401);
    }

    fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }
}

#[test]
fn the_first_401_asks_the_app_and_everything_waits() {
    let mut rig = asking();
    rig.unauthorized(Lane::Push);
    assert_eq!(rig.state.access, Access::AwaitingToken);
    assert_eq!(rig.told(), [ASKED]);
    assert_eq!((rig.state.error.clone(), rig.wake, rig.live), (None, None, None));
    assert_eq!(rig.store.pending().unwrap()[0].failures, 0, "no attempt is counted");
    rig.write("b");
    assert!(rig.asked.is_empty());
}

#[test]
fn it_goes_on_with_the_new_token_and_the_socket_is_opened_with_it() {
    let mut rig = asking();
    let former = rig.live;
    rig.unauthorized(Lane::Push);
    rig.event(Event::TokenSet);
    assert_eq!(rig.pushing(), ["a"]);
    assert!(rig.live.is_some() && rig.live != former);
    rig.answer_push(vec![ok(11)]);
    rig.answer_pull(11, vec![], false);
    assert_eq!((rig.state.access, rig.store.counts().pending), (Access::Granted, 0));
    assert_eq!(rig.told().iter().filter(|told| *told == ASKED).count(), 1);
}

#[test]
fn a_new_token_that_is_refused_too_is_told_and_the_app_not_asked_again() {
    let mut rig = asking();
    rig.unauthorized(Lane::Push);
    for _ in 0..3 {
        rig.event(Event::TokenSet);
        rig.unauthorized(Lane::Push);
        rig.unauthorized(Lane::Pull);
        assert_eq!(rig.state.access, Access::NeedsAuth);
        assert_eq!(rig.state.error.as_ref().map(ToString::to_string).as_deref(), Some(REFUSED));
    }
    assert_eq!(rig.told(), [ASKED, REFUSED, REFUSED, REFUSED]);
    assert_eq!(rig.store.counts().pending, 1);
}

#[test]
fn a_401_of_each_lane_is_one_question() {
    let mut rig = asking();
    rig.sync();
    rig.unauthorized(Lane::Pull);
    rig.unauthorized(Lane::Push);
    assert_eq!((rig.told(), rig.state.access), (vec![ASKED.to_owned()], Access::AwaitingToken));
}

#[test]
fn what_was_refused_with_a_former_token_is_asked_again_with_the_newest() {
    for status in [401, 403] {
        let mut rig = asking();
        rig.event(Event::TokenSet);
        rig.fail(Lane::Push, status);
        assert_eq!(rig.pushing(), ["a"]);
        assert_eq!((rig.state.access, rig.state.error.clone()), (Access::Granted, None));
        assert!(rig.told().is_empty());
    }
}

#[test]
fn without_somebody_to_ask_a_401_is_told_at_once() {
    let mut rig = Rig::synced();
    rig.write("a");
    rig.unauthorized(Lane::Push);
    assert_eq!((rig.state.access, rig.told()), (Access::NeedsAuth, vec![REFUSED.to_owned()]));
    rig.event(Event::Foreground(false));
    rig.event(Event::Foreground(true));
    assert!(rig.asked.is_empty(), "nobody has a better token");
    rig.event(Event::TokenSet);
    assert_eq!((rig.pushing(), rig.state.error.clone()), (vec!["a".to_owned()], None));
}

#[test]
fn the_app_is_asked_again_once_a_token_was_good() {
    let mut rig = asking();
    rig.unauthorized(Lane::Push);
    rig.event(Event::TokenSet);
    rig.answer_push(vec![ok(11)]);
    rig.answer_pull(11, vec![], false);
    rig.told();
    rig.write("b");
    rig.unauthorized(Lane::Push);
    assert_eq!(rig.told(), [ASKED]);
}

#[test]
fn a_server_that_refuses_pushes_alone_is_no_loop_of_questions() {
    let mut rig = asking();
    for _ in 0..5 {
        rig.unauthorized(Lane::Push);
        rig.event(Event::TokenSet);
        rig.nothing_new();
    }
    assert_eq!(rig.told().iter().filter(|told| *told == ASKED).count(), 1);
}

#[test]
fn the_app_is_asked_again_when_it_may_have_a_better_answer() {
    for when in ["in the foreground", "in another network", "at the start"] {
        for refused_again in [false, true] {
            let mut rig = asking();
            rig.unauthorized(Lane::Push);
            if refused_again {
                rig.event(Event::TokenSet);
                rig.unauthorized(Lane::Push);
                rig.unauthorized(Lane::Pull);
            }
            rig.told();
            match when {
                "in the foreground" => {
                    rig.event(Event::Foreground(false));
                    rig.event(Event::Foreground(true));
                }
                "in another network" => {
                    rig.event(Event::Network(false));
                    rig.event(Event::Network(true));
                }
                _ => rig.restart(Versions::default()),
            }
            rig.unauthorized(Lane::Pull);
            assert_eq!(rig.told().iter().filter(|told| *told == ASKED).count(), 1, "{when}");
            assert_eq!(rig.state.access, Access::AwaitingToken, "{when}");
        }
    }
}

#[test]
fn the_old_token_is_not_tried_while_the_app_looks_for_another() {
    let mut rig = asking();
    rig.unauthorized(Lane::Push);
    rig.sync();
    rig.pass(Duration::from_secs(3600));
    assert!(rig.asked.is_empty());
    rig.event(Event::TokenSet);
    assert!(!rig.asked.is_empty());
}

#[test]
fn a_refused_scope_is_asked_for_again_with_a_new_token() {
    let mut rig = asking();
    rig.fail(Lane::Push, 403);
    assert!(matches!(rig.state.access, Access::Forbidden { .. }));
    assert!(rig.asked.is_empty());
    rig.event(Event::TokenSet);
    assert_eq!((rig.pushing(), rig.state.error.clone()), (vec!["a".to_owned()], None));
    assert_eq!(rig.store.counts().pending, 1);
}

#[test]
fn a_refused_scope_is_asked_for_again_at_the_start() {
    let mut rig = asking();
    rig.fail(Lane::Push, 403);
    rig.restart(Versions::default());
    assert!(rig.pull_asked().is_some());
    assert_eq!(rig.store.counts().pending, 1);
}

#[test]
fn a_token_in_the_background_lets_the_queue_be_sent() {
    let mut rig = asking();
    rig.event(Event::Foreground(false));
    rig.unauthorized(Lane::Push);
    rig.pass(Duration::from_secs(3600));
    rig.event(Event::TokenSet);
    assert_eq!((rig.pushing(), rig.live), (vec!["a".to_owned()], None));
}
