//! What became of mutations that were sent.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use mizu_sync_protocol::{Cursor, Tag, Wire};
use rusqlite::{Transaction, params};

use super::error::StoreError;
use super::queue::is_expired;
use super::{Changed, Store, TransactionExt, lists, overlay, tables};
use crate::model::{Outcome, RejectedMutation};
use crate::time::Timestamp;

/// The code of a mutation of which nobody can say any more whether it was applied.
pub const OUTCOME_UNKNOWN: &str = "outcome_unknown";
/// The same in words.
pub const OUTCOME_UNKNOWN_ERROR: &str =
    "it was sent more than 60 days ago, and the server can no longer say whether it was applied";

impl Store {
    /// Records what became of mutations that were sent; one that is gone by now is passed over. Gives those
    /// that were rejected. `at` is by the clock of this device.
    ///
    /// # Errors
    /// When the file cannot be written; then nothing has changed.
    pub fn record(
        &self,
        outcomes: &[(u64, Outcome)],
        at: Timestamp,
    ) -> Result<Vec<RejectedMutation>, StoreError> {
        self.update_seen(|tx, changed| {
            let mut touched = BTreeSet::new();
            let mut rejected = Vec::new();
            for (seq, outcome) in outcomes {
                let seq = seq.cast_signed();
                if !is_pending(tx, seq)? {
                    continue;
                }
                changed.seen.queue = true;
                match outcome {
                    Outcome::Settled => {
                        touched.extend(tables::forget(tx, seq)?);
                        changed.pending -= 1;
                    }
                    Outcome::Acked { cursor, tag, round } => {
                        ack(tx, seq, *cursor, tag.as_ref(), *round)?;
                        changed.pending -= 1;
                        changed.acked += 1;
                    }
                    Outcome::Rejected { code, error } => {
                        reject(tx, seq, code, error, at)?;
                        let entities = tables::entities_of(tx, seq)?;
                        for key in &entities {
                            overlay::mark(tx, self.generation(), key, &mut changed.seen)?;
                        }
                        touched.extend(entities);
                        rejected.extend(lists::rejected_by_seq(tx, seq)?);
                        changed.pending -= 1;
                        changed.rejected += 1;
                    }
                    Outcome::Failed { error, at, suspect, not_applied_before } => {
                        let sql = "UPDATE mutation SET failures = failures + 1, error = ?2,
                                       first_failure = ifnull(first_failure, ?3), suspect = max(suspect, ?4),
                                       sent_at = ifnull(?5, sent_at)
                                   WHERE seq = ?1";
                        let before = not_applied_before.map(Timestamp::as_millis);
                        tx.run(sql, params![seq, error, at.as_millis(), suspect, before])?;
                    }
                }
            }
            for key in &touched {
                overlay::rebase(tx, self.generation(), key, &mut changed.seen)?;
            }
            Ok(rejected)
        })
    }

