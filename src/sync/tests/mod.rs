//! The engine over a real store in memory, with a server that is played by hand.

mod auth;
mod breaking;
mod clocks;
mod decoding;
mod live;
mod pulling;
mod pushing;
mod statuses;
mod suspects;

use std::time::Duration;

use mizu_sync_protocol::push::PushResult;
use mizu_sync_protocol::{Cursor, Tag, Wire};

use super::event::{PullReply, SnapshotReply};
use super::state::Progress;
use super::*;
use crate::client::execute::execute;
use crate::model::{Edit, EntityKey, Intent, NewMutation, Object, ServerEntity, Versions};
use crate::net::Lane;
use crate::store::{Durability, Location, Owner, Store};
use crate::time::Timestamp;

/// An engine, its store, and what it asked for that is not answered.
pub struct Rig {
    pub store: Store,
    pub engine: Engine,
    pub now: Moment,
    pub wake: Option<Moment>,
    pub asked: Vec<Exchange>,
    pub notices: Vec<String>,
    pub state: SyncState,
    pub interrupted: Vec<Lane>,
    /// The ticket of the live socket that is wanted.
    pub live: Option<u64>,
    pub extended: bool,
    /// How many of the next commands the store fails.
    pub store_fails: u32,
    syncs: u64,
}

pub const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

impl Rig {
    /// A client that has had its first sync with an extended server, and is caught up at cursor 10.
    pub fn synced() -> Self {
        Self::synced_with(true)
    }

    pub fn synced_with(extended: bool) -> Self {
        let mut rig = Self::new(extended);
        rig.start();
        rig.answer_snapshot(10);
        rig.answer_pull(10, vec![], false);
        rig.notices.clear();
        rig
    }

    pub fn new(extended: bool) -> Self {
        let owner = Owner { scope: "user:1".to_owned(), principal: None, client: "client-1".to_owned() };
        let store = Store::open(Location::Memory, owner, Durability::Relaxed).unwrap();
        let config = Config {
            scope: "user:1".to_owned(),
            base_url: "https://x/_sync".to_owned(),
            versions: Versions::default(),
            whole_objects: false,
            live: true,
            asks_for_token: false,
            pull_interval: Duration::from_secs(30),
            push_interval: Duration::ZERO,
            #[cfg(feature = "planted-bugs")]
            bug: None,
        };
        Self {
            store,
            engine: Engine::new(config, fastrand::Rng::with_seed(7)),
            now: Moment::from_secs(1_000),
            wake: None,
            asked: Vec::new(),
            notices: Vec::new(),
            state: SyncState::default(),
            interrupted: Vec::new(),
            live: None,
            extended,
            store_fails: 0,
            syncs: 0,
        }
    }

    pub fn start(&mut self) {
        let replica = self.store.begin_session().unwrap();
        self.event(Event::Started(Box::new(replica)));
    }

    /// The process dies; the app, of these versions, comes back to the same file.
    pub fn restart(&mut self, versions: Versions) {
        let mut config = self.engine.config.clone();
        config.versions = versions;
        self.engine = Engine::new(config, fastrand::Rng::with_seed(7));
        self.asked.clear();
        self.live = None;
        self.start();
    }

    pub fn event(&mut self, event: Event) {
        let time = Time { now: self.now, wall: START };
        let mut stored = Vec::new();
        for action in self.engine.handle(event, time, self.store.counts()) {
            match action {
                Action::Store(_) if self.store_fails > 0 => {
                    self.store_fails -= 1;
                    stored.push(Err(crate::store::StoreError::Full { path: "todos.db".into() }));
                }
                Action::Store(command) => stored.push(execute(&self.store, command)),
                Action::Exchange(exchange) => self.asked.push(*exchange),
                Action::Interrupt(lane) => self.interrupted.push(lane),
                Action::OpenLive(ticket) => {
                    assert_eq!(self.live.replace(ticket), None, "one at a time");
                }
                Action::CloseLive => assert!(self.live.take().is_some(), "there is none"),
                Action::WakeAt(wake) => self.wake = wake,
                Action::Notify(notice) => self.notices.push(told(&notice)),
                Action::Publish(state) => self.state = *state,
            }
        }
        for result in stored {
            self.event(Event::Stored(result));
        }
    }

    /// The app asks for a sync. Gives the number of the request.
    pub fn sync(&mut self) -> u64 {
        self.syncs += 1;
        self.event(Event::SyncRequested(self.syncs));
        self.syncs
    }

    pub fn write(&mut self, id: &str) {
        let data = Object::parse("{}".to_owned()).unwrap();
        let intent = Intent::Entity(EntityKey::new("todo", id), Edit::Create(data));
        let mutation = NewMutation { id: format!("m-{id}"), created_at: START, intent };
        self.store.write(vec![mutation]).unwrap();
        self.event(Event::Queued);
    }

