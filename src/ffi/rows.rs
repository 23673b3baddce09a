//! Rows as bytes, and what becomes of the rows of a query.
//!
//! # Format
//! Numbers are big-endian; a text is its length in bytes as `u32`, and its UTF-8.
//!
//! ```text
//! update:  kind u8, version u64, count u32, then
//!          kind 0, all rows:  count rows
//!          kind 1, changes:   count changes, to be made one after the other
//! change:  0 u8, index u32          the row there is gone
//!          1 u8, index u32, row     a new one there
//!          2 u8, index u32, row     another one there, of the same id
//! row:     id text, marks u8 (1 pending, 2 rejected), JSON text
//! ```
//!
//! Rows that do not fit the app's type are among them: only the other side knows.

use std::sync::{Arc, Mutex, PoisonError};

use super::error::ApiResult;
use super::feed::{Latest, Listener};
use crate::client::Core;
use crate::collection::codec::Codec;
use crate::collection::{Row, RowChange, RowsUpdate, Shown};
use crate::error::Result;
use crate::model::{EntityKey, Object};
use crate::store::{RawRow, StoredRow, Version};

/// Bytes of what is before the rows or changes.
const HEAD: usize = 13;

const ALL: u8 = 0;
const CHANGES: u8 = 1;

const REMOVED: u8 = 0;
const INSERTED: u8 = 1;
const UPDATED: u8 = 2;

const PENDING: u8 = 1;
const REJECTED: u8 = 2;

/// One row.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct NativeRow {
    /// Its JSON, of the newest version of the app's model.
    pub data: String,
    /// Whether writes to it are on their way.
    pub pending: bool,
    /// Whether a write to it was refused.
    pub rejected: bool,
}

impl NativeRow {
    pub(super) fn new(codec: &Codec, key: &EntityKey, row: &StoredRow) -> Self {
        let data = codec.newest(key, &row.data).as_str().to_owned();
        Self { data, pending: row.pending, rejected: row.rejected }
    }
}

/// The rows of a query now.
type Versioned = (Version, Arc<Vec<StoredRow>>);

/// The rows of a query for as long as somebody watches them.
#[derive(uniffi::Object)]
pub struct NativeRows {
    core: Arc<Core>,
    collection: Arc<str>,
    latest: Latest<Versioned>,
    /// What the other side knows of. None yet: the next news are all rows.
    shown: Mutex<Option<Shown>>,
}

impl NativeRows {
    pub(super) fn new(
        core: Arc<Core>,
        collection: Arc<str>,
        read: impl Fn() -> Result<Versioned> + Send + 'static,
        listener: Arc<dyn Listener>,
    ) -> Self {
        Self { core, collection, latest: Latest::new(read, listener), shown: Mutex::default() }
    }
}

#[uniffi::export]
impl NativeRows {
    /// What is new since the last call, as bytes; `None` when nothing is.
    pub fn next(&self) -> ApiResult<Option<Vec<u8>>> {
        // Two callers at once would tell the other side of changes in another order than they were.
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((version, rows)) = self.latest.take()? else { return Ok(None) };
        let update = match &mut *shown {
            Some(shown) => shown.update(&rows, version, kept),
            None => {
                let (first, all) = Shown::first(&rows, version, kept);
                *shown = Some(first);
                Some(all)
            }
        };
        drop(shown);
        Ok(update.map(|update| self.encode(&update)))
    }

    /// Ends it: nobody is told any more.
    pub fn stop(&self) {
        self.latest.stop();
    }
}

impl NativeRows {
    fn encode(&self, update: &RowsUpdate<Object>) -> Vec<u8> {
        let writer = Writer::new(&self.core.codec, &self.collection);
        match update {
            RowsUpdate::All { rows, version } => {
                let parts = rows.iter().map(|row| (&*row.id, &row.value, marks(row.pending, row.rejected)));
                writer.all(*version, parts)
            }
            RowsUpdate::Changes { changes, version } => writer.changes(*version, changes),
        }
    }
}

