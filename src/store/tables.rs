//! Reading the tables `mutation` and `patch`, as several transactions need them.

use rusqlite::{Connection, Transaction, params};

use super::TransactionExt;
use crate::model::{EntityKey, Patch};

/// The patches of one mutation, in order.
pub fn patches_of(connection: &Connection, seq: i64) -> rusqlite::Result<Vec<(EntityKey, Patch)>> {
    let sql = "SELECT collection, id, op, body FROM patch WHERE seq = ?1 ORDER BY ordinal";
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query([seq])?;
    let mut patches = Vec::new();
    while let Some(row) = rows.next()? {
        let key = EntityKey { collection: row.get(0)?, id: row.get(1)? };
        let (op, body): (String, Option<String>) = (row.get(2)?, row.get(3)?);
        patches.extend(Patch::parse(&op, body.as_deref()).map(|patch| (key, patch)));
    }
    Ok(patches)
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
