//! Two transitions at once: they are as if one had come after the other, and leave nothing behind.

use std::sync::{Arc, Barrier, LazyLock};
use std::thread;

use mizu_sync::Effect;

use crate::device::{Device, Life, Look, look};
use crate::process::{alone, assert_each, left_threads, open_files, within};
use crate::support::{Note, TestServer};
use crate::table::expected;
use crate::transition::{Outcome, Transition};

/// Rounds of each pair from each life.
const ROUNDS: usize = 2;

const LIVES: [Life; 3] = [Life::Running, Life::Stopped, Life::Paused { runs: true }];

#[test]
fn two_transitions_at_once_are_as_if_one_came_after_the_other_and_leave_nothing_behind() {
    let _alone = alone();
    let pairs = Transition::ALL
        .into_iter()
        .enumerate()
        .flat_map(|(number, one)| Transition::ALL.into_iter().skip(number).map(move |other| (one, other)));
    assert_each(pairs.collect(), |(one, other)| {
        static SERVER: LazyLock<TestServer> = LazyLock::new(TestServer::start);
        LIVES.into_iter().try_for_each(|life| {
            let mut rounds = 0..ROUNDS;
            let done = rounds.try_for_each(|_| round(&SERVER, life, [one, other]));
            done.map_err(|reason| format!("from {life:?}: {reason}"))
        })
    });
    assert_eq!(left_threads(), Vec::<String>::new(), "threads are left");
}

fn round(server: &TestServer, life: Life, pair: [Transition; 2]) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let client = Arc::new(Device::builder(server.url(), &path).open().unwrap());
    let notes = client.collection::<Note>("note");
    let of = notes.clone();
    let effect = Effect::new(move || drop(of.count()));
    match life {
        Life::Running => client.start().unwrap(),
        Life::Paused { .. } => {
            client.start().unwrap();
            client.pause().unwrap();
        }
        _ => {}
    }
    let barrier = Barrier::new(2);
    let (first, second) = thread::scope(|scope| {
        let spawn = |transition: Transition| {
            let (mut client, barrier) = (Some(Arc::clone(&client)), &barrier);
            scope.spawn(move || {
                barrier.wait();
                Outcome::of(&transition.make(&mut client))
            })
        };
        let both = pair.map(spawn);
        // Those two have the last handles, if they drop them.
        let both = both.map(thread::ScopedJoinHandle::join);
        let [first, second] = both.map(|joined| joined.expect("a transition does not panic"));
        (first, second)
    });
    let seen = look(Some(&client), &notes, &path);
    let [one, other] = pair;
    let in_order = {
        let (first_then, middle) = then(life, one);
        let (second_then, end) = then(middle, other);
        (first_then, second_then, end)
    };
    let in_reverse = {
        let (second_then, middle) = then(life, other);
        let (first_then, end) = then(middle, one);
        (first_then, second_then, end)
    };
    let fits = |(expected_first, expected_second, end): &(Outcome, Outcome, Life)| {
        (*expected_first, *expected_second) == (first, second) && Look::of(*end) == seen
    };
    let fitting: Vec<Life> = [in_order, in_reverse].iter().filter(|it| fits(it)).map(|it| it.2).collect();
    if fitting.is_empty() {
        return Err(format!(
            "they give {first:?} and {second:?}, and it is seen as: {seen}; as if one came after the other it is \
             {in_order:?} or {in_reverse:?}"
        ));
    }
    if matches!(fitting[0], Life::Paused { .. }) {
        client.resume().map_err(|error| format!("resume: {error}"))?;
        let seen = look(Some(&client), &notes, &path);
        let goes_on = fitting.iter().any(|life| Look::of(then(*life, Transition::Resume).1) == seen);
        if !goes_on {
            return Err(format!("after a resume it is seen as: {seen}"));
        }
    }
    drop((effect, notes, client));
    let open = open_files(folder.path());
    if open.is_empty() { Ok(()) } else { Err(format!("files are still open: {open:?}")) }
}

/// What a transition does where nothing is unsent and the handle is not the last one.
fn then(life: Life, transition: Transition) -> (Outcome, Life) {
    let state = match life {
        Life::Running => "online",
        Life::Stopped => "stopped",
        Life::Paused { runs: true } => "paused+",
        Life::Paused { runs: false } => "paused",
        Life::Closed => "closed",
        Life::Wiped => "wiped",
        Life::Panicked => "panicked",
        Life::Dropped => return (Outcome::Ok, life),
    };
    match transition {
        Transition::Drop => (Outcome::Ok, life),
        Transition::Refuse => expected(state, Transition::Lose),
        transition => expected(state, transition),
    }
}

#[test]
fn a_client_whose_last_handles_are_dropped_at_once_leaves_nothing_behind() {
    let _alone = alone();
    let server = TestServer::start();
    let done = within(move || {
        for _ in 0..10 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.db");
            let client = Arc::new(Device::builder(server.url(), &path).open().unwrap());
            client.start().unwrap();
            let barrier = Barrier::new(2);
            thread::scope(|scope| {
                for handle in [Arc::clone(&client), client] {
                    scope.spawn(|| {
                        barrier.wait();
                        drop(handle);
                    });
                }
            });
            assert_eq!(open_files(folder.path()), Vec::<String>::new());
            drop(Device::builder(server.url(), &path).open().expect("the file is free"));
        }
        left_threads()
    });
    assert_eq!(done, Ok(Vec::new()));
}
