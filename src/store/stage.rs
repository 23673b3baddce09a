//! Snapshots: staged beside what is seen, caught up, then swapped in by one short transaction.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use mizu_sync_protocol::Tag;
use rusqlite::{Transaction, params};

use super::connections::Durability;
use super::error::StoreError;
use super::page::{quarantine, settle, write_base};
use super::{Delta, Store, TransactionExt, overlay, replica};
use crate::model::{Applied, EntityKey, Page, ServerEntity, Stage, Unreadable};

impl Store {
    /// Begins a snapshot: the generation that its rows go to. Until [`Self::stage_checkpoint`] they are
    /// orphans, should the process die.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn stage_begin(&self) -> Result<u64, StoreError> {
        let generation = self.update(|tx| {
            tx.run("DELETE FROM stage", [])?;
            // Never one that was given out before: rows of an earlier attempt may still be on their way here.
            let sql = "UPDATE replica SET generations = generations + 1 RETURNING generations";
            tx.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0))
        })?;
        self.staging.store(generation, Ordering::SeqCst);
        Ok(generation.unsigned_abs())
    }

    /// Adds rows to a snapshot. Those of one that was given up, or is complete by now, are let go; so are those
    /// that were asked for by a former session, for they may be older than what was pulled since.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn stage_rows(
        &self,
        (session, generation): (u64, u64),
        rows: &[ServerEntity],
        unreadable: &[Unreadable],
    ) -> Result<(), StoreError> {
        let generation = generation.cast_signed();
        self.update(|tx| {
            // Asked while the right to write is held: no swap comes between.
            if self.staging.load(Ordering::SeqCst) != generation || self.session() != session {
                return Ok(());
            }
            rows.iter().try_for_each(|row| write_base(tx, generation, row).map(drop))?;
            quarantine(tx, generation, unreadable).map(drop)
        })
    }

    /// Remembers how far the snapshot is, so that it goes on from there after a restart.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn stage_checkpoint(&self, stage: &Stage) -> Result<(), StoreError> {
        self.update(|tx| write_stage(tx, stage))
    }

    /// Adds a page of changes to a snapshot that is being caught up, and moves its cursor.
    ///
    /// # Errors
    /// When the file cannot be written; then nothing has changed.
    pub fn stage_page(&self, stage: &Stage, page: &Page) -> Result<Applied, StoreError> {
        let generation = stage.generation.cast_signed();
        self.update(|tx| {
            page.changes.iter().try_for_each(|change| write_base(tx, generation, change).map(drop))?;
            let quarantined = quarantine(tx, generation, &page.unreadable)?;
            write_stage(tx, &Stage { cursor: page.cursor, tag: page.tag.clone(), ..stage.clone() })?;
            Ok(Applied { settled: 0, quarantined })
        })
    }

    /// Makes the snapshot what is seen: settles what it confirms, lays the mutations that remain over it.
    /// `ended_round` is the round of the pull that caught it up.
    ///
    /// # Errors
    /// When the file cannot be written; then nothing has changed.
    pub fn swap(&self, stage: &Stage, ended_round: u64) -> Result<Applied, StoreError> {
        let generation = stage.generation.cast_signed();
        let mut writer = self.connections.writer();
        let applied = writer.transaction(Durability::Relaxed, |tx| {
            swap(tx, stage, ended_round).map_err(|error| self.error(&error))
        })?;
        // Seen together with the commit: no write may go to the old generation now.
        self.generation.store(generation, Ordering::SeqCst);
        self.staging.store(0, Ordering::SeqCst);
        self.adjust(Delta { acked: -applied.settled.cast_signed(), ..Delta::default() });
        Ok(applied)
    }

    /// Gives a snapshot up. Its rows become orphans.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn stage_drop(&self) -> Result<(), StoreError> {
        self.update(|tx| tx.run("DELETE FROM stage", []).map(drop))?;
        self.staging.store(0, Ordering::SeqCst);
        Ok(())
    }

    /// Deletes up to `limit` rows that belong neither to what is seen nor to the snapshot being taken.
    /// Whether more are left.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn sweep(&self, limit: u32) -> Result<bool, StoreError> {
        let (seen, staging) = (self.generation(), self.staging.load(Ordering::SeqCst));
        let deleted = self.update(|tx| {
            tx.run("DELETE FROM quarantine WHERE generation NOT IN (?1, ?2)", params![seen, staging])?;
            let sql = "DELETE FROM entity WHERE (generation, collection, id) IN (
                           SELECT generation, collection, id FROM entity
                           WHERE generation < ?1 OR (generation > ?1 AND generation <> ?2) LIMIT ?3)";
            tx.run(sql, params![seen, staging, limit])
        })?;
        Ok(deleted >= limit as usize)
    }
}

fn write_stage(tx: &Transaction<'_>, stage: &Stage) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO stage
                   (one, generation, cursor, tag, after_collection, after_id, rows, total,
                    newest_cursor, newest_tag)
               VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let after = stage.after.as_ref().map(|key| (&key.collection, &key.id));
    let (collection, id) = after.unzip();
    let values = params![
        stage.generation.cast_signed(),
        stage.cursor.to_sql(),
        stage.tag.as_ref().map(Tag::as_str),
        collection,
        id,
        stage.rows.cast_signed(),
        stage.total.map(u64::cast_signed),
        stage.newest_page.as_ref().map(|newest| newest.cursor.to_sql()),
        stage.newest_page.as_ref().map(|newest| newest.tag.as_str()),
    ];
    tx.run(sql, values).map(drop)
}

fn swap(tx: &Transaction<'_>, stage: &Stage, ended_round: u64) -> rusqlite::Result<Applied> {
    let generation = stage.generation.cast_signed();
    // No patch lies over the new generation yet, so what is settled needs no rebase there.
    let settled = settle(tx, stage.cursor, ended_round, true, &mut BTreeSet::new())?;
    let sql = "SELECT DISTINCT collection, patch.id FROM patch JOIN mutation USING (seq) WHERE state < 2";
    let touched: BTreeSet<EntityKey> = tx
        .prepare_cached(sql)?
        .query_map([], |row| Ok(EntityKey { collection: row.get(0)?, id: row.get(1)? }))?
        .collect::<rusqlite::Result<_>>()?;
    for key in &touched {
        overlay::rebase(tx, generation, key)?;
    }
    replica::set_position(tx, stage.cursor, stage.tag.as_ref())?;
    tx.run("UPDATE replica SET generation = ?1, bootstrapped = 1, resync = 0", [generation])?;
    tx.run("DELETE FROM stage", [])?;
    Ok(Applied { settled, quarantined: 0 })
}
