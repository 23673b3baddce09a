//! Every transition from inside of everything that the client calls on its own thread.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, OnceLock};

use mizu_sync::reactive::set_error_handler;
use mizu_sync::{Client, Effect, Error, StoreError, Subscription};

use crate::device::{Device, Life};
use crate::line::{Line, Says};
use crate::process::{assert_each, shared, within};
use crate::support::{Note, SOON};
use crate::table::expected;
use crate::transition::Transition;

/// What the client calls.
const PLACES: [&str; 11] = [
    "on_sync",
    "on_error",
    "on_online",
    "on_offline",
    "on_rejected",
    "on_token_needed",
    "effect",
    "query listener",
    "entity listener",
    "status effect",
    "error handler",
];

#[test]
fn every_transition_from_inside_of_everything_that_is_called_gives_and_leaves_what_the_table_says() {
    let _shared = shared();
    let cells = PLACES.into_iter().flat_map(|place| Transition::ALL.map(|transition| (place, transition)));
    assert_each(cells.collect(), |(place, transition)| one(place, transition));
}

fn one(place: &'static str, transition: Transition) -> Result<(), String> {
    let (go, waits) = mpsc::channel();
    let (made, told) = mpsc::channel();
    let hook = Arc::new(Hook {
        place,
        transition,
        line: Line::new(says_first(place)),
        client: Mutex::default(),
        go: Mutex::new(waits),
        is_made: AtomicBool::new(false),
        made: Mutex::new(made),
        late: Mutex::default(),
    });
    let mut device = device(&hook);
    let client = device.client.take().unwrap();
    device.watching = watch(&hook, &client);
    bring_to(place, &client, || *hook.client.lock().unwrap() = Some(Arc::clone(&client)));
    // What is inside has the last handle.
    drop(client);
    go.send(()).unwrap();
    let (result, client) = told.recv_timeout(SOON).map_err(|error| format!("it does not return: {error}"))?;
    device.client = client;
    let (outcome, life) = expected("online", transition);
    outcome.check(&result)?;
    if life == Life::Stopped {
        device.client().delivered(SOON).map_err(|error| error.to_string())?;
        hook.assert_late(|name, _| name.starts_with("on_"))?;
        device.heard.try_iter().for_each(drop);
    }
    device.check(life)?;
    match life {
        Life::Closed | Life::Wiped | Life::Dropped => hook.assert_late(|_, _| true),
        _ => hook.assert_late(|_, paused| paused),
    }
}

/// Makes one transition in one place, and notes who is called after it.
struct Hook {
    place: &'static str,
    transition: Transition,
    line: Arc<Line>,
    /// The last handle, until the place is reached.
    client: Mutex<Option<Arc<Client>>>,
    go: Mutex<Receiver<()>>,
    is_made: AtomicBool,
    made: Mutex<Sender<Made>>,
    /// Who was called afterwards, and whether the client was paused then.
    late: Mutex<Vec<(&'static str, bool)>>,
}

/// What came of it, and the handle if it is left.
type Made = (Result<(), Error>, Option<Arc<Client>>);

impl Hook {
    /// This place is called, and has read this. Whether it was after the transition.
    fn called(&self, place: &'static str, read: Option<&Error>) -> bool {
        if self.is_made.load(Ordering::SeqCst) {
            let paused = matches!(read, Some(Error::Store(StoreError::Paused)));
            self.late.lock().unwrap().push((place, paused));
            return true;
        }
        if place != self.place {
            return false;
        }
        let mut client = self.client.lock().unwrap().take();
        if client.is_none() {
            return false;
        }
        self.go.lock().unwrap().recv().unwrap();
        self.let_others_wait(client.as_ref().unwrap());
        let result = self.transition.make(&mut client);
        self.is_made.store(true, Ordering::SeqCst);
        // The test may have given up.
        let _ = self.made.lock().unwrap().send((result, client));
        false
    }

    /// Fills the queue behind the one that runs: with each kind of callback, and with effects.
    fn let_others_wait(&self, client: &Client) {
        client.set_network(true);
        client.set_token("good").unwrap();
        for says in [Says::Yes, Says::Conflict] {
            self.line.say(says);
            client.collection::<Note>("note").add(Note::new("")).unwrap();
            client.sync(SOON).unwrap();
        }
    }

    /// None of those was called afterwards.
    fn assert_late(&self, wrong: impl Fn(&str, bool) -> bool) -> Result<(), String> {
        let late = self.late.lock().unwrap();
        let late: Vec<_> = late.iter().filter(|(name, paused)| wrong(name, *paused)).collect();
        if late.is_empty() { Ok(()) } else { Err(format!("called afterwards, and whether paused: {late:?}")) }
    }
}

/// A client whose callbacks lead to the hook.
fn device(hook: &Arc<Hook>) -> Device {
    Device::with(Arc::clone(&hook.line), |builder, heard| {
        let call = |name: &'static str| {
            let (hook, heard) = (Arc::clone(hook), Mutex::new(heard.clone()));
            move || {
                if hook.called(name, None) {
                    let _ = heard.lock().unwrap().send(name);
                }
            }
        };
        let (synced, failed, refused) = (call("on_sync"), call("on_error"), call("on_rejected"));
        builder
            .on_sync(move |_| synced())
            .on_error(move |_| failed())
            .on_online(call("on_online"))
            .on_offline(call("on_offline"))
            .on_rejected(move |_| refused())
            .on_token_needed(call("on_token_needed"))
    })
}

