//! Pages of changes, and the settling of mutations that they confirm.

use std::collections::BTreeSet;

use mizu_sync_protocol::Cursor;
use rusqlite::{Transaction, params};

use super::error::StoreError;
use super::{Store, TransactionExt, overlay, replica, tables};
use crate::model::{Applied, EntityKey, Page, ServerEntity, Unreadable};

/// What could not be read is kept for whoever looks into it, and need not be complete for that.
const MOST_QUARANTINED: i64 = 1_000;

impl Store {
    /// Writes the page's changes under the optimistic layer, settles the mutations that it confirms, and
    /// moves the cursor: in one transaction.
    ///
    /// # Errors
    /// When the file cannot be written; then nothing has changed.
    pub fn apply_page(&self, page: &Page) -> Result<Applied, StoreError> {
        self.update_seen(|tx, changed| {
            let generation = self.generation();
            let mut touched = BTreeSet::new();
            for change in &page.changes {
                let (before, pending) = overlay::shown(tx, generation, &change.key)?;
                write_base(tx, generation, change)?;
                if pending {
                    touched.insert(change.key.clone());
                } else {
                    changed.seen.entity(&change.key, before, change.data.clone(), false);
                }
            }
            let quarantined = quarantine(tx, generation, &page.unreadable)?;
            let (_, resync) = replica::position(tx)?;
            let settled =
                if resync { 0 } else { settle(tx, page.cursor, page.round, page.ends_round, &mut touched)? };
            for key in &touched {
                overlay::rebase(tx, generation, key, &mut changed.seen)?;
            }
            replica::set_position(tx, page.cursor, page.tag.as_ref())?;
            changed.acked -= settled.cast_signed();
            changed.seen.queue = settled > 0;
            Ok(Applied { settled, quarantined })
        })
    }
}

/// Writes what the server has, under the patches if there are any.
pub fn write_base(tx: &Transaction<'_>, generation: i64, change: &ServerEntity) -> rusqlite::Result<()> {
    let EntityKey { collection, id } = &change.key;
    if let Some(data) = &change.data {
        let sql = "INSERT INTO entity (generation, collection, id, data) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT DO UPDATE SET
                       base = CASE WHEN overlay > 0 THEN excluded.data END,
                       data = CASE WHEN overlay > 0 THEN data ELSE excluded.data END";
        return tx.run(sql, params![generation, collection, id, data.as_str()]).map(drop);
    }
    let key = params![generation, collection, id];
    let sql = "DELETE FROM entity WHERE generation = ?1 AND collection = ?2 AND id = ?3 AND overlay = 0";
    if tx.run(sql, key)? > 0 {
        return Ok(());
    }
    let sql = "UPDATE entity SET base = NULL WHERE generation = ?1 AND collection = ?2 AND id = ?3";
    tx.run(sql, key).map(drop)
}

/// Takes away the mutations that a pull up to `cursor` confirms: of those acked before its `round`, those at or
/// below the cursor, and once it ended caught up those without a cursor. Adds what they touched, and gives
/// their number.
pub fn settle(
    tx: &Transaction<'_>,
    cursor: Cursor,
    round: u64,
    ends_round: bool,
    touched: &mut BTreeSet<EntityKey>,
) -> rusqlite::Result<u64> {
    let sql = "SELECT seq FROM mutation WHERE state = 1 AND round < ?2
               AND (cursor <= ?1 OR (cursor IS NULL AND ?3)) ORDER BY seq";
    let seqs: Vec<i64> = tx
        .prepare_cached(sql)?
        .query_map(params![cursor.to_sql(), round.cast_signed(), ends_round], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for seq in &seqs {
        touched.extend(tables::forget(tx, *seq)?);
    }
    Ok(seqs.len() as u64)
}

/// Keeps what could not be read; the oldest give way. Gives how many were not kept already: what has no cursor may
/// come again with every page.
pub fn quarantine(tx: &Transaction<'_>, generation: i64, unreadable: &[Unreadable]) -> rusqlite::Result<u64> {
    let mut new = 0;
    for change in unreadable {
        let sql = "INSERT INTO quarantine (generation, cursor, reason, raw) SELECT ?1, ?2, ?3, ?4
                   WHERE ?2 IS NOT NULL OR NOT EXISTS (
                       SELECT 1 FROM quarantine
                       WHERE generation = ?1 AND cursor IS NULL AND reason = ?3 AND raw IS ?4)";
        let cursor = change.cursor.map(Cursor::to_sql);
        new += tx.run(sql, params![generation, cursor, change.reason, change.raw])? as u64;
    }
    if new > 0 {
        let sql = "DELETE FROM quarantine WHERE place <= (SELECT max(place) FROM quarantine) - ?1";
        tx.run(sql, [MOST_QUARANTINED])?;
    }
    Ok(new)
}
