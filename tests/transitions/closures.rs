//! Every transition from inside of the closures that the app gives to a call.

use std::sync::{Arc, Mutex, mpsc};

use mizu_sync::{Client, Error};
use serde_json::json;

use crate::device::{Device, Life};
use crate::line::{At, Line, Says};
use crate::process::{assert_each, shared, within};
use crate::support::{Note, SOON};
use crate::table::expected;
use crate::transition::Transition;

/// Calls that take a closure which may end the client that it is given to.
const CALLS: [&str; 7] =
    ["batch", "mutate_expecting", "batch update", "find", "update", "reactive batch", "cleanup"];

/// What came of a transition, and the handle if it is left.
type Made = (Result<(), Error>, Option<Arc<Client>>);

#[test]
fn every_transition_from_inside_of_the_apps_closures_gives_and_leaves_what_the_table_says() {
    let _shared = shared();
    let cells = CALLS.into_iter().flat_map(|call| Transition::ALL.map(|transition| (call, transition)));
    // These borrow the client.
    let borrows = |call| matches!(call, "batch" | "mutate_expecting" | "batch update");
    let cells = cells.filter(|(call, transition)| *transition != Transition::Drop || !borrows(*call));
    assert_each(cells.collect(), |(call, transition)| one(call, transition));
}

fn one(call: &str, transition: Transition) -> Result<(), String> {
    let mut device = Device::in_state("online", true);
    device.line.say(Says::Yes);
    let notes = device.notes.clone();
    notes.create("here", Note::new("")).unwrap();
    let client = device.client.take().unwrap();
    let made: Arc<Mutex<Option<Made>>> = Arc::default();
    let inside = {
        let (made, client) = (Arc::clone(&made), Mutex::new(Some(Arc::clone(&client))));
        Arc::new(move || {
            let Some(client) = client.lock().unwrap().take() else { return };
            let mut client = Some(client);
            let result = transition.make(&mut client);
            *made.lock().unwrap() = Some((result, client));
        })
    };
    // What they give is another matter: they may find that the client is closed.
    match call {
        "batch" => drop(client.batch(|batch| {
            inside();
            batch.add(&notes, &Note::new(""))
        })),
        "mutate_expecting" => drop(client.mutate_expecting("x", &json!({}), |expected| {
            inside();
            expected.add(&notes, &Note::new("")).map(drop)
        })),
        "batch update" => drop(client.batch(|batch| batch.update(&notes, "here", |_| inside()))),
        _ => {}
    }
    drop(client);
    match call {
        "find" => drop(notes.find(|_| {
            inside();
            true
        })),
        "update" => drop(notes.get("here").update(|note| {
            inside();
            note.starred = true;
        })),
        "reactive batch" => mizu_sync::batch(|| inside()),
        "cleanup" => drop(mizu_sync::Effect::new(move || {
            let inside = Arc::clone(&inside);
            mizu_sync::reactive::on_cleanup(move || inside());
        })),
        _ => {}
    }
    drop(notes);
    let (result, client) = made.lock().unwrap().take().ok_or("it was not made")?;
    device.client = client;
    let (outcome, life) = expected("online", transition);
    outcome.check(&result)?;
    check(device, life)
}

/// A client whose transport makes a transition when it is asked for the first time.
#[test]
fn a_transport_that_is_asked_for_may_make_any_transition_of_the_client_that_starts() {
    let _shared = shared();
    let cells = Transition::ALL.into_iter().filter(|transition| *transition != Transition::Drop);
    assert_each(cells.collect(), at_start);
}

