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
    let args = match tables::shown(row, 3)? {
        None => tables::shown_args(connection, row.get(0)?)?,
        args => args,
    };
    Ok(args.unwrap_or_else(|| "null".to_owned()))
}

// A damaged mutation is shown as far as it can be read, so that the app can discard it.

fn pending_mutation(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<PendingMutation> {
    Ok(PendingMutation {
        seq: row.get::<_, i64>(0)?.unsigned_abs(),
        id: tables::shown(row, 1)?.unwrap_or_default(),
        name: tables::shown(row, 2)?.unwrap_or_default(),
        args: shown_args(connection, row)?,
        created_at: Timestamp::from_millis(tables::shown_number(row, 4)?),
        acked: row.get::<_, i64>(5)? == 1,
        failures: u32::try_from(tables::shown_number(row, 6)?).unwrap_or(0),
        error: tables::shown(row, 7)?,
        retries: tables::shown(row, 8)?,
    })
}

fn rejected_mutation(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<RejectedMutation> {
    Ok(RejectedMutation {
        seq: row.get::<_, i64>(0)?.unsigned_abs(),
        id: tables::shown(row, 1)?.unwrap_or_default(),
        name: tables::shown(row, 2)?.unwrap_or_default(),
        args: shown_args(connection, row)?,
        created_at: Timestamp::from_millis(tables::shown_number(row, 4)?),
        error: tables::shown(row, 7)?.unwrap_or_default(),
        retries: tables::shown(row, 8)?,
        code: tables::shown(row, 9)?.unwrap_or_default(),
        at: Timestamp::from_millis(tables::shown_number(row, 10)?),
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