/// All rows, as bytes.
pub(super) fn all(codec: &Codec, collection: &str, version: Version, rows: &[StoredRow]) -> Vec<u8> {
    let parts = rows.iter().map(|row| (&*row.id, &row.data, marks(row.pending, row.rejected)));
    Writer::new(codec, collection).all(version, parts)
}

/// Whether it fits the app's type is for the other side to say.
fn kept(row: &StoredRow) -> Option<Row<Object>> {
    Some(Row { id: row.id.clone(), value: row.data.clone(), pending: row.pending, rejected: row.rejected })
}

const fn marks(pending: bool, rejected: bool) -> u8 {
    (if pending { PENDING } else { 0 }) | (if rejected { REJECTED } else { 0 })
}

/// Rows that go from the file into bytes: all rows, as [`all`] has them.
pub(super) struct Packed {
    bytes: Vec<u8>,
    count: usize,
}

impl Default for Packed {
    fn default() -> Self {
        // The head is written when the rows are counted.
        Self { bytes: vec![0; HEAD], count: 0 }
    }
}

impl Packed {
    /// Adds one.
    pub(super) fn add(&mut self, row: RawRow<'_>) {
        write_text(&mut self.bytes, row.id);
        self.bytes.push(marks(row.pending, row.rejected));
        write_text(&mut self.bytes, row.data);
        self.count += 1;
    }

    /// All of them, of this version.
    pub(super) fn finish(mut self, version: Version) -> Vec<u8> {
        let mut head = Vec::with_capacity(HEAD);
        write_head(&mut head, ALL, version, self.count);
        self.bytes[..HEAD].copy_from_slice(&head);
        self.bytes
    }
}

struct Writer<'a> {
    codec: &'a Codec,
    collection: &'a str,
    bytes: Vec<u8>,
}

impl<'a> Writer<'a> {
    fn new(codec: &'a Codec, collection: &'a str) -> Self {
        Self { codec, collection, bytes: Vec::new() }
    }

    fn all<'r>(
        mut self,
        version: Version,
        rows: impl ExactSizeIterator<Item = (&'r str, &'r Object, u8)> + Clone,
    ) -> Vec<u8> {
        let size: usize = rows.clone().map(|(id, data, _)| id.len() + data.as_str().len() + 9).sum();
        self.bytes.reserve_exact(size + HEAD);
        write_head(&mut self.bytes, ALL, version, rows.len());
        rows.for_each(|(id, data, marks)| self.row(id, data, marks));
        self.bytes
    }

    fn changes(mut self, version: Version, changes: &[RowChange<Object>]) -> Vec<u8> {
        write_head(&mut self.bytes, CHANGES, version, changes.len());
        for change in changes {
            let (kind, index, row) = match change {
                RowChange::Removed { index } => (REMOVED, index, None),
                RowChange::Inserted { index, row } => (INSERTED, index, Some(row)),
                RowChange::Updated { index, row } => (UPDATED, index, Some(row)),
            };
            self.bytes.push(kind);
            write_number(&mut self.bytes, *index);
            if let Some(row) = row {
                self.row(&row.id, &row.value, marks(row.pending, row.rejected));
            }
        }
        self.bytes
    }

    fn row(&mut self, id: &str, data: &Object, marks: u8) {
        write_text(&mut self.bytes, id);
        self.bytes.push(marks);
        if self.codec.has_versions(self.collection) {
            let newest = self.codec.newest(&EntityKey::new(self.collection, id), data).into_owned();
            write_text(&mut self.bytes, newest.as_str());
        } else {
            write_text(&mut self.bytes, data.as_str());
        }
    }
}

fn write_head(bytes: &mut Vec<u8>, kind: u8, version: Version, count: usize) {
    bytes.push(kind);
    bytes.extend(version.get().to_be_bytes());
    write_number(bytes, count);
}

fn write_text(bytes: &mut Vec<u8>, text: &str) {
    write_number(bytes, text.len());
    bytes.extend(text.as_bytes());
}

/// Lists and texts have fewer than 2³² parts: a query that found more would not be in memory.
fn write_number(bytes: &mut Vec<u8>, number: usize) {
    bytes.extend(u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes());
}
