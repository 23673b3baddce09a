//! Queries of one collection, answered by SQLite.

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};

use super::Store;
use super::condition::{self, Clause};
use super::error::StoreError;
use super::read::{Marks, RawRow, StoredRow};
use super::write::check_collection;
use crate::model::{Change, Filter, Object, QuerySpec};

/// Conditions that a query may have: SQLite nests them, and has a limit for that.
pub const MOST_CONDITIONS: usize = 300;
/// Fields by which a query may order.
const MOST_ORDERS: usize = 64;
/// Values that a query may compare with. SQLite takes 32,766, with those of the query's own.
const MOST_VALUES: usize = 30_000;

/// Whether an entity satisfied a condition before a change, and does after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matched {
    pub before: bool,
    pub after: bool,
}

impl Store {
    /// The rows that a query asks for, in its order.
    ///
    /// # Errors
    /// When the query is too large or the file cannot be read.
    pub fn query(&self, collection: &str, query: &QuerySpec) -> Result<Vec<StoredRow>, StoreError> {
        self.query_into(collection, query, |rows: &mut Vec<_>, row| rows.extend(row.stored()))
    }

    /// What `add` makes of the rows that a query asks for, in its order.
    ///
    /// # Errors
    /// As [`Store::query`].
    pub fn query_into<B: Default>(
        &self,
        collection: &str,
        query: &QuerySpec,
        add: impl Fn(&mut B, RawRow<'_>),
    ) -> Result<B, StoreError> {
        check(collection, query)?;
        self.read_generation(|connection, generation| {
            let marks = Marks::of(self, connection, collection)?;
            let clause = select("id, data, overlay", collection, generation, query);
            let mut statement = connection.prepare_cached(&clause.sql)?;
            let mut found = statement.query(params_from_iter(clause.values))?;
            let mut made = B::default();
            while let Some(row) = found.next()? {
                add(&mut made, marks.row(row)?);
            }
            Ok(made)
        })
    }

    /// All visible entities of a collection, by id.
    ///
    /// # Errors
    /// When the file cannot be read.
    #[cfg(any(test, feature = "simulation"))]
    pub fn all(&self, collection: &str) -> Result<Vec<StoredRow>, StoreError> {
        self.query(collection, &QuerySpec::default())
    }

    /// How many entities of a collection are visible.
    ///
    /// # Errors
    /// When the file cannot be read.
    #[cfg(any(test, feature = "simulation"))]
    pub fn count(&self, collection: &str) -> Result<u64, StoreError> {
        self.count_query(collection, &QuerySpec::default())
    }

    /// How many rows a query asks for.
    ///
    /// # Errors
    /// As [`Store::query`].
    pub fn count_query(&self, collection: &str, query: &QuerySpec) -> Result<u64, StoreError> {
        check(collection, query)?;
        self.read_generation(|connection, generation| {
            let mut clause = select("1", collection, generation, query);
            clause.sql = format!("SELECT count(*) FROM ({})", clause.sql);
            let mut statement = connection.prepare_cached(&clause.sql)?;
            statement
                .query_row(params_from_iter(clause.values), |row| row.get::<_, i64>(0))
                .map(i64::unsigned_abs)
        })
    }

    /// Whether an entity satisfied `filter` before a change, and does after it.
    ///
    /// # Errors
    /// As [`Store::query`].
    pub fn matches(&self, filter: &Filter, change: &Change) -> Result<Matched, StoreError> {
        self.connections.read(|connection| {
            let satisfies = |data: &Option<Object>| match data {
                None => Ok(false),
                Some(data) => satisfies(connection, filter, data).map_err(|error| self.error(&error)),
            };
            Ok(Matched { before: satisfies(&change.before)?, after: satisfies(&change.after)? })
        })
    }

    /// How SQLite answers a query, for tests.
    #[cfg(test)]
    pub fn explain(&self, collection: &str, query: &QuerySpec) -> String {
        let generation = self.generation();
        let clause = select("id, data, overlay", collection, generation, query);
        let explained = self.connections.read(|connection| {
            let explain = || {
                // What is only explained does not notice that the schema is another one.
                connection.query_row("SELECT count(*) FROM entity", [], |row| row.get::<_, i64>(0))?;
                let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", clause.sql))?;
                let rows = statement.query_map(params_from_iter(clause.values), |row| row.get(3))?;
                rows.collect::<rusqlite::Result<Vec<String>>>()
            };
            explain().map_err(|error| self.error(&error))
        });
        explained.unwrap().join("\n")
    }
}

/// Refuses what SQLite would refuse, in words that say why.
fn check(collection: &str, query: &QuerySpec) -> Result<(), StoreError> {
    let invalid = |reason| Err(StoreError::Invalid { what: "the query", reason });
    check_collection(collection)?;
    let conditions = query.filter.as_ref().map_or(0, Filter::size);
    if conditions > MOST_CONDITIONS {
        return invalid(format!("it has {conditions} conditions, at most {MOST_CONDITIONS} are allowed"));
    }
    let values = query.filter.as_ref().map_or(0, Filter::values);
    if values > MOST_VALUES {
        return invalid(format!("it compares with {values} values, at most {MOST_VALUES} are allowed"));
    }
    let orders = query.order.len();
    if orders > MOST_ORDERS {
        return invalid(format!("it orders by {orders} fields, at most {MOST_ORDERS} are allowed"));
    }
    Ok(())
}

/// The statement of a query.
fn select(columns: &str, collection: &str, generation: i64, query: &QuerySpec) -> Clause {
    let mut clause = Clause::default();
    clause.push(&format!("SELECT {columns} FROM entity WHERE generation = "));
    clause.bind(Value::Integer(generation));
    // As a literal: the indexes are of one collection each, and SQLite must see that they fit before values are bound.
    clause.push(&format!(" AND collection = {} AND data IS NOT NULL", condition::quote(collection)));
    if let Some(filter) = &query.filter {
        clause.push(" AND ");
        clause.filter(filter);
    }
    clause.push(" ORDER BY ");
    let mut direction = "";
    for order in &query.order {
        direction = if order.descending { " DESC" } else { "" };
        clause.push(&format!("{}{direction}, ", condition::field(&order.field)));
    }
    // In the same direction as the last order: an index is read forwards or backwards as a whole.
    clause.push(&format!("id{direction}"));
    if query.limit.is_some() || query.offset > 0 {
        let number = |number: u64| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
        clause.push(" LIMIT ");
        clause.bind(query.limit.map_or(Value::Integer(-1), number));
        clause.push(" OFFSET ");
        clause.bind(number(query.offset));
    }
    clause
}

fn satisfies(connection: &Connection, filter: &Filter, data: &Object) -> rusqlite::Result<bool> {
    let mut clause = Clause::default();
    clause.push("SELECT ");
    clause.filter(filter);
    clause.push(" FROM (SELECT ");
    clause.bind(Value::Text(data.as_str().to_owned()));
    clause.push(" AS data)");
    let satisfied = |row: &Row<'_>| Ok(row.get::<_, Option<bool>>(0)?.unwrap_or_default());
    connection.prepare_cached(&clause.sql)?.query_row(params_from_iter(clause.values), satisfied)
}
