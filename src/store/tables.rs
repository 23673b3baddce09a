//! Reading the tables `mutation` and `patch`, as several transactions need them.

use rusqlite::types::Type;
use rusqlite::{Connection, Row, Transaction, params};

use super::TransactionExt;
use crate::model::{EntityKey, Object, Patch};

/// The patches of one mutation, in order.
pub fn patches_of(connection: &Connection, seq: i64) -> rusqlite::Result<Vec<(EntityKey, Patch)>> {
    let sql = "SELECT collection, id, op, body FROM patch WHERE seq = ?1 ORDER BY ordinal";
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query([seq])?;
    let mut patches = Vec::new();
    while let Some(row) = rows.next()? {
        let key = EntityKey { collection: row.get(0)?, id: row.get(1)? };
        patches.push((key, patch(row, 2)?));
    }
    Ok(patches)
}

/// The patch in the columns `op` and `body` of a row.
///
/// # Errors
/// When they do not fit: only a damaged file holds such.
pub fn patch(row: &Row<'_>, op: usize) -> rusqlite::Result<Patch> {
    let (verb, body): (String, Option<String>) = (row.get(op)?, row.get(op + 1)?);
    Patch::parse(&verb, body.as_deref()).ok_or_else(|| damaged(op + 1))
}

/// The object in a column, if there is one.
///
/// # Errors
/// When it is none: only a damaged file holds such.
pub fn object(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Object>> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| Object::parse(text).ok_or_else(|| damaged(column))).transpose()
}

fn damaged(column: usize) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, "a damaged value".into())
}

/// The entities that one mutation touches.
pub fn entities_of(connection: &Connection, seq: i64) -> rusqlite::Result<Vec<EntityKey>> {
    let sql = "SELECT DISTINCT collection, id FROM patch WHERE seq = ?1 ORDER BY ordinal";
    let mut select = connection.prepare_cached(sql)?;
    let rows = select.query_map([seq], |row| Ok(EntityKey { collection: row.get(0)?, id: row.get(1)? }))?;
    rows.collect()
}

/// Takes a mutation and its patches away. What it touched has to be rebased.
pub fn forget(tx: &Transaction<'_>, seq: i64) -> rusqlite::Result<Vec<EntityKey>> {
    let touched = entities_of(tx, seq)?;
    tx.run("DELETE FROM patch WHERE seq = ?1", params![seq])?;
    tx.run("DELETE FROM mutation WHERE seq = ?1", params![seq])?;
    Ok(touched)
}
