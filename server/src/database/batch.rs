//! The write side of one transaction: entities, log rows and outcomes of a batch of mutations, each mutation
//! in a savepoint.
//!
//! What every row needs (the last cursor, the scopes' ids and heads) is kept in memory for the time of the
//! transaction and written once at its end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use mizu_sync_protocol::Cursor;
use mizu_sync_protocol::pull::Op;
use rusqlite::{Connection, OptionalExtension, params};

use super::{Position, Scope};
use crate::environment::Environment;

/// The state of one write transaction. All methods must be given that transaction's connection.
pub(crate) struct Batch {
    environment: Arc<dyn Environment>,
    now: SystemTime,
    outcome_time: i64,
    last_cursor: u64,
    scopes: Vec<OpenScope>,
    by_name: HashMap<Box<str>, ScopeIndex>,
    savepoint: Savepoint,
}

/// A scope that the transaction has met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ScopeIndex(usize);

struct OpenScope {
    id: i64,
    name: Box<str>,
    trimmed: Position,
    now: ScopeState,
    at_start: ScopeState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct ScopeState {
    head: Position,
    entities: i64,
}

/// What a rollback to the savepoint has to bring back in memory.
#[derive(Default)]
struct Savepoint {
    last_cursor: u64,
    scopes: usize,
    changed: Vec<(ScopeIndex, ScopeState)>,
}

impl Batch {
    pub(crate) fn begin(
        connection: &Connection,
        environment: &Arc<dyn Environment>,
    ) -> rusqlite::Result<Self> {
        let (last_cursor, newest_outcome): (i64, Option<i64>) = connection
            .prepare_cached("SELECT last_cursor, (SELECT max(time) FROM outcome) FROM log_state")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let now = environment.now();
        Ok(Self {
            environment: Arc::clone(environment),
            now,
            outcome_time: newest_outcome.map_or(millis(now), |newest| newest.max(millis(now))),
            last_cursor: Cursor::from_sql(last_cursor).get(),
            scopes: Vec::new(),
            by_name: HashMap::new(),
            savepoint: Savepoint::default(),
        })
    }

    /// The time of the transaction: all its rows carry it.
    pub(crate) fn now(&self) -> SystemTime {
        self.now
    }

    /// The same in milliseconds since 1970.
    pub(crate) fn time(&self) -> i64 {
        millis(self.now)
    }

    /// The time that outcomes carry: never before one that is stored. Those of a while in which the clock was years
    /// behind would otherwise be trimmed as soon as it is right, and their mutations applied again.
    pub(crate) fn outcome_time(&self) -> i64 {
        self.outcome_time
    }

    /// Finds a scope, or makes it.
    pub(crate) fn scope(&mut self, connection: &Connection, name: &str) -> rusqlite::Result<ScopeIndex> {
        if let Some(&index) = self.by_name.get(name) {
            return Ok(index);
        }
        let scope = Scope::load(connection, name)?;
        let id = match scope.id {
            Some(id) => id,
            None => {
                let zero = scope.trimmed;
                connection
                    .prepare_cached(
                        "INSERT INTO scope (name, entities, trimmed_cursor, trimmed_tag) VALUES (?, 0, ?, ?)",
                    )?
                    .insert(params![name, zero.cursor.to_sql(), zero.tag_to_sql()])?
            }
        };
        let state = ScopeState { head: scope.head, entities: scope.entities };
        let index = ScopeIndex(self.scopes.len());
        let trimmed = scope.trimmed;
        self.scopes.push(OpenScope { id, name: name.into(), trimmed, now: state, at_start: state });
        self.by_name.insert(name.into(), index);
        Ok(index)
    }

    pub(crate) fn scope_id(&self, scope: ScopeIndex) -> i64 {
        self.scopes[scope.0].id
    }

    /// The position, or the last one that was trimmed if its row is gone: whoever has pulled up to there has seen
    /// it too, and of this one the tag is still known.
    pub(crate) fn provable(&self, scope: ScopeIndex, position: Position) -> Position {
        let trimmed = self.scopes[scope.0].trimmed;
        if position.cursor < trimmed.cursor { trimmed } else { position }
    }

    /// The newest row of the scope's log, those of this transaction included.
    pub(crate) fn head(&self, scope: ScopeIndex) -> Position {
        self.scopes[scope.0].now.head
    }

    pub(crate) fn savepoint(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.savepoint.last_cursor = self.last_cursor;
        self.savepoint.scopes = self.scopes.len();
        self.savepoint.changed.clear();
        run(connection, "SAVEPOINT mutation")
    }

    pub(crate) fn release(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        run(connection, "RELEASE mutation")
    }

