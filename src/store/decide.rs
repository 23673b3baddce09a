//! What the app decides about its mutations: retry or discard.

use mizu_sync_protocol::limits;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::error::{StoreError, is_unreadable};
use super::overlay::{self, EntityRow};
use super::write::{check_changes, check_name, generic_name};
use super::{Store, TransactionExt, tables};
use crate::model::{EntityKey, Patch};
use crate::time::Timestamp;

/// A mutation, as deciding about it needs it.
struct Found {
    seq: i64,
    state: State,
}

/// What a mutation says.
struct Content {
    name: String,
    /// None of a generic mutation: its patch says it all.
    args: Option<String>,
    patches: Vec<(EntityKey, Patch)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Pending,
    Acked,
    Rejected,
}

impl Store {
    /// Queues a rejected mutation again, as a new one at the tail under `new_id`, with `args` instead of its
    /// own where they are given. The rejected one is gone then.
    ///
    /// # Errors
    /// When there is no such rejected mutation, or `args` do not fit its name.
    pub fn retry(
        &self,
        id: &str,
        args: Option<&str>,
        new_id: &str,
        created_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write_seen(|tx, changed| {
            let sqlite = |error| self.error(&error);
            let found = find(tx, id).map_err(sqlite)?.filter(|found| found.state == State::Rejected);
            let found =
                found.ok_or_else(|| StoreError::NoSuchMutation { id: id.to_owned(), wanted: "rejected" })?;
            let content = content(tx, found.seq).map_err(|error| {
                if !is_unreadable(&error) {
                    return sqlite(error);
                }
                let reason = "it is damaged in the file: write it again, and discard it".to_owned();
                StoreError::Invalid { what: "the mutation", reason }
            })?;
            let Content { mut name, args: mut new_args, mut patches } = content;
            match (args, new_args.is_some(), patches.first()) {
                (Some(args), true, _) => {
                    limits::check_args(args)
                        .map_err(|limit| StoreError::ArgsLimit { name: name.clone(), limit })?;
                    new_args = Some(args.to_owned());
                }
                (Some(args), false, Some((key, patch))) => {
                    let (id, patch) = Patch::from_args(patch.verb(), args).ok_or_else(|| {
                        let reason = format!("{name} takes other fields");
                        StoreError::Invalid { what: "the mutation's arguments", reason }
                    })?;
                    check_name("the entity's id", &id)?;
                    let key = EntityKey { collection: key.collection.clone(), id };
                    name = generic_name(&key, &patch);
                    patches = vec![(key, patch)];
                }
                _ => {}
            }
            for key in tables::forget(tx, found.seq).map_err(sqlite)? {
                overlay::mark(tx, self.generation(), &key, &mut changed.seen).map_err(sqlite)?;
            }
            let sql =
                "INSERT INTO mutation (id, name, args, created_at, retries) VALUES (?1, ?2, ?3, ?4, ?5)";
            tx.run(sql, params![new_id, name, new_args, created_at.as_millis(), id]).map_err(sqlite)?;
            let seq = tx.last_insert_rowid();
            let mut bytes = 0;
            for (ordinal, (key, patch)) in (0..).zip(&patches) {
                let row = EntityRow::read(tx, self.generation(), key).map_err(sqlite)?;
                overlay::check(patch, row.data.as_ref(), key)?;
                bytes +=
                    overlay::lay(tx, self.generation(), (seq, ordinal), key, row, patch, &mut changed.seen)
                        .map_err(sqlite)?;
            }
            check_changes(&name, bytes)?;
            (changed.pending, changed.rejected, changed.seen.queue) = (1, -1, true);
            Ok(())
        })
    }

    /// Forgets a mutation that is rejected or pending: what it did here is undone. One that the server has
    /// applied already cannot be discarded; one that is being sent may still be applied there.
    ///
    /// # Errors
    /// When there is no such mutation.
    pub fn discard(&self, id: &str) -> Result<u64, StoreError> {
        self.write_seen(|tx, changed| {
            let sqlite = |error| self.error(&error);
            let found = find(tx, id).map_err(sqlite)?.filter(|found| found.state != State::Acked);
            let found = found.ok_or_else(|| StoreError::NoSuchMutation {
                id: id.to_owned(),
                wanted: "rejected or pending",
            })?;
            for key in tables::forget(tx, found.seq).map_err(sqlite)? {
                overlay::mark(tx, self.generation(), &key, &mut changed.seen).map_err(sqlite)?;
                overlay::rebase(tx, self.generation(), &key, &mut changed.seen).map_err(sqlite)?;
            }
            changed.seen.queue = true;
            match found.state {
                State::Pending => changed.pending -= 1,
                State::Rejected => changed.rejected -= 1,
                State::Acked => {}
            }
            Ok(found.seq.unsigned_abs())
        })
    }
}

fn find(tx: &Transaction<'_>, id: &str) -> rusqlite::Result<Option<Found>> {
    let found = |row: &Row<'_>| {
        let state = match row.get::<_, i64>(1)? {
            0 => State::Pending,
            1 => State::Acked,
            _ => State::Rejected,
        };
        Ok(Found { seq: row.get(0)?, state })
    };
    let sql = "SELECT seq, state FROM mutation WHERE id = ?1";
    let exact = tx.prepare_cached(sql)?.query_row([id], found).optional()?;
    if exact.is_some() || !id.contains(char::REPLACEMENT_CHARACTER) {
        return Ok(exact);
    }
    // A damaged id, as it is shown.
    let mut select = tx.prepare_cached("SELECT seq, state, id FROM mutation ORDER BY seq")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        if tables::shown(row, 2)?.as_deref() == Some(id) {
            return found(row).map(Some);
        }
    }
    Ok(None)
}

/// The name, the arguments and the patches of a mutation.
fn content(tx: &Transaction<'_>, seq: i64) -> rusqlite::Result<Content> {
    let sql = "SELECT name, args FROM mutation WHERE seq = ?1";
    let (name, args) = tx.prepare_cached(sql)?.query_row([seq], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Content { name, args, patches: tables::patches_of(tx, seq)? })
}
