//! What is sent next.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::time::Duration;

use mizu_sync_protocol::{Wire, json, limits};
use rusqlite::{Row, Transaction, params};

use super::error::{StoreError, is_unreadable};
use super::{Store, TransactionExt, overlay, tables};
use crate::model::{Batch, BatchRequest, EntityKey, Meaning, Outgoing, Patch, Selection};
use crate::time::Timestamp;

/// How long after its sending the server can be trusted to know what became of a mutation.
const OUTCOME_TRUSTED: Duration = Duration::from_secs(limits::OUTCOME_TRUSTED_DAYS * 24 * 3600);

/// The code of a mutation that cannot be read from the file any more.
pub const DAMAGED: &str = "damaged";
/// The same in words.
pub const DAMAGED_ERROR: &str =
    "it is damaged in the file and cannot be sent: write it again, and discard it";

impl Store {
    /// Chooses the mutations to send now, and remembers that they are sent: none while there are some that have
    /// expired or are damaged.
    ///
    /// # Errors
    /// When the file cannot be written; then nothing may be sent.
    pub fn take_batch(&self, request: &BatchRequest) -> Result<Batch, StoreError> {
        self.update(|tx| {
            let mut batch = select_batch(tx, self.generation(), request)?;
            if !batch.expired.is_empty() || !batch.damaged.is_empty() {
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
    let mut select = tx.prepare_cached(&format!("{columns} AND seq BETWEEN ?1 AND ?2 ORDER BY seq"))?;
    let mut rows = select.query([first, last])?;
    let mut choice = Choice {
        tx,
        generation,
        request,
        only: first == last,
        limit,
        batch: Batch::default(),
        bytes: 0,
        held: HashSet::new(),
        sent: HashSet::new(),
    };
    while let Some(row) = rows.next()? {
        let seq: i64 = row.get(0)?;
        match choice.consider(seq, row) {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) => break,
            // It is decided first: what is after it may look damaged for its sake.
            Err(error) if is_unreadable(&error) => {
                choice.batch.damaged.push(seq.unsigned_abs());
                break;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(choice.batch)
}

/// A batch that is being chosen.
struct Choice<'a> {
    tx: &'a Transaction<'a>,
    generation: i64,
    request: &'a BatchRequest,
    /// One mutation is asked for by its place.
    only: bool,
    limit: usize,
    batch: Batch,
    bytes: usize,
    /// Entities of mutations that wait: whatever touches one of them has to wait too, to keep its order.
    held: HashSet<EntityKey>,
    sent: HashSet<EntityKey>,
}

impl Choice<'_> {
    /// Looks at the next mutation of the queue. Whether there is room for more.
    fn consider(&mut self, seq: i64, row: &Row<'_>) -> rusqlite::Result<ControlFlow<()>> {
        let Self { tx, generation, request, .. } = *self;
        let patches = tables::patches_of(tx, seq)?;
        let touches = |set: &HashSet<EntityKey>| patches.iter().any(|(key, _)| set.contains(key));
        let suspect: bool = row.get(7)?;
        if !self.only && (suspect || touches(&self.held)) {
            self.held.extend(patches.into_iter().map(|(key, _)| key));
            return Ok(ControlFlow::Continue(()));
        }
        if is_expired(row.get(5)?, request.server_now) {
            self.batch.expired.push(seq.unsigned_abs());
            return Ok(ControlFlow::Continue(()));
        }
        // A plain server does not stop at a failure, so nothing in a batch may rest on what is before it.
        let alone = request.wire == Wire::Plain && (patches.is_empty() || touches(&self.sent));
        if alone && !self.batch.mutations.is_empty() {
            return Ok(ControlFlow::Break(()));
        }
        let (mutation, size) = outgoing(tx, generation, row, patches, request.whole)?;
        let size = size + request.bytes_each;
        if !self.batch.mutations.is_empty() && self.bytes + size > request.max_bytes {
            return Ok(ControlFlow::Break(()));
        }
        self.bytes += size;
        self.sent.extend(mutation.entities.iter().cloned());
        self.batch.mutations.push(mutation);
        let full = alone || self.batch.mutations.len() >= self.limit;
        Ok(if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }
}

/// A row of the queue as it will be sent, and the size of its names and arguments.
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
            let data = whole.as_ref().map_or_else(|| patch.size(), |whole| whole.as_str().len());
            let size = data + json::string_len(&key.id) + json::string_len(&key.collection);
            (Meaning::Entity { key, patch, whole }, size)
        }
        (Some(args), _) => {
            let name: String = row.get(2)?;
            let size = args.len() + json::string_len(&name);
            (Meaning::Custom { name, args: args.into_boxed_str() }, size)
        }
        (None, None) => return Err(tables::damaged(3)),
    };
    let outgoing = Outgoing {
        seq: seq.unsigned_abs(),
        id: row.get(1)?,
        created_at: Timestamp::from_millis(row.get(4)?),
        meaning,
        entities,
        failures: row.get(6)?,
    };
    let size = size + json::string_len(&outgoing.id);
    Ok((outgoing, size))
}

/// Whether a mutation, never answered, was sent too long ago to be sent again.
pub fn is_expired(sent_at: Option<i64>, server_now: Option<Timestamp>) -> bool {
    sent_at
        .zip(server_now)
        .is_some_and(|(sent, now)| now.since(Timestamp::from_millis(sent)) > OUTCOME_TRUSTED)
}
