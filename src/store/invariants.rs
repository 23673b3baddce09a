//! What holds in the file between any two transactions: asked by tests and by the simulator.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use super::{Store, lists};
use crate::model::Object;
use crate::model::{EntityKey, Patch};

impl Store {
    /// Lets the file have no more pages than it has, and this many more: a disk that is full. None: as many as
    /// it likes.
    #[cfg(test)]
    pub fn limit_pages(&self, more: Option<u32>) {
        let _ = self.connections.write(super::Durability::Relaxed, |tx| {
            let pages: i64 = tx.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap_or(0);
            let most = more.map_or(i64::from(u32::MAX) - 1, |more| pages + i64::from(more));
            tx.pragma_update_and_check(None, "max_page_count", most, |_| Ok(()))
                .map_err(|error| self.error(&error))
        });
    }

    /// Checks the whole file; the first thing that does not hold, in words.
    ///
    /// # Errors
    /// What does not hold.
    pub fn check_invariants(&self) -> Result<(), String> {
        let generation = self.generation();
        let checked = self.connections.read(|connection| {
            Ok(check_overlay(connection, generation).and_then(|()| {
                let counted = lists::count(connection).map_err(|error| error.to_string())?;
                let known = self.counts();
                if counted == known { Ok(()) } else { Err(format!("counts: {known:?}, counted {counted:?}")) }
            }))
        });
        checked.map_err(|error| error.to_string())?
    }
}

/// Every row shows its base under its live patches, and every live patch lies over a row.
fn check_overlay(connection: &Connection, generation: i64) -> Result<(), String> {
    let text = |error: rusqlite::Error| error.to_string();
    let mut patches = live_patches(connection).map_err(text)?;
    let sql = "SELECT collection, id, data, base, overlay FROM entity WHERE generation = ?1";
    let mut select = connection.prepare_cached(sql).map_err(text)?;
    let mut rows = select.query(params![generation]).map_err(text)?;
    while let Some(row) = rows.next().map_err(text)? {
        let (collection, id): (String, String) = (row.get(0).map_err(text)?, row.get(1).map_err(text)?);
        let key = EntityKey { collection, id };
        let object = |column| row.get::<_, Option<String>>(column).map(|text| text.and_then(Object::parse));
        let (data, base) = (object(2).map_err(text)?, object(3).map_err(text)?);
        let overlay: i64 = row.get(4).map_err(text)?;
        let mine = patches.remove(&key).unwrap_or_default();
        if overlay.unsigned_abs() != mine.len() as u64 {
            return Err(format!("{key}: overlay {overlay}, but {} live patches", mine.len()));
        }
        if mine.is_empty() && (base.is_some() || data.is_none()) {
            return Err(format!("{key}: no patches, but a base or no data"));
        }
        if !mine.is_empty() && mine.iter().fold(base, |data, patch| patch.apply(data)) != data {
            return Err(format!("{key}: what is seen is not its base under its patches"));
        }
    }
    match patches.keys().next() {
        Some(key) => Err(format!("{key}: live patches, but no row")),
        None => Ok(()),
    }
}

fn live_patches(connection: &Connection) -> rusqlite::Result<BTreeMap<EntityKey, Vec<Patch>>> {
    let sql = "SELECT collection, patch.id, op, body FROM patch JOIN mutation USING (seq)
               WHERE state < 2 ORDER BY seq, ordinal";
    let mut patches: BTreeMap<EntityKey, Vec<Patch>> = BTreeMap::new();
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let key = EntityKey { collection: row.get(0)?, id: row.get(1)? };
        let (op, body): (String, Option<String>) = (row.get(2)?, row.get(3)?);
        let patch = Patch::parse(&op, body.as_deref()).ok_or(rusqlite::Error::InvalidQuery)?;
        patches.entry(key).or_default().push(patch);
    }
    Ok(patches)
}
