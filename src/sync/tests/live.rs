//! The live socket: when there is one, and what follows from what it tells.

use super::*;
use crate::net::{LiveEnd, LiveNews, TransportError};
use crate::sync::state::LiveState;

impl Rig {
    /// A client that is caught up at cursor 10 and hears hints.
    fn live() -> Self {
        let mut rig = Self::synced();
        rig.connect();
        rig
    }

    fn connect(&mut self) {
        self.tell(LiveNews::Opened);
        self.tell(LiveNews::Subscribed);
        let at = self.state.cursor.get();
        self.answer_pull(at, vec![], false);
        assert_eq!(self.state.live, LiveState::Up);
        assert!(self.pull_asked().is_none());
    }

    fn tell(&mut self, news: LiveNews) {
        let ticket = self.live.expect("no live socket is wanted");
        self.event(Event::Live(ticket, news));
    }

    fn hint(&mut self, number: u64) {
        self.tell(LiveNews::Hint(cursor(number)));
    }

    /// The socket ends by itself.
    fn lose(&mut self, end: LiveEnd) {
        let ticket = self.live.take().expect("no live socket is wanted");
        self.event(Event::LiveEnded(ticket, Some(end)));
    }

    fn drop_live(&mut self) {
        let (url, reason) = ("x".to_owned(), "y".to_owned());
        self.lose(LiveEnd::Failed(TransportError::Unreachable { url, reason }));
    }

