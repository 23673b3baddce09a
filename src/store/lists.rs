//! The queue as the app is shown it.

use rusqlite::{Connection, OptionalExtension, Row};

use super::error::StoreError;
use super::{Store, tables};
use crate::model::{Counts, PendingMutation, RejectedMutation};
use crate::time::Timestamp;

const SHOWN: &str =
    "SELECT seq, id, name, args, created_at, state, failures, error, retries, code, rejected_at
                     FROM mutation";

impl Store {
    pub(super) fn count_mutations(&self) -> Result<Counts, StoreError> {
        self.connections.read(|connection| count(connection).map_err(|error| self.error(&error)))
    }

    /// The mutations that are not settled, in order.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn pending(&self) -> Result<Vec<PendingMutation>, StoreError> {
        let sql = format!("{SHOWN} WHERE state < 2 ORDER BY seq");
        self.list(&sql, pending_mutation)
    }

    /// The mutations that were rejected, in order.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn rejected(&self) -> Result<Vec<RejectedMutation>, StoreError> {
        let sql = format!("{SHOWN} WHERE state = 2 ORDER BY seq");
        self.list(&sql, rejected_mutation)
    }

    /// The mutation at this place in the queue, if it is rejected.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn rejected_at(&self, seq: u64) -> Result<Option<RejectedMutation>, StoreError> {
        self.connections.read(|connection| {
            rejected_by_seq(connection, seq.cast_signed()).map_err(|error| self.error(&error))
        })
    }

    fn list<T>(
        &self,
        sql: &str,
        read: impl Fn(&Connection, &Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        self.connections.read(|connection| {
            let list = || {
                let mut select = connection.prepare_cached(sql)?;
                let rows = select.query_map([], |row| read(connection, row))?;
                rows.collect::<rusqlite::Result<Vec<T>>>()
            };
            list().map_err(|error| self.error(&error))
        })
    }
}

/// The arguments as the app is shown them.
fn shown_args(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<String> {
    if let Some(args) = row.get::<_, Option<String>>(3)? {
        return Ok(args);
    }
    let patches = tables::patches_of(connection, row.get(0)?)?;
    Ok(patches.first().map_or_else(|| "null".to_owned(), |(key, patch)| patch.args(&key.id)))
}

fn pending_mutation(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<PendingMutation> {
    Ok(PendingMutation {
        seq: row.get::<_, i64>(0)?.unsigned_abs(),
        id: row.get(1)?,
        name: row.get(2)?,
        args: shown_args(connection, row)?,
        created_at: Timestamp::from_millis(row.get(4)?),
        acked: row.get::<_, i64>(5)? == 1,
        failures: row.get(6)?,
        error: row.get(7)?,
        retries: row.get(8)?,
    })
}

fn rejected_mutation(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<RejectedMutation> {
    Ok(RejectedMutation {
        seq: row.get::<_, i64>(0)?.unsigned_abs(),
        id: row.get(1)?,
        name: row.get(2)?,
        args: shown_args(connection, row)?,
        created_at: Timestamp::from_millis(row.get(4)?),
        error: row.get::<_, Option<String>>(7)?.unwrap_or_default(),
        retries: row.get(8)?,
        code: row.get::<_, Option<String>>(9)?.unwrap_or_default(),
        at: Timestamp::from_millis(row.get::<_, Option<i64>>(10)?.unwrap_or(0)),
    })
}

/// The rejected mutation at this place.
pub fn rejected_by_seq(connection: &Connection, seq: i64) -> rusqlite::Result<Option<RejectedMutation>> {
    connection
        .prepare_cached(&format!("{SHOWN} WHERE seq = ?1 AND state = 2"))?
        .query_row([seq], |row| rejected_mutation(connection, row))
        .optional()
}

/// Counts the queue itself. [`Store::counts`] knows the same without looking.
pub fn count(connection: &Connection) -> rusqlite::Result<Counts> {
    let sql = "SELECT count(*) FILTER (WHERE state = 0), count(*) FILTER (WHERE state = 1),
                      count(*) FILTER (WHERE state = 2) FROM mutation";
    connection.query_row(sql, [], |row| {
        let number = |column| row.get::<_, i64>(column).map(i64::unsigned_abs);
        Ok(Counts { pending: number(0)?, acked: number(1)?, rejected: number(2)? })
    })
}
