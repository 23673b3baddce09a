//! A server within the process, and the way to it: it answers as it is told to, and is never asked in vain to stop.

use std::io::Cursor as Bytes;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use mizu_sync::net::{Endpoint, Lane, Request, Response, Token, Transport, TransportError};
use serde_json::{Value, json};

use crate::support::SOON;

/// What the server says to whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// It takes everything.
    Yes,
    /// It takes everything but mutations, which it refuses for good.
    Conflict,
    /// It wants another token.
    Unauthorized,
    /// It is not there.
    NotThere,
    /// Nothing, until somebody gives up.
    Nothing,
    /// Nothing, and nobody can be made to give up: what the system cannot be told to stop.
    NothingEver,
}

/// The cursor of the empty snapshot, before everything in the log.
const BEGINNING: usize = 5;

/// The server, and what it was asked.
pub struct Line {
    state: Mutex<State>,
    changed: Condvar,
    /// What is done once at a place.
    once: Mutex<Vec<(At, Work)>>,
}

/// Something of the app's.
type Work = Box<dyn FnOnce() + Send>;

/// Where code of the app's own transport runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// On the thread that drives the sync.
    Driver,
    /// On one that talks to the server.
    Exchange,
    /// Where the transport is dropped.
    Dropped,
}

struct State {
    says: Says,
    /// What it has taken, the first with the cursor after [`BEGINNING`].
    log: Vec<Value>,
    asked: usize,
    /// Whether the next thread that hands over the token panics: the one that drives the sync.
    panics: bool,
    /// Whether the next shutdown does.
    panics_at_shutdown: bool,
}

impl Line {
    pub fn new(says: Says) -> Arc<Self> {
        let state = State { says, log: Vec::new(), asked: 0, panics: false, panics_at_shutdown: false };
        Arc::new(Self { state: Mutex::new(state), changed: Condvar::new(), once: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// From now on it says this, also to those who wait.
    pub fn say(&self, says: Says) {
        self.state().says = says;
        self.changed.notify_all();
    }

    /// Lets the thread of the next sync panic.
    pub fn panic_once(&self) {
        self.state().panics = true;
    }

    /// Lets the next shutdown panic, after it is done.
    pub fn panic_at_shutdown(&self) {
        self.state().panics_at_shutdown = true;
    }

    /// Lets this be done once, with nothing locked.
    pub fn once(&self, at: At, work: impl FnOnce() + Send + 'static) {
        self.once.lock().unwrap().push((at, Box::new(work)));
    }

    fn reached(&self, at: At) {
        let work = {
            let mut once = self.once.lock().unwrap();
            once.iter().position(|(of, _)| *of == at).map(|place| once.remove(place).1)
        };
        if let Some(work) = work {
            work();
        }
    }

    /// Somebody else writes at the server.
    pub fn write(&self) {
        let mut state = self.state();
        let taken = json!({ "name": "note.create", "args": { "id": "theirs", "data": { "text": "", "starred": false } } });
        apply(&mut state, &taken);
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.state().asked
    }

    /// Waits until it was asked so often.
    pub fn wait_asked(&self, times: usize) {
        let waited = self.changed.wait_timeout_while(self.state(), SOON, |state| state.asked < times);
        assert!(!waited.unwrap().1.timed_out(), "it is not asked");
    }

    /// A way to it.
    pub fn wire(self: &Arc<Self>) -> Arc<dyn Transport> {
        Arc::new(Wire { line: Arc::clone(self), ended: Mutex::default() })
    }
}

/// The way to the server for one sync.
struct Wire {
    line: Arc<Line>,
    ended: Mutex<Ended>,
}

/// What has ended: all of it, and how often each lane was interrupted.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Ended {
    all: bool,
    push: u32,
    pull: u32,
}

impl Wire {
    fn end(&self, change: impl FnOnce(&mut Ended)) {
        // Whoever waits has the line's lock while it looks.
        let _line = self.line.state();
        change(&mut self.ended.lock().unwrap());
        self.line.changed.notify_all();
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.line.reached(At::Dropped);
    }
}

impl Transport for Wire {
    fn exchange(&self, request: &Request) -> Result<Response, TransportError> {
        let url = "line".to_owned();
        self.line.reached(At::Exchange);
        let mut state = self.line.state();
        let of_lane = |ended: Ended| match request.endpoint.lane() {
            Lane::Push => (ended.all, ended.push),
            Lane::Pull => (ended.all, ended.pull),
        };
        let before = of_lane(*self.ended.lock().unwrap());
        if before.0 {
            return Err(TransportError::Interrupted { url });
        }
        state.asked += 1;
        self.line.changed.notify_all();
        loop {
            let (status, body) = match state.says {
                Says::Yes | Says::Conflict => (200, answer(&mut state, request)),
                Says::Unauthorized => (401, json!({})),
                Says::NotThere => {
                    return Err(TransportError::Unreachable { url, reason: "nobody is there".to_owned() });
                }
                Says::Nothing if of_lane(*self.ended.lock().unwrap()) != before => {
                    return Err(TransportError::Interrupted { url });
                }
                Says::Nothing | Says::NothingEver => {
                    state = self.line.changed.wait(state).unwrap();
                    continue;
                }
            };
            let body = Box::new(Bytes::new(body.to_string().into_bytes()));
            return Ok(Response { status, extended: false, server_time: None, retry_after: None, body });
        }
    }

    fn interrupt(&self, lane: Lane) {
        self.end(|ended| match lane {
            Lane::Push => ended.push += 1,
            Lane::Pull => ended.pull += 1,
        });
    }

    fn shutdown(&self) {
        self.end(|ended| ended.all = true);
        let panics = std::mem::take(&mut self.line.state().panics_at_shutdown);
        assert!(!panics, "the shutdown panics, as it is meant to");
    }

    fn set_token(&self, _: Option<Token>) {
        self.line.reached(At::Driver);
        let panics = std::mem::take(&mut self.line.state().panics);
        assert!(!panics, "the sync panics, as it is meant to");
    }
}

fn answer(state: &mut State, request: &Request) -> Value {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    match request.endpoint {
        Endpoint::Snapshot => json!({ "data": {}, "cursor": BEGINNING }),
        Endpoint::Pull => {
            let seen = usize::try_from(body["cursor"].as_u64().unwrap()).unwrap() - BEGINNING;
            let changes: Vec<&Value> = state.log[seen..].iter().filter(|change| !change.is_null()).collect();
            let next = BEGINNING + state.log.len();
            json!({ "changes": changes, "has_more": false, "next_cursor": next })
        }
        Endpoint::Push => {
            let mutations = body["mutations"].as_array().unwrap();
            let results: Vec<Value> = mutations.iter().map(|mutation| apply(state, mutation)).collect();
            json!({ "results": results })
        }
    }
}

/// Takes a mutation, or not. The app's own ones change nothing.
fn apply(state: &mut State, mutation: &Value) -> Value {
    if state.says == Says::Conflict {
        return json!({ "ok": false, "code": "conflict" });
    }
    let cursor = BEGINNING + state.log.len() + 1;
    let args = &mutation["args"];
    let change = mutation["name"].as_str().unwrap().strip_prefix("note.").map(|op| {
        json!({ "cursor": cursor, "scope": "user:1", "entity": "note", "id": args["id"], "op": op, "data": args["data"] })
    });
    state.log.push(change.unwrap_or_default());
    json!({ "ok": true, "cursor": cursor })
}