fn at_start(transition: Transition) -> Result<(), String> {
    let line = Line::new(Says::Yes);
    let client: Arc<Mutex<Option<Arc<Client>>>> = Arc::default();
    let made = Arc::new(Mutex::new(None));
    let (inside, tell, wire) = (Arc::clone(&client), Arc::clone(&made), Arc::clone(&line));
    let mut device = Device::with(line, |builder, heard| {
        let heard = Mutex::new(heard);
        builder.on_sync(move |_| heard.lock().unwrap().send("on_sync").unwrap_or(())).transport(move || {
            let client = inside.lock().unwrap().take();
            if client.is_some() {
                *tell.lock().unwrap() = Some(transition.make(&mut client.clone()));
            }
            wire.wire()
        })
    });
    device.notes.create("unsent", Note::new("")).unwrap();
    client.lock().unwrap().clone_from(&device.client);
    let started = device.client().start();
    let result = made.lock().unwrap().take().ok_or("the transport is not asked for")?;
    let (outcome, life) = expected("new", transition);
    outcome.check(&result)?;
    // The start goes on after it.
    let name = match life {
        Life::Paused { .. } => "paused",
        Life::Closed => "closed",
        Life::Wiped => "wiped",
        Life::Running => "online",
        _ => "new",
    };
    let (outcome, life) = expected(name, Transition::Start);
    outcome.check(&started).map_err(|error| format!("the start: {error}"))?;
    if matches!(life, Life::Closed | Life::Wiped | Life::Paused { .. }) {
        device.heard.try_iter().for_each(drop);
    }
    device.client().set_network(true);
    device.watching.clear();
    device.check(life)
}

/// Places of the app's own transport where the client is not in the midst of a transition.
const OWN: [At; 3] = [At::Driver, At::Exchange, At::Dropped];

#[test]
fn every_transition_from_inside_of_the_apps_own_transport_gives_and_leaves_what_the_table_says() {
    let _shared = shared();
    let cells = OWN.into_iter().flat_map(|at| Transition::ALL.map(|transition| (at, transition)));
    assert_each(cells.collect(), |(at, transition)| in_transport(at, transition));
}

fn in_transport(at: At, transition: Transition) -> Result<(), String> {
    let mut device = Device::in_state(if at == At::Dropped { "online" } else { "new" }, true);
    device.line.say(Says::Conflict);
    let client = device.client.take().unwrap();
    let (tell, told) = mpsc::channel();
    let mut inside = Some(Arc::clone(&client));
    let (go, waits) = mpsc::channel::<()>();
    device.line.once(at, move || {
        if at != At::Dropped {
            waits.recv().unwrap();
        }
        let result = transition.make(&mut inside);
        tell.send((result, inside)).unwrap();
    });
    // A transport is dropped when the sync is stopped, by whoever is the last that has it.
    if at == At::Dropped {
        client.stop();
    } else {
        client.start().unwrap();
    }
    drop(client);
    let _ = go.send(());
    let (result, client) = told.recv_timeout(SOON).map_err(|error| format!("it does not return: {error}"))?;
    device.client = client;
    let state = if at == At::Dropped { "stopped" } else { "online" };
    let (outcome, life) = expected(state, transition);
    outcome.check(&result)?;
    check(device, life)
}

/// What was called before the transition may still be under way.
fn check(device: Device, life: Life) -> Result<(), String> {
    if life == Life::Stopped {
        device.client().delivered(SOON).map_err(|error| error.to_string())?;
    }
    device.heard.try_iter().for_each(drop);
    device.check(life)
}

#[test]
fn a_start_on_the_thread_of_a_sync_that_was_stopped_there_does_not_wait_for_itself() {
    let _shared = shared();
    let done = within(|| {
        let device = Device::new(Says::Yes);
        let client = Arc::clone(device.client.as_ref().unwrap());
        let ((tell, told), (go, waits)) = (mpsc::channel(), mpsc::channel::<()>());
        device.line.once(At::Driver, move || {
            waits.recv().unwrap();
            client.stop();
            let started = client.start();
            drop(client);
            tell.send(started).unwrap();
        });
        device.client().start().unwrap();
        go.send(()).unwrap();
        let started = told.recv_timeout(SOON).unwrap();
        assert!(matches!(started, Err(Error::TimedOut { .. })), "{started:?}");
        device.check(Life::Stopped)
    });
    assert_eq!(done, Ok(Ok(())));
}
