//! Snapshots: staged beside what is seen, caught up, then swapped in by one short transaction.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use mizu_sync_protocol::Tag;
use rusqlite::{Connection, Transaction, params};

use super::connections::Durability;
use super::error::StoreError;
use super::page::{quarantine, settle, write_base};
use super::{Changed, Store, TransactionExt, overlay, replica, tables};
use crate::model::{Applied, ChangeSet, EntityKey, Page, ServerEntity, Stage, Unreadable};

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
            rows.iter().try_for_each(|row| write_base(tx, generation, row))?;
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
            page.changes.iter().try_for_each(|change| write_base(tx, generation, change))?;
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
        let (before, generation) = (self.generation(), stage.generation.cast_signed());
        let mut writer = self.connections.writer();
        let (applied, first) = writer.transaction(Durability::Relaxed, |tx| {
            swap(tx, stage, ended_round).map_err(|error| self.error(&error))
        })?;
        // Seen together with the commit: no write may go to the old generation now.
        self.generation.store(generation, Ordering::SeqCst);
        self.staging.store(0, Ordering::SeqCst);
        let changed = Changed { acked: -applied.settled.cast_signed(), ..Changed::default() };
        drop(self.committed(Changed { seen: ChangeSet::everything(), ..changed }));
        drop(writer);
        // The rows of the former generation are still there, since it is this thread that deletes them. Comparing takes
        // longer than a write of the app should have to wait.
        self.announce(&if first { ChangeSet::everything() } else { self.difference(before, generation) });
        Ok(applied)
    }

    /// What of two generations is seen differently.
    fn difference(&self, before: i64, after: i64) -> ChangeSet {
        let compared = self
            .connections
            .read(|connection| difference(connection, before, after).map_err(|error| self.error(&error)));
        // Who cannot compare lets everybody look.
        compared.ok().flatten().unwrap_or_else(ChangeSet::everything)
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

/// Whether it was the first snapshot is told beside.
fn swap(tx: &Transaction<'_>, stage: &Stage, ended_round: u64) -> rusqlite::Result<(Applied, bool)> {
    let generation = stage.generation.cast_signed();
    let first = tx.query_row("SELECT NOT bootstrapped FROM replica", [], |row| row.get(0))?;
    // No patch lies over the new generation yet, so what is settled needs no rebase there.
    let settled = settle(tx, stage.cursor, ended_round, true, &mut BTreeSet::new())?;
    let sql = "SELECT DISTINCT collection, patch.id FROM patch JOIN mutation USING (seq) WHERE state < 2";
    let touched: BTreeSet<EntityKey> = tx
        .prepare_cached(sql)?
        .query_map([], |row| Ok(EntityKey { collection: row.get(0)?, id: row.get(1)? }))?
        .collect::<rusqlite::Result<_>>()?;
    for key in &touched {
        // What is different is found by comparing the generations.
        overlay::rebase(tx, generation, key, &mut ChangeSet::default())?;
    }
    replica::set_position(tx, stage.cursor, stage.tag.as_ref())?;
    tx.run("UPDATE replica SET generation = ?1, bootstrapped = 1, resync = 0", [generation])?;
    tx.run("DELETE FROM stage", [])?;
    Ok((Applied { settled, quarantined: 0 }, first))
}

/// Entities that are told one by one. Of more, that anything may be different is quicker said.
const MOST_TOLD: usize = 10_000;
/// The bytes of their data.
const MOST_TOLD_BYTES: usize = 16 * 1024 * 1024;

/// What of two generations is seen differently; none where that is too much to tell.
fn difference(connection: &Connection, before: i64, after: i64) -> rusqlite::Result<Option<ChangeSet>> {
    let sql =
        "SELECT collection, id, old.data, new.data, ifnull(old.overlay > 0, 0) <> ifnull(new.overlay > 0, 0)
               FROM (SELECT * FROM entity WHERE generation = ?1) AS old
               FULL JOIN (SELECT * FROM entity WHERE generation = ?2) AS new USING (collection, id)
               WHERE old.data IS NOT new.data OR ifnull(old.overlay > 0, 0) <> ifnull(new.overlay > 0, 0)";
    let mut select = connection.prepare(sql)?;
    let mut rows = select.query([before, after])?;
    let mut seen = ChangeSet { queue: true, ..ChangeSet::default() };
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        let key = EntityKey { collection: row.get(0)?, id: row.get(1)? };
        let (before, after) = (tables::object(row, 2)?, tables::object(row, 3)?);
        bytes += [&before, &after].into_iter().flatten().map(|data| data.as_str().len()).sum::<usize>();
        seen.entity(&key, before, after, row.get(4)?);
        if seen.entities.len() > MOST_TOLD || bytes > MOST_TOLD_BYTES {
            return Ok(None);
        }
    }
    Ok(Some(seen))
}
