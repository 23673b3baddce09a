//! Reading the tables `mutation` and `patch`, as several transactions need them.

use rusqlite::types::{Type, ValueRef};
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

/// The text in a column, as far as it can be read: for showing only.
///
/// # Errors
/// When there is no such column.
pub fn shown(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<String>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
    })
}

/// The number in a column, 0 where there is none: for showing only.
///
/// # Errors
/// When there is no such column.
pub fn shown_number(row: &Row<'_>, column: usize) -> rusqlite::Result<i64> {
    Ok(row.get_ref(column)?.as_i64().unwrap_or(0))
}

/// The arguments of a generic mutation, as far as its patch can be read: for showing only.
///
/// # Errors
/// When the file cannot be read.
pub fn shown_args(connection: &Connection, seq: i64) -> rusqlite::Result<Option<String>> {
    let sql = "SELECT id, op, body FROM patch WHERE seq = ?1 ORDER BY ordinal LIMIT 1";
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query([seq])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let (id, op, body) = (shown(row, 0)?, shown(row, 1)?, shown(row, 2)?);
    let patch = Patch::parse(&op.unwrap_or_default(), body.as_deref());
    Ok(patch.map(|patch| patch.args(&id.unwrap_or_default())).or(body))
}

/// The error for a column that holds what only a damaged file does.
pub fn damaged(column: usize) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, "a damaged value".into())
}

/// The entities that one mutation touches, as far as they can be read.
pub fn entities_of(connection: &Connection, seq: i64) -> rusqlite::Result<Vec<EntityKey>> {
    let sql = "SELECT DISTINCT collection, id FROM patch WHERE seq = ?1 ORDER BY ordinal";
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query([seq])?;
    let mut entities = Vec::new();
    while let Some(row) = rows.next()? {
        if let (Ok(collection), Ok(id)) = (row.get(0), row.get(1)) {
            entities.push(EntityKey { collection, id });
        }
    }
    Ok(entities)
}

/// Takes a mutation and its patches away. What it touched has to be rebased.
pub fn forget(tx: &Transaction<'_>, seq: i64) -> rusqlite::Result<Vec<EntityKey>> {
    let touched = entities_of(tx, seq)?;
    tx.run("DELETE FROM patch WHERE seq = ?1", params![seq])?;
    tx.run("DELETE FROM mutation WHERE seq = ?1", params![seq])?;
    Ok(touched)
}
