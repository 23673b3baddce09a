//! Indexes that the app declares, on fields of a collection.

use rusqlite::Connection;

use super::condition;
use super::connections::Durability;
use super::error::StoreError;
use super::write::check_collection;
use super::{Store, TransactionExt};
use crate::model::Field;

/// What the names of these indexes begin with.
const PREFIX: &str = "declared-";

/// How they are made. A change of that needs another number, so that those of an older version are made anew.
const MAKING: &str = "1 ";

const STATISTICS: &str = "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('entity', ?1, ?2)";

/// An index on fields of the entities of one collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// The collection.
    pub collection: String,
    /// The fields, the most important first.
    pub fields: Vec<Field>,
}

impl Index {
    /// Fields of one index.
    pub const MOST_FIELDS: usize = 32;

    /// Its name, which says all of what it is.
    fn name(&self) -> String {
        let quoted = |text: &String| serde_json::to_string(text).unwrap_or_default();
        let path = |field: &Field| field.path().iter().map(quoted).collect::<Vec<_>>().join(".");
        let fields: Vec<String> = self.fields.iter().map(path).collect();
        let said = format!("{} ({})", self.collection, fields.join(", "));
        // To SQLite names that differ only in upper and lower case are the same.
        format!("{PREFIX}{MAKING}{:016x} {said}", digest(&said))
    }

    /// What SQLite is to believe of it: rows in all, and then for each further column how many share it and those before.
    ///
    /// Without statistics it takes an index for no better than the primary key. Real ones would have to be gathered
    /// again and again, and plans would change under the app: these say that whoever declares an index means it.
    fn statistics(&self) -> String {
        let mut statistics = "1000000 500000".to_owned();
        for place in 0..self.fields.len() {
            let share = if place == 0 { 1000 } else { 10 };
            statistics = format!("{statistics} {share}");
        }
        statistics + " 1"
    }

    fn sql(&self) -> String {
        let name = self.name().replace('"', "\"\"");
        let fields: Vec<String> = self.fields.iter().map(condition::field).collect();
        // What the primary key has too stands first, so that only the fields decide between the two.
        format!(
            "CREATE INDEX \"{name}\" ON entity (generation, {}, id) WHERE collection = {}",
            fields.join(", "),
            condition::quote(&self.collection)
        )
    }
}

impl Store {
    /// Makes the indexes that are missing, and drops those that are not declared any more.
    ///
    /// # Errors
    /// When the file cannot be written. This is a part of opening it: what is damaged is set aside, and the store is closed.
    pub fn declare(&self, mut indexes: Vec<Index>) -> Result<(), StoreError> {
        indexes.iter().try_for_each(|index| check_collection(&index.collection))?;
        indexes.sort_by_key(Index::name);
        indexes.dedup();
        *super::lock(&self.indexes) = indexes;
        self.build_indexes().map_err(|error| self.connections.set_aside(error))
    }

    /// Brings the file's indexes to what is declared.
    pub(super) fn build_indexes(&self) -> Result<(), StoreError> {
        let declared = super::lock(&self.indexes).clone();
        let sqlite = |error| self.error(&error);
        let existing = self.connections.read(|connection| existing(connection).map_err(sqlite))?;
        let wanted: Vec<String> = declared.iter().map(Index::name).collect();
        if wanted.iter().all(|name| existing.contains(name)) && existing.len() == wanted.len() {
            return Ok(());
        }
        self.connections.write(Durability::Relaxed, |tx| {
            // Makes the table of statistics.
            tx.run("ANALYZE sqlite_schema", []).map_err(sqlite)?;
            tx.run("DELETE FROM sqlite_stat1", []).map_err(sqlite)?;
            tx.run(STATISTICS, ["entity", "1000000 500000 500000 1"]).map_err(sqlite)?;
            for index in &declared {
                tx.run(STATISTICS, [index.name(), index.statistics()]).map_err(sqlite)?;
            }
            for name in existing.iter().filter(|name| !wanted.contains(name)) {
                tx.run(&format!("DROP INDEX \"{}\"", name.replace('"', "\"\"")), []).map_err(sqlite)?;
            }
            for index in declared.iter().filter(|index| !existing.contains(&index.name())) {
                tx.run(&index.sql(), []).map_err(sqlite)?;
            }
            // Reads the statistics; the other connections read them because the schema is another one.
            tx.run("ANALYZE sqlite_schema", []).map(drop).map_err(sqlite)
        })
    }
}

/// Tells texts apart: FNV-1a.
fn digest(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |digest, byte| (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn existing(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'index' AND name GLOB ?1 || '*' ORDER BY name";
    let mut select = connection.prepare(sql)?;
    let names = select.query_map([PREFIX], |row| row.get(0))?;
    names.collect()
}