    /// Counts an attempt for each of these mutations, which failed before it was known that the server is well.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn count_attempts(&self, seqs: &[u64]) -> Result<(), StoreError> {
        self.update(|tx| {
            seqs.iter().try_for_each(|seq| {
                let sql = "UPDATE mutation SET attempts = attempts + 1 WHERE seq = ?1";
                tx.run(sql, [seq.cast_signed()]).map(drop)
            })
        })
    }

    /// The server's log is another one than the file knows: what it acked must be sent again, and a snapshot
    /// taken. `wire`: the form that it speaks now. Gives those mutations that are too old to be sent again,
    /// rejected now.
    ///
    /// # Errors
    /// When the file cannot be written; then nothing has changed.
    pub fn log_changed(
        &self,
        wire: Option<Wire>,
        server_now: Option<Timestamp>,
        at: Timestamp,
    ) -> Result<Vec<RejectedMutation>, StoreError> {
        let rejected = self.update_seen(|tx, changed| {
            let rejected = self.requeue_acked(tx, server_now, at, changed)?;
            tx.run("UPDATE replica SET resync = 1, wire = ?1", [wire.map(Wire::as_str)])?;
            tx.run("DELETE FROM stage", [])?;
            Ok(rejected)
        })?;
        self.staging.store(0, Ordering::SeqCst);
        Ok(rejected)
    }

    /// Nobody can prove any more that what the server acked is in its log: it is sent again. Gives those mutations
    /// that are too old for that, rejected now: a false alarm is better than a write that is lost in silence.
    ///
    /// # Errors
    /// When the file cannot be written; then nothing has changed.
    pub fn doubt_acks(
        &self,
        server_now: Option<Timestamp>,
        at: Timestamp,
    ) -> Result<Vec<RejectedMutation>, StoreError> {
        self.update_seen(|tx, changed| self.requeue_acked(tx, server_now, at, changed))
    }

    /// Makes what was acked pending again, and rejects what is too old to be sent again.
    fn requeue_acked(
        &self,
        tx: &Transaction<'_>,
        server_now: Option<Timestamp>,
        at: Timestamp,
        changed: &mut Changed,
    ) -> rusqlite::Result<Vec<RejectedMutation>> {
        let mut touched = BTreeSet::new();
        let mut rejected = Vec::new();
        for (seq, sent_at) in acked(tx)? {
            changed.acked -= 1;
            changed.seen.queue = true;
            if is_expired(sent_at, server_now) {
                reject(tx, seq, OUTCOME_UNKNOWN, OUTCOME_UNKNOWN_ERROR, at)?;
                let entities = tables::entities_of(tx, seq)?;
                for key in &entities {
                    overlay::mark(tx, self.generation(), key, &mut changed.seen)?;
                }
                touched.extend(entities);
                rejected.extend(lists::rejected_by_seq(tx, seq)?);
                changed.rejected += 1;
            } else {
                let sql = "UPDATE mutation SET state = 0, cursor = NULL, tag = NULL, round = NULL,
                               failures = 0, attempts = 0, first_failure = NULL WHERE seq = ?1";
                tx.run(sql, [seq])?;
                changed.pending += 1;
            }
        }
        // They are older than some that keep failing, and have to go before them: who keeps failing will do so
        // again. The engine begins anew with them, too.
        let sql = "UPDATE mutation SET suspect = 0, failures = 0, attempts = 0, first_failure = NULL
                   WHERE suspect = 1";
        tx.run(sql, [])?;
        for key in &touched {
            overlay::rebase(tx, self.generation(), key, &mut changed.seen)?;
        }
        Ok(rejected)
    }
}

fn is_pending(tx: &Transaction<'_>, seq: i64) -> rusqlite::Result<bool> {
    tx.prepare_cached("SELECT 1 FROM mutation WHERE seq = ?1 AND state = 0")?.exists([seq])
}

fn acked(tx: &Transaction<'_>) -> rusqlite::Result<Vec<(i64, Option<i64>)>> {
    let mut select = tx.prepare_cached("SELECT seq, sent_at FROM mutation WHERE state = 1 ORDER BY seq")?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

fn ack(
    tx: &Transaction<'_>,
    seq: i64,
    cursor: Option<Cursor>,
    tag: Option<&Tag>,
    round: u64,
) -> rusqlite::Result<()> {
    let sql = "UPDATE mutation SET state = 1, suspect = 0, error = NULL, cursor = ?2, tag = ?3, round = ?4
               WHERE seq = ?1";
    let values = params![seq, cursor.map(Cursor::to_sql), tag.map(Tag::as_str), round.cast_signed()];
    tx.run(sql, values).map(drop)
}

fn reject(tx: &Transaction<'_>, seq: i64, code: &str, error: &str, at: Timestamp) -> rusqlite::Result<()> {
    let sql = "UPDATE mutation SET state = 2, suspect = 0, cursor = NULL, tag = NULL, code = ?2, error = ?3,
                   rejected_at = ?4 WHERE seq = ?1";
    tx.run(sql, params![seq, code, error, at.as_millis()]).map(drop)
}
