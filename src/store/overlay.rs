//! The optimistic layer: patches of mutations on their way, laid over what the server confirmed.

use mizu_sync_protocol::limits;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::error::{StoreError, is_unreadable};
use super::tables;
use crate::model::{ChangeSet, Edit, EntityKey, Object, Patch};

/// One row of the table `entity`.
#[derive(Default)]
pub struct EntityRow {
    /// What the app sees.
    pub data: Option<Object>,
    /// What the server confirmed, where patches lie over it.
    base: Option<Object>,
    /// How many patches lie over it.
    overlay: i64,
}

impl EntityRow {
    /// Reads the row; an empty one where there is none.
    pub fn read(connection: &Connection, generation: i64, key: &EntityKey) -> rusqlite::Result<Self> {
        let sql =
            "SELECT data, base, overlay FROM entity WHERE generation = ?1 AND collection = ?2 AND id = ?3";
        let row =
            connection.prepare_cached(sql)?.query_row(params![generation, key.collection, key.id], |row| {
                Ok(Self {
                    data: tables::object(row, 0)?,
                    base: tables::object(row, 1)?,
                    overlay: row.get(2)?,
                })
            });
        Ok(row.optional()?.unwrap_or_default())
    }

    fn write(&self, tx: &Transaction<'_>, generation: i64, key: &EntityKey) -> rusqlite::Result<()> {
        if self.overlay == 0 && self.data.is_none() {
            let sql = "DELETE FROM entity WHERE generation = ?1 AND collection = ?2 AND id = ?3";
            tx.prepare_cached(sql)?.execute(params![generation, key.collection, key.id])?;
            return Ok(());
        }
        let sql = "INSERT INTO entity (generation, collection, id, data, base, overlay)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                   ON CONFLICT DO UPDATE SET data = excluded.data, base = excluded.base, overlay = excluded.overlay";
        let data = self.data.as_ref().map(Object::as_str);
        let base = self.base.as_ref().map(Object::as_str);
        let mut statement = tx.prepare_cached(sql)?;
        statement.execute(params![generation, key.collection, key.id, data, base, self.overlay])?;
        Ok(())
    }
}

/// Lays a patch over the entity's `row`, records it under (seq, ordinal), and tells `seen` what is different. Gives how
/// much that counts of what one mutation may change.
pub fn lay(
    tx: &Transaction<'_>,
    generation: i64,
    (seq, ordinal): (i64, i64),
    key: &EntityKey,
    mut row: EntityRow,
    patch: &Patch,
    seen: &mut ChangeSet,
) -> rusqlite::Result<usize> {
    let data = patch.apply(row.data.clone());
    let size = limits::change_size(&key.collection, &key.id, data.as_ref().map_or("", Object::as_str));
    seen.entity(key, row.data.clone(), data.clone(), row.overlay == 0);
    if row.overlay == 0 {
        row.base = row.data.take();
    }
    row.data = data;
    row.overlay += 1;
    row.write(tx, generation, key)?;
    let sql = "INSERT INTO patch (seq, ordinal, collection, id, op, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let values = params![seq, ordinal, key.collection, key.id, patch.verb(), patch.body()];
    tx.prepare_cached(sql)?.execute(values)?;
    Ok(size)
}

/// The patch that an edit by the app amounts to on what is visible now.
///
/// # Errors
/// When the edit makes no sense there, or would leave an entity that is too large.
pub fn resolve(edit: Edit, visible: Option<&Object>, key: &EntityKey) -> Result<Patch, StoreError> {
    let patch = match (edit, visible) {
        (Edit::Create(_), Some(_)) => return Err(StoreError::AlreadyExists { entity: key.clone() }),
        (Edit::Set { .. } | Edit::Update { .. }, None) => {
            return Err(StoreError::NotFound { entity: key.clone() });
        }
        (Edit::Create(data), None) => Patch::Create(data),
        (Edit::Set { known, gone }, Some(visible)) => Patch::Replace(visible.patched(&known, &gone)),
        (Edit::Update { seen: Some(seen), .. }, Some(visible)) if seen != *visible => {
            return Err(StoreError::Changed { entity: key.clone() });
        }
        (Edit::Update { set, unset, .. }, Some(_)) => Patch::Fields { set, unset },
        (Edit::Delete, _) => Patch::Delete,
    };
    check(&patch, visible, key)?;
    // Arguments may not be larger than this; the whole entity, which is checked, fits in any case.
    match (patch, visible) {
        (patch @ Patch::Fields { .. }, Some(visible)) if patch.size() > limits::MAX_ARGS => {
            Ok(patch.apply(Some(visible.clone())).map_or(patch, Patch::Replace))
        }
        (patch, _) => Ok(patch),
    }
}