    pub(crate) fn roll_back(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        run(connection, "ROLLBACK TO mutation")?;
        run(connection, "RELEASE mutation")?;
        self.last_cursor = self.savepoint.last_cursor;
        for (scope, state) in self.savepoint.changed.drain(..).rev() {
            self.scopes[scope.0].now = state;
        }
        for forgotten in self.scopes.drain(self.savepoint.scopes..) {
            self.by_name.remove(&forgotten.name);
        }
        Ok(())
    }

    pub(crate) fn get(
        &self,
        connection: &Connection,
        scope: ScopeIndex,
        collection: &str,
        id: &str,
    ) -> rusqlite::Result<Option<String>> {
        connection
            .prepare_cached("SELECT data FROM entity WHERE scope = ? AND collection = ? AND id = ?")?
            .query_row(params![self.scope_id(scope), collection, id], |row| row.get(0))
            .optional()
    }

    /// Stores a new entity. False, and nothing done, where it exists.
    pub(crate) fn insert(
        &mut self,
        connection: &Connection,
        scope: ScopeIndex,
        collection: &str,
        id: &str,
        data: &str,
    ) -> rusqlite::Result<bool> {
        let inserted = connection
            .prepare_cached(
                "INSERT INTO entity (scope, collection, id, data) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            )?
            .execute(params![self.scope_id(scope), collection, id, data])?;
        if inserted == 0 {
            return Ok(false);
        }
        self.log(connection, scope, collection, id, Op::Create, Some(data))?;
        Ok(true)
    }

    /// Stores new data of an entity. False, and nothing done, where it does not exist.
    pub(crate) fn replace(
        &mut self,
        connection: &Connection,
        scope: ScopeIndex,
        collection: &str,
        id: &str,
        data: &str,
    ) -> rusqlite::Result<bool> {
        let updated = connection
            .prepare_cached("UPDATE entity SET data = ? WHERE scope = ? AND collection = ? AND id = ?")?
            .execute(params![data, self.scope_id(scope), collection, id])?;
        if updated == 0 {
            return Ok(false);
        }
        self.log(connection, scope, collection, id, Op::Update, Some(data))?;
        Ok(true)
    }

    /// Deletes an entity. False, and nothing done, where it does not exist.
    pub(crate) fn delete(
        &mut self,
        connection: &Connection,
        scope: ScopeIndex,
        collection: &str,
        id: &str,
    ) -> rusqlite::Result<bool> {
        let deleted = connection
            .prepare_cached("DELETE FROM entity WHERE scope = ? AND collection = ? AND id = ?")?
            .execute(params![self.scope_id(scope), collection, id])?;
        if deleted == 0 {
            return Ok(false);
        }
        self.log(connection, scope, collection, id, Op::Delete, None)?;
        Ok(true)
    }

    fn log(
        &mut self,
        connection: &Connection,
        scope: ScopeIndex,
        collection: &str,
        id: &str,
        op: Op,
        data: Option<&str>,
    ) -> rusqlite::Result<()> {
        self.last_cursor += 1;
        let position =
            Position::new(Cursor::from_sql(self.last_cursor.cast_signed()), self.environment.random());
        let first_of_mutation = self.savepoint.last_cursor + 1;
        connection
            .prepare_cached(
                "INSERT INTO log (scope, cursor, tag, mutation, time, collection, id, op, data) \
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                self.scope_id(scope),
                position.cursor.to_sql(),
                position.tag_to_sql(),
                first_of_mutation.cast_signed(),
                self.time(),
                collection,
                id,
                op.as_str(),
                data
            ])?;
        let state = &mut self.scopes[scope.0].now;
        self.savepoint.changed.push((scope, *state));
        state.head = position;
        state.entities += match op {
            Op::Create => 1,
            Op::Update => 0,
            Op::Delete => -1,
        };
        Ok(())
    }

    /// Writes what was kept in memory. The scopes whose logs have grown, and how far.
    pub(crate) fn finish(self, connection: &Connection) -> rusqlite::Result<Vec<(String, Cursor)>> {
        connection
            .prepare_cached("UPDATE log_state SET last_cursor = ?")?
            .execute([self.last_cursor.cast_signed()])?;
        let mut update = connection.prepare_cached("UPDATE scope SET entities = ? WHERE id = ?")?;
        let mut grown = Vec::new();
        for scope in self.scopes {
            if scope.now.entities != scope.at_start.entities {
                update.execute([scope.now.entities, scope.id])?;
            }
            if scope.now.head != scope.at_start.head {
                grown.push((scope.name.into_string(), scope.now.head.cursor));
            }
        }
        Ok(grown)
    }
}

fn run(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

/// Milliseconds since 1970; 0 before.
pub(crate) fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
