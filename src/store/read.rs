//! Reads of entities: `data` as the app sees it, with no merging.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::error::StoreError;
use super::{Store, tables};
use crate::model::{EntityKey, Object};

/// An entity as the app sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRow {
    /// Its id.
    pub id: String,
    /// Its data.
    pub data: Object,
    /// Whether changes to it are on their way to the server.
    pub pending: bool,
    /// Whether a change to it was refused and the app has not decided about that.
    pub rejected: bool,
}

impl Store {
    /// One entity; `None` when it is not visible.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn get(&self, key: &EntityKey) -> Result<Option<StoredRow>, StoreError> {
        let sql = "SELECT data, overlay FROM entity
                   WHERE generation = ?1 AND collection = ?2 AND id = ?3 AND data IS NOT NULL";
        self.read_generation(|connection, generation| {
            let values = params![generation, key.collection, key.id];
            let row = connection
                .prepare_cached(sql)?
                .query_row(values, |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))
                .optional()?;
            let Some((data, overlay)) = row else { return Ok(None) };
            let Some(data) = Object::parse(data) else { return Ok(None) };
            let rejected = Marks::of(self, connection, &key.collection)?.rejected.contains(&key.id);
            Ok(Some(StoredRow { id: key.id.clone(), data, pending: overlay > 0, rejected }))
        })
    }

    /// Reads in the generation that is seen. A swap while the read goes on makes it begin again, since the
    /// rows of the old generation are being deleted then.
    pub(super) fn read_generation<T>(
        &self,
        mut work: impl FnMut(&Connection, i64) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.connections.read(|connection| {
            loop {
                let generation = self.generation();
                let result = work(connection, generation).map_err(|error| self.error(&error))?;
                if self.generation() == generation {
                    return Ok(result);
                }
            }
        })
    }
}

/// What marks the rows of a collection beside their own columns.
pub struct Marks {
    rejected: HashSet<String>,
}

impl Marks {
    /// Those of now.
    pub fn of(store: &Store, connection: &Connection, collection: &str) -> rusqlite::Result<Self> {
        let rejected =
            if store.has_rejected() { rejected_ids(connection, collection)? } else { HashSet::new() };
        Ok(Self { rejected })
    }

    /// The row in the columns `id`, `data` and `overlay`.
    pub fn row<'a>(&self, row: &'a Row<'_>) -> rusqlite::Result<RawRow<'a>> {
        let (id, data) = (row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?);
        let (pending, rejected) = (row.get::<_, i64>(2)? > 0, self.rejected.contains(id));
        Ok(RawRow { id, data, pending, rejected })
    }
}

/// A row as SQLite has it: nobody has looked at its data.
#[derive(Clone, Copy)]
pub struct RawRow<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its data, which was JSON when it was written.
    pub data: &'a str,
    /// As of a [`StoredRow`].
    pub pending: bool,
    /// As of a [`StoredRow`].
    pub rejected: bool,
}

impl RawRow<'_> {
    /// As it is kept; none where its data cannot be read.
    pub fn stored(self) -> Option<StoredRow> {
        let Self { id, data, pending, rejected } = self;
        let data = Object::parse(data.to_owned())?;
        Some(StoredRow { id: id.to_owned(), data, pending, rejected })
    }
}

/// The entities of a collection that a rejected mutation wanted to change. Rejections are few.
fn rejected_ids(connection: &Connection, collection: &str) -> rusqlite::Result<HashSet<String>> {
    let sql = "SELECT DISTINCT patch.id FROM mutation JOIN patch USING (seq)
               WHERE mutation.state = 2 AND patch.collection = ?1";
    let mut select = connection.prepare_cached(sql)?;
    select.query_map([collection], |row| Ok(tables::shown(row, 0)?.unwrap_or_default()))?.collect()
}