/// Effects and listeners that lead to the hook. One commit makes all of them due.
fn watch(hook: &Arc<Hook>, client: &Client) -> Vec<Box<dyn std::any::Any>> {
    let notes = client.collection::<Note>("note");
    handle_errors();
    let effect = |name: &'static str| {
        let (hook, notes) = (Arc::clone(hook), notes.clone());
        Effect::new(move || {
            // The listener of a query that cannot be read is not called; this one is.
            let read = notes.count().err();
            hook.called(name, read.as_ref());
        })
    };
    let of = Arc::clone(hook);
    let query = notes.query().subscribe(move |_| _ = of.called("query listener", None));
    let of = Arc::clone(hook);
    let entity = notes.get("watched").subscribe(move |_| _ = of.called("entity listener", None));
    let (of, status) = (Arc::clone(hook), client.status());
    let status = Effect::new(move || {
        let _ = status.get();
        of.called("status effect", None);
    });
    let (of, all) = (Arc::clone(hook), notes.clone());
    let fails = Effect::new(move || {
        let read = all.count().err();
        Err(Carried(Arc::clone(&of), read).into())
    });
    vec![
        Box::new(effect("effect")),
        Box::new(query),
        Box::new(entity),
        Box::new(status),
        Box::new(fails),
        Box::new(effect("last effect")),
    ]
}

/// An error that brings the hook to the handler of all effects in the process.
struct Carried(Arc<Hook>, Option<Error>);

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an effect fails, as it is meant to")
    }
}

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Carried {}

fn handle_errors() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        set_error_handler(|error| {
            // Others fail because the client is closed.
            if let Ok(carried) = error.into_inner().downcast::<Carried>() {
                let Carried(hook, read) = *carried;
                hook.called("error handler", read.as_ref());
            }
        });
    });
}

/// What the server says at first, so that the place is reached.
const fn says_first(place: &str) -> Says {
    match place.as_bytes() {
        b"on_error" => Says::NotThere,
        b"on_rejected" => Says::Conflict,
        b"on_token_needed" => Says::Unauthorized,
        _ => Says::Yes,
    }
}

/// Lets the client reach the place, once the hook is armed.
fn bring_to(place: &str, client: &Client, arm: impl FnOnce()) {
    let notes = client.collection::<Note>("note");
    match place {
        "on_offline" => {
            client.start().unwrap();
            client.sync(SOON).unwrap();
            arm();
            client.set_network(false);
        }
        "effect" | "query listener" | "entity listener" | "error handler" => {
            client.start().unwrap();
            client.sync(SOON).unwrap();
            client.delivered(SOON).unwrap();
            arm();
            notes.create("watched", Note::new("")).unwrap();
        }
        "on_rejected" => {
            notes.add(Note::new("")).unwrap();
            arm();
            client.start().unwrap();
        }
        _ => {
            arm();
            client.start().unwrap();
        }
    }
}

#[test]
fn an_effect_or_a_listener_may_be_dropped_by_itself_and_does_not_run_again() {
    let _shared = shared();
    let done = within(|| {
        let client = Client::builder("http://127.0.0.1:9/_sync", "user:1").in_memory().open().unwrap();
        let notes = client.collection::<Note>("note");
        let (tell, told) = mpsc::channel();
        for stops_first in [false, true] {
            let effect: Arc<Mutex<Option<Effect>>> = Arc::default();
            let (itself, of, ran) = (Arc::clone(&effect), notes.clone(), tell.clone());
            let made = Effect::new(move || {
                of.count()?;
                ran.send("effect")?;
                // Not while it is locked: it drops what it has, too.
                let taken = itself.lock().unwrap().take();
                if let (true, Some(effect)) = (stops_first, &taken) {
                    effect.stop();
                }
                drop(taken);
                Ok(())
            });
            *effect.lock().unwrap() = Some(made);
            let listener: Arc<Mutex<Option<Subscription>>> = Arc::default();
            let (itself, ran) = (Arc::clone(&listener), tell.clone());
            let made = notes.query().subscribe(move |_| {
                ran.send("listener").unwrap();
                let taken = itself.lock().unwrap().take();
                if let (true, Some(listener)) = (stops_first, &taken) {
                    listener.stop();
                }
                drop(taken);
            });
            *listener.lock().unwrap() = Some(made);
            // The first run is on this thread, when there is nothing to drop yet. In the second they end themselves.
            for _ in 0..3 {
                notes.add(Note::new("")).unwrap();
                client.delivered(SOON).unwrap();
            }
            let ran: Vec<_> = told.try_iter().collect();
            assert_eq!(ran, ["effect", "listener", "effect", "listener"], "stops first: {stops_first}");
        }
    });
    assert_eq!(done, Ok(()));
}