    /// Lets time pass until the engine wants to be woken, and wakes it. Gives how long it was.
    pub fn sleep(&mut self) -> Duration {
        let wake = self.wake.expect("the engine waits for nothing");
        let slept = wake.saturating_sub(self.now);
        self.now = self.now.max(wake);
        self.event(Event::Due);
        slept
    }

    pub fn pass(&mut self, time: Duration) {
        self.now += time;
        self.event(Event::Due);
    }

    pub fn push_asked(&self) -> Option<&Exchange> {
        self.asked.iter().find(|exchange| matches!(exchange.plan, Plan::Push { .. }))
    }

    pub fn pull_asked(&self) -> Option<&Exchange> {
        self.asked.iter().find(|exchange| !matches!(exchange.plan, Plan::Push { .. }))
    }

    /// The ids of the entities that the push under way is about.
    pub fn pushing(&self) -> Vec<String> {
        let Some(Exchange { plan: Plan::Push { mutations, .. }, .. }) = self.push_asked() else {
            return Vec::new();
        };
        mutations.iter().map(|mutation| mutation.id.trim_start_matches("m-").to_owned()).collect()
    }

    pub fn answer(&mut self, lane: Lane, result: Result<Reply, Failure>) {
        self.answer_as(lane, self.extended, result);
    }

    pub fn answer_as(&mut self, lane: Lane, extended: bool, result: Result<Reply, Failure>) {
        let offline = matches!(result, Err(Failure::Offline(_)));
        let server_time = Some(START.plus(self.now));
        self.answer_with(lane, (!offline).then_some(Head { extended, server_time }), result);
    }

    pub fn answer_with(&mut self, lane: Lane, head: Option<Head>, result: Result<Reply, Failure>) {
        let place = self.asked.iter().position(|exchange| exchange.plan.lane() == lane);
        let exchange = self.asked.remove(place.expect("nothing is asked in this lane"));
        self.event(Event::Answered(Box::new(Answer { ticket: exchange.ticket, lane, head, result })));
    }

    pub fn answer_snapshot(&mut self, at: u64) {
        let tag = self.tag();
        let reply =
            SnapshotReply { rows: 0, unreadable: 0, cursor: cursor(at), tag, after: None, total: None };
        self.answer(Lane::Pull, Ok(Reply::Snapshot(reply)));
    }

    pub fn answer_pull(&mut self, next: u64, changes: Vec<ServerEntity>, has_more: bool) {
        let reply = PullReply {
            changes,
            unreadable: Vec::new(),
            last: None,
            has_more,
            next_cursor: Some(cursor(next)),
            tag: self.tag(),
        };
        self.answer(Lane::Pull, Ok(Reply::Pull(reply)));
    }

    /// Answers the pull under way, which ends where the last one did.
    pub fn nothing_new(&mut self) {
        let at = self.state.cursor.get();
        self.answer_pull(at, vec![], false);
    }

    pub fn answer_push(&mut self, results: Vec<PushResult>) {
        self.answer(Lane::Push, Ok(Reply::Push(results)));
    }

    pub fn fail(&mut self, lane: Lane, status: u16) {
        self.fail_with(lane, status, None);
    }

    pub fn fail_with(&mut self, lane: Lane, status: u16, code: Option<&str>) {
        let code = code.map(str::to_owned);
        let failure = Failure::Status { status, code, error: String::new(), retry_after: None };
        self.answer(lane, Err(failure));
    }

    pub fn disconnect(&mut self, lane: Lane) {
        let error = crate::net::TransportError::Unreachable { url: "x".to_owned(), reason: "y".to_owned() };
        self.answer(lane, Err(Failure::Offline(error)));
    }

    fn tag(&self) -> Option<Tag> {
        self.extended.then(|| Tag::new("ab").unwrap())
    }

    pub fn rejected(&self) -> Vec<String> {
        self.store.rejected().unwrap().into_iter().map(|mutation| mutation.code).collect()
    }
}

pub fn ok(at: u64) -> PushResult {
    PushResult { ok: true, cursor: Some(cursor(at)), tag: Tag::new("ab"), ..PushResult::default() }
}

pub fn refused(code: &str) -> PushResult {
    PushResult { code: Some(code.to_owned()), error: Some("no".to_owned()), ..PushResult::default() }
}

pub fn boom() -> PushResult {
    PushResult { error: Some("boom".to_owned()), ..PushResult::default() }
}

pub fn cursor(number: u64) -> Cursor {
    Cursor::new(number).unwrap()
}

pub fn wire(rig: &Rig) -> Option<Wire> {
    rig.store.replica().unwrap().wire
}

fn told(notice: &Notice) -> String {
    match notice {
        Notice::Online => "online".to_owned(),
        Notice::Offline => "offline".to_owned(),
        Notice::Synced(cursor) => format!("synced {cursor}"),
        Notice::Error(error) => error.to_string(),
        Notice::Rejected(mutation) => mutation.to_string(),
        Notice::TokenNeeded => "a token is needed".to_owned(),
    }
}
