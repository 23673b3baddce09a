//! A device: its file, and the process that has it open, if it is alive.

use std::path::PathBuf;

use mizu_sync::Timestamp;
use mizu_sync::simulation::{
    Config, Counts, Durability, Engine, Exchange, Location, Owner, Store, SyncState, Time, Versions,
};

use crate::backend::GENESIS;
use crate::mutator::SCOPE;
use crate::network::Link;
use crate::observer::Observer;
use crate::plan::Plan;
use crate::schedule::Moment;
use crate::sockets::Line;
use crate::tokens::Token;
use crate::view::View;
use crate::violation::{Check, Checked, Violation};

/// The base URL, for messages.
pub const BASE_URL: &str = "https://simulated.example/_sync";

/// A device.
pub struct Device {
    /// Which.
    pub index: usize,
    path: PathBuf,
    /// By how many milliseconds the clock on its wall is wrong.
    pub clock_error: i64,
    /// Until when it sleeps.
    pub asleep_until: Moment,
    /// Whether the platform says that there is a network.
    pub network_up: bool,
    /// Whether the app is seen.
    pub foreground: bool,
    /// Until when the server has asked it to wait.
    pub retry_after: Moment,
    /// What proves to the server whose device it is.
    pub token: Token,
    /// The way to the server.
    pub link: Link,
    /// Counts its processes.
    pub incarnation: u64,
    /// The process; none while it is dead.
    pub process: Option<Process>,
    /// What its app has seen.
    pub view: View,
    /// How often its app has looked.
    pub looks: u32,
    /// What its app has still to do.
    pub acts_left: u32,
    /// Requests sent in the background since anything happened that asks for one.
    pub background_requests: u32,
}

/// A living process.
pub struct Process {
    /// Its engine.
    pub engine: Engine,
    /// Its store.
    pub store: Store,
    /// Who hears what its commits change.
    pub observer: Observer,
    /// When it was started.
    pub started: Moment,
    /// Counts the times that it was asked to be woken: only the last one holds.
    pub alarm: u64,
    /// Its requests under way.
    pub flights: Vec<Exchange>,
    /// Its live socket.
    pub line: Option<Line>,
    /// What can be seen of its sync.
    pub state: SyncState,
    /// The epoch of the server's log that its last answer to a pull or snapshot comes from.
    pub answer_epoch: u32,
}

impl Device {
    /// A device without a file.
    #[must_use]
    pub fn new(index: usize, path: PathBuf, plan: &Plan) -> Self {
        Self {
            index,
            path,
            clock_error: 0,
            asleep_until: Moment::ZERO,
            network_up: true,
            foreground: true,
            retry_after: Moment::ZERO,
            token: Token::default(),
            link: Link::default(),
            incarnation: 0,
            process: None,
            view: View::default(),
            looks: 0,
            acts_left: plan.acts,
            background_requests: 0,
        }
    }

    /// Starts a process on the file. The engine is not told anything yet.
    ///
    /// # Errors
    /// When the file cannot be opened, or is not sound.
    pub fn start(&mut self, now: Moment, config: Config, rng: fastrand::Rng) -> Checked {
        let client = format!("d{}", self.index);
        let owner = Owner { scope: SCOPE.to_owned(), principal: None, client };
        let store = Store::open(Location::File(self.path.clone()), owner, Durability::Relaxed);
        let store = store.map_err(|error| Violation::unsound("opening a client's file", error))?;
        store.check_invariants().map_err(|what| Violation::new(Check::Invariants, what))?;
        self.incarnation += 1;
        self.process = Some(Process {
            engine: Engine::new(config, rng),
            observer: Observer::of(&store),
            store,
            started: now,
            alarm: 0,
            flights: Vec::new(),
            line: None,
            state: SyncState::default(),
            answer_epoch: 0,
        });
        Ok(())
    }

    /// The time on its wall.
    #[must_use]
    pub fn wall(&self, now: Moment) -> Timestamp {
        let millis = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(GENESIS + millis + self.clock_error)
    }

    /// The time as its engine is told.
    #[must_use]
    pub fn time(&self, now: Moment) -> Time {
        let started = self.process.as_ref().map_or(now, |process| process.started);
        Time { now: now - started, wall: self.wall(now) }
    }

    /// Its live socket, if it has one.
    #[must_use]
    pub fn line(&self) -> Option<Line> {
        self.process.as_ref().and_then(|process| process.line)
    }

    /// The same, to be changed.
    pub fn line_mut(&mut self) -> Option<&mut Line> {
        self.process.as_mut().and_then(|process| process.line.as_mut())
    }

    /// How many mutations its queue holds; none while it is dead.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.process.as_ref().map_or_else(Counts::default, |process| process.store.counts())
    }
}

/// How the engines of a world are configured.
#[must_use]
pub fn config(plan: &Plan, #[cfg(feature = "planted-bugs")] bug: Option<mizu_sync::planted::Bug>) -> Config {
    Config {
        scope: SCOPE.to_owned(),
        base_url: BASE_URL.to_owned(),
        versions: Versions::default(),
        whole_objects: false,
        live: true,
        asks_for_token: plan.asks_for_token,
        pull_interval: plan.pull_interval,
        push_interval: plan.push_interval,
        #[cfg(feature = "planted-bugs")]
        bug,
    }
}
