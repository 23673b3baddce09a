//! What is sent next.

use std::collections::HashSet;
use std::time::Duration;

use mizu_sync_protocol::{Wire, limits};
use rusqlite::{Row, Transaction, params};

use super::error::StoreError;
use super::{Store, TransactionExt, overlay, tables};
use crate::model::{Batch, BatchRequest, EntityKey, Meaning, Outgoing, Patch, Selection};
use crate::time::Timestamp;

/// How long after its sending the server can be trusted to know what became of a mutation.
const OUTCOME_TRUSTED: Duration = Duration::from_secs(limits::OUTCOME_TRUSTED_DAYS * 24 * 3600);

/// What a mutation needs on the wire beside its arguments: field names, its id, client and time.
const OVERHEAD: usize = 256;

impl Store {
    /// Chooses the mutations to send now, and remembers that they are sent: none while there are some that have
    /// expired.
    ///
    /// # Errors
    /// When the file cannot be written; then nothing may be sent.
    pub fn take_batch(&self, request: &BatchRequest) -> Result<Batch, StoreError> {
        self.update(|tx| {
            let mut batch = select_batch(tx, self.generation(), request)?;
            if !batch.expired.is_empty() {
                // They are decided first, so nothing else is sent now. What is not sent does not age.
                batch.mutations.clear();
            }
            if let Some(now) = request.server_now {
                let sql = "UPDATE mutation SET sent_at = ?2 WHERE seq = ?1 AND sent_at IS NULL";
                for mutation in &batch.mutations {
                    tx.run(sql, params![mutation.seq.cast_signed(), now.as_millis()])?;
                }
            }
            Ok(batch)
        })
    }
}

fn select_batch(tx: &Transaction<'_>, generation: i64, request: &BatchRequest) -> rusqlite::Result<Batch> {
    let columns =
        "SELECT seq, id, name, args, created_at, sent_at, failures, suspect FROM mutation WHERE state = 0";
    let (first, last, limit) = match request.selection {
        Selection::Only(seq) => (seq.cast_signed(), seq.cast_signed(), 1),
        Selection::Next { limit } => (0, i64::MAX, limit),
    };
    let only = first == last;
    let mut select = tx.prepare_cached(&format!("{columns} AND seq BETWEEN ?1 AND ?2 ORDER BY seq"))?;
    let mut rows = select.query([first, last])?;
    let mut batch = Batch::default();
    let mut bytes = 0;
    // Entities of mutations that wait: whatever touches one of them has to wait too, to keep its order.
    let mut held: HashSet<EntityKey> = HashSet::new();
    let mut sent: HashSet<EntityKey> = HashSet::new();
    while let Some(row) = rows.next()? {
        let seq: i64 = row.get(0)?;
        let patches = tables::patches_of(tx, seq)?;
        let touches = |set: &HashSet<EntityKey>| patches.iter().any(|(key, _)| set.contains(key));
        let suspect: bool = row.get(7)?;
        if !only && (suspect || touches(&held)) {
            held.extend(patches.into_iter().map(|(key, _)| key));
            continue;
        }
        if is_expired(row.get(5)?, request.server_now) {
            batch.expired.push(seq.unsigned_abs());
            continue;
        }
        // A plain server does not stop at a failure, so nothing in a batch may rest on what is before it.
        let alone = request.wire == Wire::Plain && (patches.is_empty() || touches(&sent));
        if alone && !batch.mutations.is_empty() {
            break;
        }
        let (mutation, size) = outgoing(tx, generation, row, patches, request.whole)?;
        if !batch.mutations.is_empty() && bytes + size > request.max_bytes {
            break;
        }
        bytes += size;
        sent.extend(mutation.entities.iter().cloned());
        batch.mutations.push(mutation);
        if batch.mutations.len() >= limit || alone {
            break;
        }
    }
    Ok(batch)
}

/// A row of the queue as it will be sent, and its size.
fn outgoing(
    tx: &Transaction<'_>,
    generation: i64,
    row: &Row<'_>,
    patches: Vec<(EntityKey, Patch)>,
    whole: bool,
) -> rusqlite::Result<(Outgoing, usize)> {
    let seq: i64 = row.get(0)?;
    let args: Option<String> = row.get(3)?;
    let mut entities: Vec<EntityKey> = Vec::new();
    for (key, _) in &patches {
        if !entities.contains(key) {
            entities.push(key.clone());
        }
    }
    let mut patches = patches.into_iter();
    let (meaning, size) = match (args, patches.next()) {
        (None, Some((key, patch))) => {
            let partial = whole && matches!(patch, Patch::Fields { .. });
            let whole = if partial { overlay::object_at(tx, generation, &key, seq)? } else { None };
            let size =
                whole.as_ref().map_or_else(|| patch.size(), |whole| whole.as_str().len()) + key.id.len();
            (Meaning::Entity { key, patch, whole }, size)
        }
        (args, _) => {
            let (name, args) = (row.get(2)?, args.unwrap_or_else(|| "null".to_owned()).into_boxed_str());
            let size = args.len();
            (Meaning::Custom { name, args }, size)
        }
    };
    let outgoing = Outgoing {
        seq: seq.unsigned_abs(),
        id: row.get(1)?,
        created_at: Timestamp::from_millis(row.get(4)?),
        meaning,
        entities,
        failures: row.get(6)?,
    };
    Ok((outgoing, size + OVERHEAD))
}

/// Whether a mutation, never answered, was sent too long ago to be sent again.
pub fn is_expired(sent_at: Option<i64>, server_now: Option<Timestamp>) -> bool {
    sent_at
        .zip(server_now)
        .is_some_and(|(sent, now)| now.since(Timestamp::from_millis(sent)) > OUTCOME_TRUSTED)
}
