//! Queries: what is asked crosses as plain data.

use std::sync::Arc;
use std::vec;

use super::error::{ApiError, ApiResult, ErrorKind, Problem};
use super::feed::{Listener, NativeFeed, News};
use super::rows::{self, NativeRows};
use crate::client::Core;
use crate::collection::Query;
use crate::model::{Field, Filter, Scalar};
use crate::reactive;
use crate::store::{MOST_CONDITIONS, StoreError};

/// What is asked of a collection.
#[derive(Default, uniffi::Record)]
pub struct QueryOptions {
    /// In prefix order: an operator that combines stands before what it combines. Empty: all.
    pub conditions: Vec<Condition>,
    /// The first decides first.
    pub order: Vec<OrderOption>,
    /// At most so many.
    pub limit: Option<u64>,
    /// Without the first so many.
    pub offset: u64,
}

/// One operator. UniFFI's records cannot contain themselves, so a tree is a list.
#[derive(uniffi::Record)]
pub struct Condition {
    /// What it does.
    pub operator: Operator,
    /// The path of the field that it compares.
    pub field: Vec<String>,
    /// What it compares with.
    pub values: Vec<Value>,
    /// How many of the conditions that follow it combines.
    pub parts: u32,
}

/// What a condition does.
#[derive(Clone, Copy, uniffi::Enum)]
pub enum Operator {
    /// Equal to one value.
    Eq,
    /// Not equal.
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// One of the values.
    In,
    /// A text that begins so.
    Prefix,
    /// All parts hold.
    All,
    /// One of the parts holds.
    Any,
    /// The part does not hold.
    Not,
}

/// What a field is compared with.
#[derive(Clone, uniffi::Enum)]
pub enum Value {
    /// JSON's null.
    Null,
    /// A truth value.
    Bool {
        /// It.
        value: bool,
    },
    /// A whole number.
    Int {
        /// It.
        value: i64,
    },
    /// Another number.
    Float {
        /// It.
        value: f64,
    },
    /// A text.
    Text {
        /// It.
        value: String,
    },
}

/// An order.
#[derive(uniffi::Record)]
pub struct OrderOption {
    /// The path of the field.
    pub field: Vec<String>,
    /// Whether the greatest is first.
    pub descending: bool,
}

/// A query. Making one reads nothing.
#[derive(uniffi::Object)]
pub struct NativeQuery {
    core: Arc<Core>,
    collection: Arc<str>,
    query: Query<()>,
}

impl NativeQuery {
    pub(super) fn new(
        core: Arc<Core>,
        collection: &str,
        mut query: Query<()>,
        asked: QueryOptions,
    ) -> ApiResult<Arc<Self>> {
        let QueryOptions { conditions, order, limit, offset } = asked;
        let mut rest = conditions.into_iter();
        while rest.len() > 0 {
            query = query.filter(filter(&mut rest, 1)?);
        }
        for OrderOption { field: path, descending } in order {
            let field = field(path);
            query = query.order_by(if descending { field.desc() } else { field.asc() });
        }
        if let Some(limit) = limit {
            query = query.limit(limit);
        }
        Ok(Arc::new(Self { core, collection: collection.into(), query: query.offset(offset) }))
    }
}

#[uniffi::export]
impl NativeQuery {
    /// All rows, as `rows` writes them.
    pub fn rows(&self) -> ApiResult<Vec<u8>> {
        let codec = &self.core.codec;
        if !reactive::is_tracking() && !codec.has_versions(&self.collection) {
            // From the file into the bytes.
            let (version, packed) = self.query.read_into(rows::Packed::add)?;
            return Ok(packed.finish(version));
        }
        let (version, rows) = self.query.stored()?;
        Ok(rows::all(codec, &self.collection, version, &rows))
    }

    /// How many there are.
    pub fn count(&self) -> ApiResult<u64> {
        Ok(self.query.count()?)
    }

    /// Tells when there is news of the rows.
    pub fn watch_rows(&self, listener: Arc<dyn Listener>) -> Arc<NativeRows> {
        let query = self.query.clone();
        let read = move || query.stored();
        Arc::new(NativeRows::new(Arc::clone(&self.core), Arc::clone(&self.collection), read, listener))
    }

    /// Tells when there is another number of them.
    pub fn watch_count(&self, listener: Arc<dyn Listener>) -> Arc<NativeFeed> {
        let query = self.query.clone();
        NativeFeed::new(move || query.count().map(|count| News::Count { count }), listener)
    }
}

/// The condition that begins here, so many levels deep, with those that it combines.
fn filter(rest: &mut vec::IntoIter<Condition>, depth: usize) -> ApiResult<Filter> {
    // Each level is a condition at least. Said before it is found by a stack that overflows.
    if depth > MOST_CONDITIONS {
        let reason = format!("it has more conditions than the {MOST_CONDITIONS} that are allowed");
        return Err(StoreError::Invalid { what: "the query", reason }.into());
    }
    let Condition { operator, field: path, values, parts } = rest.next().ok_or_else(incomplete)?;
    let mut scalars = values.into_iter().map(scalar);
    let path = field(path);
    let mut value = || scalars.next().ok_or_else(incomplete);
    Ok(match operator {
        Operator::Eq => path.eq(value()?),
        Operator::Ne => path.ne(value()?),
        Operator::Lt => path.lt(value()?),
        Operator::Le => path.le(value()?),
        Operator::Gt => path.gt(value()?),
        Operator::Ge => path.ge(value()?),
        Operator::In => path.is_in(scalars),
        Operator::Prefix => match value()? {
            Scalar::Text(text) => path.prefix(text),
            _ => return Err(incomplete()),
        },
        Operator::All => combine(rest, parts, depth, Filter::and)?,
        Operator::Any => combine(rest, parts, depth, Filter::or)?,
        Operator::Not => !filter(rest, depth + 1)?,
    })
}

fn combine(
    rest: &mut vec::IntoIter<Condition>,
    parts: u32,
    depth: usize,
    with: fn(Filter, Filter) -> Filter,
) -> ApiResult<Filter> {
    let first = filter(rest, depth + 1)?;
    (1..parts).try_fold(first, |combined, _| Ok(with(combined, filter(rest, depth + 1)?)))
}

/// Never a query of more than what was asked for.
fn incomplete() -> ApiError {
    let sentence = "a condition of the query is incomplete: build it by the functions for that".to_owned();
    ApiError::Failed { problem: Problem { kind: ErrorKind::Misuse, sentence, is_passing: false } }
}

pub(super) fn field(path: Vec<String>) -> Field {
    let mut names = path.into_iter();
    let first = crate::model::field(names.next().unwrap_or_default());
    names.fold(first, Field::field)
}

fn scalar(value: Value) -> Scalar {
    match value {
        Value::Null => Scalar::Null,
        Value::Bool { value } => Scalar::Bool(value),
        Value::Int { value } => Scalar::Int(value),
        Value::Float { value } => Scalar::Float(value),
        Value::Text { value } => Scalar::Text(value),
    }
}
