//! What every transition does in every state.

use crate::device::{Device, Life, STATES};
use crate::process::{assert_each, shared};
use crate::transition::{Outcome, Transition};

/// The result, and the life after it. `refuse` and `lose` are the two kinds of `wipe` while there is something unsent.
/// `paused+` is paused with a sync that a resume starts. `seen` and `hidden` are `set_foreground`, `online` and `offline`
/// are `set_network`. As states, `offline` is running without a network, `unreachable` running with a server that is not
/// there, and `hanging` running with one that does not answer.
const TABLE: &str = "
            start           stop       pause         resume        seen         hidden       online       offline      token        hint         close         refuse           lose          drop
new         ok:running      ok:stopped ok:paused     ok:stopped    ok:stopped   ok:stopped   ok:stopped   ok:stopped   ok:stopped   ok:stopped   ok:closed     unsent:stopped   ok:wiped      ok:dropped
online      started:running ok:stopped ok:paused+    ok:running    ok:running   ok:running   ok:running   ok:running   ok:running   ok:running   ok:closed     unsent:running   ok:wiped      ok:dropped
offline     started:running ok:stopped ok:paused+    ok:running    ok:running   ok:running   ok:running   ok:running   ok:running   ok:running   ok:closed     unsent:running   ok:wiped      ok:dropped
unreachable started:running ok:stopped ok:paused+    ok:running    ok:running   ok:running   ok:running   ok:running   ok:running   ok:running   ok:closed     unsent:running   ok:wiped      ok:dropped
hanging     started:running ok:stopped ok:paused+    ok:running    ok:running   ok:running   ok:running   ok:running   ok:running   ok:running   ok:closed     unsent:running   ok:wiped      ok:dropped
stopped     ok:running      ok:stopped ok:paused     ok:stopped    ok:stopped   ok:stopped   ok:stopped   ok:stopped   ok:stopped   ok:stopped   ok:closed     unsent:stopped   ok:wiped      ok:dropped
paused+     paused:paused+  ok:paused  ok:paused+    ok:running    ok:paused+   ok:paused+   ok:paused+   ok:paused+   ok:paused+   ok:paused+   ok:closed     unsent:paused+   ok:wiped      ok:dropped
paused      paused:paused   ok:paused  ok:paused     ok:stopped    ok:paused    ok:paused    ok:paused    ok:paused    ok:paused    ok:paused    ok:closed     unsent:paused    ok:wiped      ok:dropped
closed      closed:closed   ok:closed  closed:closed closed:closed ok:closed    ok:closed    ok:closed    ok:closed    ok:closed    ok:closed    ok:closed     closed:closed    closed:closed ok:dropped
wiped       closed:wiped    ok:wiped   closed:wiped  closed:wiped  ok:wiped     ok:wiped     ok:wiped     ok:wiped     ok:wiped     ok:wiped     ok:wiped      closed:wiped     closed:wiped  ok:dropped
panicked    ok:running      ok:stopped ok:paused+    ok:panicked   ok:panicked  ok:panicked  ok:panicked  ok:panicked  ok:panicked  ok:panicked  ok:closed     unsent:panicked  ok:wiped      ok:dropped
";

/// What the table says.
pub fn expected(state: &str, transition: Transition) -> (Outcome, Life) {
    let row = TABLE.lines().find(|line| line.split_whitespace().next() == Some(state)).expect("it has a row");
    let column = Transition::ALL.iter().position(|other| *other == transition).expect("it has a column");
    let cell = row.split_whitespace().nth(column + 1).expect("the row is whole");
    let (outcome, life) = cell.split_once(':').expect("a cell is an outcome and a life");
    (Outcome::named(outcome), Life::named(life))
}

#[test]
fn the_table_names_its_columns_in_the_order_of_the_transitions() {
    let names = TABLE.lines().nth(1).unwrap().split_whitespace();
    assert!(names.eq(Transition::ALL.map(|transition| format!("{transition:?}").to_lowercase())));
}

#[test]
fn every_transition_from_every_state_gives_and_leaves_what_the_table_says() {
    let _shared = shared();
    let cells = STATES.into_iter().flat_map(|state| Transition::ALL.map(|transition| (state, transition)));
    assert_each(cells.collect(), |(state, transition)| {
        one(state, true, transition, expected(state, transition))
    });
}

#[test]
fn a_wipe_that_refuses_to_lose_anything_wipes_where_there_is_nothing_to_lose() {
    let _shared = shared();
    assert_each(STATES.to_vec(), |state| {
        one(state, false, Transition::Refuse, expected(state, Transition::Lose))
    });
}

fn one(state: &str, unsent: bool, transition: Transition, expected: (Outcome, Life)) -> Result<(), String> {
    let mut device = Device::in_state(state, unsent);
    let result = transition.make(&mut device.client);
    expected.0.check(&result)?;
    device.check(expected.1)
}