/// Refuses a patch that would leave an entity that is too large or too deep.
///
/// # Errors
/// [`StoreError::EntityLimit`].
pub fn check(patch: &Patch, visible: Option<&Object>, key: &EntityKey) -> Result<(), StoreError> {
    let Some(data) = patch.apply(visible.cloned()) else { return Ok(()) };
    limits::check_entity(data.as_str())
        .map_err(|limit| StoreError::EntityLimit { entity: key.clone(), limit })
}

/// Makes what the app sees of an entity anew: what the server confirmed, then the patches that remain, in order. Tells
/// `seen` what is different.
pub fn rebase(
    tx: &Transaction<'_>,
    generation: i64,
    key: &EntityKey,
    seen: &mut ChangeSet,
) -> rusqlite::Result<()> {
    let base = match confirmed(tx, generation, key) {
        // It stays as it is until the server sends it again.
        Err(error) if is_unreadable(&error) => return Ok(()),
        base => base?,
    };
    let (shown, was_pending) = shown(tx, generation, key)?;
    let patches = live_patches(tx, key, i64::MAX)?;
    let overlay = i64::try_from(patches.len()).unwrap_or(i64::MAX);
    // A patch that cannot be read does nothing. Its mutation is rejected before the next one is sent.
    let data = patches.iter().flatten().fold(base.clone(), |data, patch| patch.apply(data));
    seen.entity(key, shown, data.clone(), was_pending != (overlay > 0));
    let base = if overlay > 0 { base } else { None };
    EntityRow { data, base, overlay }.write(tx, generation, key)
}

/// Tells `seen` that the marks of an entity may be others.
pub fn mark(
    tx: &Transaction<'_>,
    generation: i64,
    key: &EntityKey,
    seen: &mut ChangeSet,
) -> rusqlite::Result<()> {
    let (data, _) = shown(tx, generation, key)?;
    seen.entity(key, data.clone(), data, true);
    Ok(())
}

/// What the app sees of an entity, none where it cannot be read, and whether patches lie over it.
pub fn shown(
    connection: &Connection,
    generation: i64,
    key: &EntityKey,
) -> rusqlite::Result<(Option<Object>, bool)> {
    let sql = "SELECT data, overlay > 0 FROM entity WHERE generation = ?1 AND collection = ?2 AND id = ?3";
    let values = params![generation, key.collection, key.id];
    let shown = |row: &Row<'_>| Ok((tables::object(row, 0).unwrap_or_default(), row.get(1)?));
    Ok(connection.prepare_cached(sql)?.query_row(values, shown).optional()?.unwrap_or_default())
}

/// The entity as it stands after the mutation `seq`, without those queued later.
pub fn object_at(
    connection: &Connection,
    generation: i64,
    key: &EntityKey,
    seq: i64,
) -> rusqlite::Result<Option<Object>> {
    let base = confirmed(connection, generation, key)?;
    live_patches(connection, key, seq)?.into_iter().try_fold(base, |data, patch| Ok(patch?.apply(data)))
}

/// What the server confirmed of an entity.
fn confirmed(connection: &Connection, generation: i64, key: &EntityKey) -> rusqlite::Result<Option<Object>> {
    let sql = "SELECT iif(overlay > 0, base, data) FROM entity
               WHERE generation = ?1 AND collection = ?2 AND id = ?3";
    let values = params![generation, key.collection, key.id];
    let object = |row: &Row<'_>| tables::object(row, 0);
    Ok(connection.prepare_cached(sql)?.query_row(values, object).optional()?.flatten())
}

/// The patches on an entity of mutations that are pending or acked, up to the mutation `last`, in order; an error
/// for each that cannot be read.
fn live_patches(
    connection: &Connection,
    key: &EntityKey,
    last: i64,
) -> rusqlite::Result<Vec<rusqlite::Result<Patch>>> {
    let sql = "SELECT patch.op, patch.body FROM patch JOIN mutation USING (seq)
               WHERE patch.collection = ?1 AND patch.id = ?2 AND seq <= ?3 AND mutation.state < 2
               ORDER BY seq, ordinal";
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query(params![key.collection, key.id, last])?;
    let mut patches = Vec::new();
    while let Some(row) = rows.next()? {
        match tables::patch(row, 0) {
            Err(error) if !is_unreadable(&error) => return Err(error),
            patch => patches.push(patch),
        }
    }
    Ok(patches)
}
