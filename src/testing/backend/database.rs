//! Entities, the logs of their changes, and what became of mutations.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mizu_sync_protocol::pull::Op;
use mizu_sync_protocol::{Cursor, Tag};

use super::Refusal;
use super::transaction::{Change, Transaction};
use crate::model::{EntityKey, Object};

/// The entities of a scope, sorted as snapshots are.
pub type Entities = BTreeMap<EntityKey, Object>;

/// A row of a log: cursor and tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub cursor: Cursor,
    tag: u64,
}

impl Position {
    pub fn tag(self) -> Tag {
        Tag::from_number(self.tag)
    }
}

/// What became of a mutation, for good.
#[derive(Clone)]
pub enum Outcome {
    Applied(Position),
    Refused(Refusal),
}

/// A change as the log keeps it.
#[derive(Clone)]
pub struct Logged {
    pub position: Position,
    /// The first cursor of the mutation that it belongs to.
    pub mutation: Cursor,
    /// Since 1970.
    pub time: Duration,
    pub change: Change,
}

#[derive(Clone, Default)]
pub struct Scope {
    pub entities: Arc<Entities>,
    pub outcomes: HashMap<String, Outcome>,
    log: BTreeMap<Cursor, Logged>,
    trimmed: Option<Position>,
}

/// What a server has stored.
pub struct Database {
    state: State,
    random: fastrand::Rng,
    /// Counts what has changed anything.
    version: u64,
}

#[derive(Clone)]
struct State {
    /// The tag of cursor 0.
    zero: u64,
    last: u64,
    scopes: BTreeMap<String, Scope>,
}

/// All that a server had stored at one moment.
#[derive(Clone)]
pub struct Backup(State);

// The user's data stays out of logs.
impl fmt::Debug for Backup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Backup({} scopes, {} changes)", self.0.scopes.len(), self.0.last)
    }
}

impl Database {
    pub fn new(mut random: fastrand::Rng) -> Self {
        let state = State { zero: random.u64(..), last: 0, scopes: BTreeMap::new() };
        Self { state, random, version: 0 }
    }

    /// Another database, with nothing in it.
    pub fn reset(&mut self) {
        let zero = self.random.u64(..);
        self.restore(&Backup(State { zero, last: 0, scopes: BTreeMap::new() }));
    }

    pub fn backup(&self) -> Backup {
        Backup(self.state.clone())
    }

    /// What is written from now on gets other tags than what was written after the backup.
    pub fn restore(&mut self, backup: &Backup) {
        self.state = backup.0.clone();
        self.version += 1;
    }

    /// Forgets all changes but those of the newest mutation of each scope.
    pub fn trim(&mut self) {
        for scope in self.state.scopes.values_mut() {
            let Some(newest) = scope.log.values().next_back().map(|logged| logged.mutation) else { continue };
            let kept = scope.log.split_off(&newest);
            if let Some(last) = scope.log.values().next_back() {
                scope.trimmed = Some(last.position);
            }
            scope.log = kept;
        }
    }

    pub fn version(&self) -> u64 {
        self.version
    }

    /// A scope; one that nobody has written to is like any other, only empty.
    pub fn scope(&self, name: &str) -> Scope {
        self.state.scopes.get(name).cloned().unwrap_or_default()
    }

    pub fn entities(&self, scope: &str) -> Arc<Entities> {
        self.state.scopes.get(scope).map(|scope| Arc::clone(&scope.entities)).unwrap_or_default()
    }

    pub fn outcome(&self, scope: &str, mutation: &str) -> Option<Outcome> {
        let found = self.state.scopes.get(scope)?;
        let outcome = found.outcomes.get(mutation)?.clone();
        Some(match outcome {
            // Whoever has pulled what was trimmed has seen it too, and of that the tag is still known.
            Outcome::Applied(position) if position.cursor < found.trimmed(self).cursor => {
                Outcome::Applied(found.trimmed(self))
            }
            outcome => outcome,
        })
    }

    pub fn remember(&mut self, scope: &str, mutation: &str, outcome: Outcome) {
        self.scope_mut(scope).outcomes.insert(mutation.to_owned(), outcome);
    }

    /// Writes what a mutation has done. Where its scope's log ends then.
    pub fn commit(&mut self, transaction: Transaction, now: SystemTime) -> Position {
        let time = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let (name, changes) = transaction.into_changes();
        let mutation = cursor(self.state.last + 1);
        for change in changes {
            self.state.last += 1;
            self.version += 1;
            let position = Position { cursor: cursor(self.state.last), tag: self.random.u64(..) };
            let scope = self.scope_mut(&name);
            let entities = Arc::make_mut(&mut scope.entities);
            match &change.data {
                Some(data) => drop(entities.insert(change.key.clone(), data.clone())),
                None => drop(entities.remove(&change.key)),
            }
            scope.log.insert(position.cursor, Logged { position, mutation, time, change });
        }
        self.head(&name)
    }

    /// The newest row of the scope's log.
    pub fn head(&self, scope: &str) -> Position {
        self.state.scopes.get(scope).map_or(self.zero(), |scope| scope.head(self))
    }

    /// Cursor 0, with the database's own tag.
    fn zero(&self) -> Position {
        Position { cursor: Cursor::ZERO, tag: self.state.zero }
    }

    fn scope_mut(&mut self, name: &str) -> &mut Scope {
        self.state.scopes.entry(name.to_owned()).or_default()
    }
}

impl Scope {
    pub fn head(&self, database: &Database) -> Position {
        self.log.values().next_back().map_or(database.zero(), |logged| logged.position)
    }

    /// The last row that was trimmed; cursor 0 where none was.
    pub fn trimmed(&self, database: &Database) -> Position {
        self.trimmed.unwrap_or(database.zero())
    }

    /// The changes after a cursor, in order.
    pub fn after(&self, cursor: Cursor) -> impl Iterator<Item = &Logged> {
        self.log.values().skip_while(move |logged| logged.position.cursor <= cursor)
    }

    /// Whether a cursor, with its tag if it is known, can be of this log. Before what was trimmed nothing can be
    /// proved, and it is believed.
    pub fn agrees(&self, database: &Database, cursor: Cursor, tag: Option<&Tag>) -> bool {
        let trimmed = self.trimmed(database);
        let known = if cursor == trimmed.cursor {
            Some(trimmed)
        } else if cursor == Cursor::ZERO {
            Some(database.zero())
        } else if cursor < trimmed.cursor {
            return true;
        } else {
            self.log.get(&cursor).map(|logged| logged.position)
        };
        known.is_some_and(|position| tag.is_none_or(|tag| *tag == position.tag()))
    }
}

impl Change {
    pub const fn op(&self) -> Op {
        match (&self.data, self.existed) {
            (None, _) => Op::Delete,
            (Some(_), true) => Op::Update,
            (Some(_), false) => Op::Create,
        }
    }
}

fn cursor(number: u64) -> Cursor {
    // No test makes as many changes.
    Cursor::new(number).unwrap_or_default()
}
