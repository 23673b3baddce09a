//! Forgetting what is old: rows of the log, and outcomes of mutations.

use std::time::{Duration, SystemTime};

use mizu_sync_protocol::Cursor;
use mizu_sync_protocol::limits::OUTCOME_KEPT_DAYS;
use rusqlite::{Connection, OptionalExtension, params};
use thiserror::Error;

use crate::database::{Position, millis};
use crate::service::Service;

/// Rows that one transaction deletes, more or less, so that pushes need not wait for long.
const CHUNK: i64 = 5_000;
const OUTCOME_KEPT: Duration = Duration::from_secs(OUTCOME_KEPT_DAYS * 24 * 60 * 60);

/// What a trim has deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// Rows of the log.
    pub changes: usize,
    /// Outcomes of mutations.
    pub outcomes: usize,
}

/// The trim could not be finished. What it has done so far is done.
#[derive(Debug, Error)]
#[error("old rows cannot be deleted: {0}; it will be tried again")]
pub struct TrimError(#[from] rusqlite::Error);

pub(crate) fn trim(service: &Service, now: SystemTime) -> Result<Trimmed, TrimError> {
    let before = |age| now.checked_sub(age).map_or(0, millis);
    let mut trimmed = Trimmed::default();
    for scope in scopes(service)? {
        let kept = service
            .database
            .read(|connection| first_kept(connection, scope, before(service.options.keep_log)))?;
        if let Some(kept) = kept {
            trimmed.changes += in_chunks(service, |connection| trim_log(connection, scope, kept))?;
        }
    }
    let outcomes_before = before(OUTCOME_KEPT);
    trimmed.outcomes = in_chunks(service, |connection| trim_outcomes(connection, outcomes_before))?;
    Ok(trimmed)
}

fn scopes(service: &Service) -> rusqlite::Result<Vec<i64>> {
    service.database.read(|connection| {
        connection
            .prepare_cached("SELECT id FROM scope ORDER BY id")?
            .query_map([], |row| row.get(0))?
            .collect()
    })
}

/// Repeats `delete`, a transaction each, until it finds nothing more. How many rows it has deleted.
fn in_chunks(
    service: &Service,
    delete: impl Fn(&Connection) -> rusqlite::Result<usize>,
) -> rusqlite::Result<usize> {
    let mut total = 0;
    loop {
        let mut writer = service.database.writer();
        let transaction = writer.begin()?;
        let deleted = delete(&transaction)?;
        transaction.commit()?;
        if deleted == 0 {
            return Ok(total);
        }
        total += deleted;
    }
}

fn trim_log(connection: &Connection, scope: i64, kept: Cursor) -> rusqlite::Result<usize> {
    let last = connection
        .prepare_cached(
            "SELECT cursor, tag FROM \
               (SELECT cursor, tag FROM log WHERE scope = ? AND cursor < ? ORDER BY cursor LIMIT ?) \
             ORDER BY cursor DESC LIMIT 1",
        )?
        .query_row(params![scope, kept.to_sql(), CHUNK], |row| Position::from_row(row, 0))
        .optional()?;
    let Some(last) = last else { return Ok(0) };
    connection
        .prepare_cached("UPDATE scope SET trimmed_cursor = ?, trimmed_tag = ? WHERE id = ?")?
        .execute(params![last.cursor.to_sql(), last.tag_to_sql(), scope])?;
    connection
        .prepare_cached("DELETE FROM log WHERE scope = ? AND cursor <= ?")?
        .execute(params![scope, last.cursor.to_sql()])
}

/// The first change of the first mutation that stays: one that is young enough, or the newest, whose last row is
/// the scope's head. It may stay whatever comes after it.
fn first_kept(connection: &Connection, scope: i64, before: i64) -> rusqlite::Result<Option<Cursor>> {
    let young = connection
        .prepare_cached("SELECT mutation FROM log WHERE scope = ? AND time >= ? ORDER BY cursor LIMIT 1")?
        .query_row([scope, before], |row| row.get(0))
        .optional()?;
    let newest = connection
        .prepare_cached("SELECT mutation FROM log WHERE scope = ? ORDER BY cursor DESC LIMIT 1")?
        .query_row([scope], |row| row.get(0))
        .optional()?;
    Ok(young.or(newest).map(Cursor::from_sql))
}

fn trim_outcomes(connection: &Connection, before: i64) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "DELETE FROM outcome WHERE time < ?1 AND time <= ifnull( \
               (SELECT time FROM outcome WHERE time < ?1 ORDER BY time LIMIT 1 OFFSET ?2), ?1)",
        )?
        .execute([before, CHUNK])
}