    /// Lets time pass, with pulls that find nothing, until a socket is wanted. Gives how long it was.
    fn until_wanted(&mut self) -> Duration {
        let before = self.now;
        while self.live.is_none() {
            if self.pull_asked().is_some() {
                self.nothing_new();
            } else {
                self.sleep();
            }
        }
        self.now - before
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_socket_is_opened_at_the_start_and_a_pull_follows_the_acknowledgement() {
    let mut rig = Rig::synced();
    assert_eq!(rig.state.live, LiveState::Connecting);
    rig.tell(LiveNews::Opened);
    assert!(rig.pull_asked().is_none());
    assert_eq!(rig.state.live, LiveState::Connecting);
    rig.tell(LiveNews::Subscribed);
    assert!(rig.pull_asked().is_some());
    assert_eq!(rig.state.live, LiveState::Up);
}

#[test]
fn acknowledgements_after_the_first_make_nobody_pull() {
    let mut rig = Rig::synced();
    rig.tell(LiveNews::Opened);
    rig.tell(LiveNews::Subscribed);
    rig.nothing_new();
    for _ in 0..10 {
        rig.tell(LiveNews::Subscribed);
        assert!(rig.pull_asked().is_none());
    }
}

#[test]
fn an_acknowledgement_during_a_pull_is_followed_by_another_pull() {
    let mut rig = Rig::synced();
    rig.tell(LiveNews::Opened);
    rig.sync();
    rig.tell(LiveNews::Subscribed);
    rig.nothing_new();
    assert!(rig.pull_asked().is_some(), "what changed after the first one began was not hinted at");
    rig.nothing_new();
    assert!(rig.pull_asked().is_none());
}

#[test]
fn without_an_acknowledgement_a_pull_follows_after_two_seconds_once() {
    let mut rig = Rig::synced();
    rig.tell(LiveNews::Opened);
    assert_eq!(rig.sleep(), 2 * SECOND);
    rig.nothing_new();
    assert_eq!(rig.state.live, LiveState::Connecting);
    assert_eq!(rig.sleep(), 30 * SECOND, "nobody promised hints");
}

#[test]
fn while_it_is_up_polling_is_ten_times_rarer() {
    let mut rig = Rig::live();
    assert_eq!(rig.sleep(), 300 * SECOND);
    rig.nothing_new();
    assert_eq!(rig.sleep(), 300 * SECOND);
}

#[test]
fn a_plain_server_is_trusted_once_it_has_hinted() {
    let mut rig = Rig::synced_with(false);
    rig.connect();
    assert_eq!(rig.sleep(), 30 * SECOND, "it may take subscriptions and never hint");
    rig.nothing_new();
    rig.hint(11);
    rig.answer_pull(11, vec![], false);
    assert_eq!(rig.sleep(), 300 * SECOND);
}

#[test]
fn a_hint_above_the_cursor_is_followed_by_a_pull_at_once_and_no_other() {
    let mut rig = Rig::live();
    for known in [0, 9, 10] {
        rig.hint(known);
        assert!(rig.pull_asked().is_none(), "{known}");
    }
    rig.hint(11);
    assert!(rig.pull_asked().is_some());
    rig.answer_pull(11, vec![], false);
    rig.hint(11);
    assert!(rig.pull_asked().is_none());
}

#[test]
fn the_app_can_hint_too_also_in_the_background() {
    let mut rig = Rig::synced();
    rig.event(Event::Foreground(false));
    rig.pass(60 * SECOND);
    rig.event(Event::Hint(cursor(10)));
    assert!(rig.pull_asked().is_none());
    rig.event(Event::Hint(cursor(12)));
    assert!(rig.pull_asked().is_some());
    rig.answer_pull(12, vec![], false);
    assert_eq!(rig.wake, None);
}

#[test]
fn hints_during_a_pull_begin_another_one_if_it_ends_below_them() {
    let mut rig = Rig::live();
    rig.hint(11);
    for later in [12, 14, 13] {
        rig.hint(later);
    }
    rig.answer_pull(13, vec![], false);
    assert!(rig.pull_asked().is_some(), "14 is not here");
    rig.answer_pull(14, vec![], false);
    assert!(rig.pull_asked().is_none());
}

#[test]
fn hints_during_a_pull_begin_no_other_one_if_it_reaches_them() {
    let mut rig = Rig::live();
    rig.hint(11);
    rig.hint(12);
    rig.answer_pull(11, vec![], true);
    rig.answer_pull(12, vec![], false);
    assert!(rig.pull_asked().is_none());
}

#[test]
fn a_hint_that_is_never_reached_is_followed_by_one_pull() {
    let mut rig = Rig::live();
    rig.hint(1_000_000);
    rig.nothing_new();
    assert!(rig.pull_asked().is_none());
    assert_eq!(rig.sleep(), 300 * SECOND);
}

#[test]
fn hints_that_keep_promising_what_is_not_there_are_followed_by_fewer_and_fewer_pulls() {
    let mut rig = Rig::live();
    let mut pulls = 0;
    for second in 0..1_000 {
        rig.hint(1_000_000 + second);
        while rig.pull_asked().is_some() {
            pulls += 1;
            rig.nothing_new();
        }
        rig.pass(SECOND);
    }
    assert!((20..200).contains(&pulls), "{pulls}");
    while rig.pull_asked().is_none() {
        assert!(rig.sleep() <= 30 * SECOND);
    }
    // Once there is something, hints are worth following again.
    rig.answer_pull(11, vec![], false);
    rig.hint(2_000_000);
    assert!(rig.pull_asked().is_some());
}

#[test]
fn what_a_former_socket_still_tells_is_not_heard() {
    let mut rig = Rig::live();
    let former = rig.live.unwrap();
    rig.drop_live();
    rig.nothing_new();
    rig.event(Event::Live(former, LiveNews::Hint(cursor(99))));
    assert!(rig.pull_asked().is_none());
    rig.until_wanted();
    rig.event(Event::LiveEnded(former, None));
    assert_eq!(rig.state.live, LiveState::Connecting);
}

#[test]
fn when_it_drops_one_pull_follows_at_once_and_polling_is_as_before() {
    let mut rig = Rig::live();
    rig.drop_live();
    assert!(rig.pull_asked().is_some());
    assert_eq!(rig.state.live, LiveState::Off);
    rig.nothing_new();
    assert!(rig.until_wanted() <= SECOND, "it is opened again soon");
    let waited = rig.sleep();
    assert!(waited > 28 * SECOND && waited <= 30 * SECOND, "{waited:?}");
}

#[test]
fn one_that_drops_again_and_again_is_opened_more_and_more_rarely() {
    let mut rig = Rig::live();
    let mut longest = Duration::ZERO;
    for _ in 0..30 {
        rig.drop_live();
        let waited = rig.until_wanted();
        assert!(waited <= 60 * SECOND);
        longest = longest.max(waited);
        rig.connect();
    }
    assert!(longest > 10 * SECOND, "{longest:?}");
    // One that was good begins anew.
    rig.pass(61 * SECOND);
    rig.drop_live();
    assert!(rig.until_wanted() <= SECOND);
}

#[test]
fn a_server_without_one_is_asked_for_it_every_few_minutes() {
    for status in [500, 404, 400, 200, 301] {
        let mut rig = Rig::synced();
        for _ in 0..3 {
            rig.lose(LiveEnd::Refused { status });
            assert!(rig.pull_asked().is_none());
            let waited = rig.until_wanted();
            assert!((120 * SECOND..=300 * SECOND).contains(&waited), "{status}: {waited:?}");
        }
    }
}

#[test]
fn a_server_that_is_not_well_is_asked_for_one_sooner() {
    for status in [502, 503, 504, 429] {
        let mut rig = Rig::synced();
        rig.lose(LiveEnd::Refused { status });
        assert!(rig.until_wanted() <= SECOND);
    }
}

#[test]
fn one_that_is_refused_to_this_user_is_followed_by_a_pull_which_tells() {
    for (status, access) in
        [(401, Access::NeedsAuth), (403, Access::Forbidden { until: Moment::from_secs(1_900) })]
    {
        let mut rig = Rig::synced();
        rig.lose(LiveEnd::Refused { status });
        assert!(rig.pull_asked().is_some());
        rig.fail(Lane::Pull, status);
        assert_eq!(rig.state.access, access);
        assert_eq!(rig.live, None);

        // Or it is refused to everybody, by something between.
        let mut rig = Rig::synced();
        rig.lose(LiveEnd::Refused { status });
        rig.nothing_new();
        assert_eq!(rig.state.access, Access::Granted);
        assert!(rig.until_wanted() >= 120 * SECOND);
    }
}

#[test]
fn a_transport_without_one_is_not_asked_again() {
    let mut rig = Rig::synced();
    let ticket = rig.live.take().unwrap();
    rig.event(Event::LiveEnded(ticket, None));
    for _ in 0..50 {
        assert_eq!(rig.sleep(), 30 * SECOND);
        rig.nothing_new();
    }
    assert_eq!((rig.live, rig.state.live), (None, LiveState::Off));
}

#[test]
fn a_client_that_wants_none_opens_none() {
    let mut rig = Rig::new(true);
    rig.engine.config.live = false;
    rig.start();
    rig.answer_snapshot(10);
    rig.nothing_new();
    assert_eq!(rig.live, None);
}

#[test]
fn in_the_background_it_is_closed_and_nothing_is_left_to_wait_for() {
    let mut rig = Rig::live();
    rig.event(Event::Foreground(false));
    assert_eq!((rig.live, rig.state.live, rig.wake), (None, LiveState::Off, None));
    rig.event(Event::Foreground(true));
    assert!(rig.live.is_some() && rig.pull_asked().is_some());
}

#[test]
fn without_a_network_it_is_closed_and_opened_at_once_when_the_network_is_back() {
    let mut rig = Rig::synced();
    rig.lose(LiveEnd::Refused { status: 500 });
    rig.event(Event::Network(false));
    rig.event(Event::Network(true));
    assert!(rig.live.is_some());
    rig.nothing_new();
    rig.connect();
    rig.event(Event::Network(false));
    assert_eq!((rig.live, rig.state.live), (None, LiveState::Off));
    rig.event(Event::Network(true));
    assert!(rig.live.is_some());
    let open = rig.live;
    rig.event(Event::Network(true));
    assert_eq!(rig.live, open, "it is a socket of this network");
}

#[test]
fn while_the_server_does_not_answer_no_socket_is_tried() {
    let mut rig = Rig::live();
    rig.drop_live();
    rig.disconnect(Lane::Pull);
    for _ in 0..20 {
        rig.sleep();
        assert_eq!(rig.live, None);
        rig.disconnect(Lane::Pull);
    }
    rig.sleep();
    rig.nothing_new();
    assert!(rig.live.is_some(), "it answers again");
}

#[test]
fn one_that_cannot_be_reached_is_tried_less_and_less() {
    let mut rig = Rig::synced();
    let mut longest = Duration::ZERO;
    for _ in 0..30 {
        rig.drop_live();
        assert!(rig.pull_asked().is_none(), "nothing was open");
        longest = longest.max(rig.until_wanted());
    }
    assert!((60 * SECOND..=300 * SECOND).contains(&longest), "{longest:?}");
}

#[test]
fn a_refusal_of_the_requests_closes_it() {
    let mut rig = Rig::live();
    rig.sync();
    rig.fail(Lane::Pull, 403);
    assert_eq!(rig.live, None);
    rig.pass(900 * SECOND);
    assert!(rig.live.is_some());
}

#[test]
fn a_hint_waits_for_what_the_server_asked_for() {
    let mut rig = Rig::live();
    rig.sync();
    let retry_after = Some(40 * SECOND);
    let failure = Failure::Status { status: 503, code: None, error: String::new(), retry_after };
    rig.answer(Lane::Pull, Err(failure));
    rig.hint(11);
    rig.pass(39 * SECOND);
    assert!(rig.pull_asked().is_none());
    rig.pass(SECOND);
    assert!(rig.pull_asked().is_some());
}
