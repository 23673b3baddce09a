//! Reading a snapshot as it comes, row by row: it may be larger than the memory that a phone gives.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;

use mizu_sync_protocol::{Cursor, Tag};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::changes::{entity, entity_data, unreadable};
use crate::model::{EntityKey, ServerEntity, Unreadable};
use crate::store::StoreError;

/// Rows that are handed on together.
const CHUNK: usize = 1_000;
/// Bytes after which they are handed on even if they are fewer.
const CHUNK_BYTES: usize = 1024 * 1024;

/// Takes the rows of a snapshot.
pub trait RowSink {
    /// Stores them.
    ///
    /// # Errors
    /// When they cannot be stored; reading ends then.
    fn rows(&mut self, rows: &[ServerEntity], unreadable: &[Unreadable]) -> Result<(), StoreError>;
}

/// What stands beside the rows.
#[derive(Default)]
pub struct Summary {
    pub cursor: Option<Cursor>,
    pub tag: Option<Tag>,
    pub has_more: bool,
    pub after: Option<EntityKey>,
    pub total: Option<u64>,
    pub rows: u64,
    pub unreadable: u64,
}

/// Reads a snapshot's body from memory.
///
/// # Errors
/// When it is not a snapshot, or the sink fails: see [`Chunks::failure`].
pub fn read_slice(body: &[u8], chunks: &mut Chunks<'_>) -> Result<Summary, serde_json::Error> {
    read_from(&mut serde_json::Deserializer::from_slice(body), chunks, &|| {})
}

/// Reads a snapshot's body from a stream. `after_row` is called after each row.
///
/// # Errors
/// As [`read_slice`], and when the stream fails.
pub fn read_stream(
    body: impl Read,
    chunks: &mut Chunks<'_>,
    after_row: &dyn Fn(),
) -> Result<Summary, serde_json::Error> {
    read_from(&mut serde_json::Deserializer::from_reader(std::io::BufReader::new(body)), chunks, after_row)
}

fn read_from<'de, R: serde_json::de::Read<'de>>(
    deserializer: &mut serde_json::Deserializer<R>,
    chunks: &mut Chunks<'_>,
    after_row: &dyn Fn(),
) -> Result<Summary, serde_json::Error> {
    let mut summary = deserializer.deserialize_map(Body { chunks, after_row })?;
    deserializer.end()?;
    chunks.flush().map_err(serde_json::Error::custom)?;
    summary.rows = chunks.count;
    summary.unreadable = chunks.unreadable_count;
    Ok(summary)
}

/// Gathers rows and hands them on in chunks.
pub struct Chunks<'s> {
    sink: &'s mut dyn RowSink,
    rows: Vec<ServerEntity>,
    unreadable: Vec<Unreadable>,
    bytes: usize,
    count: u64,
    unreadable_count: u64,
    /// Why the sink failed, if it did.
    pub failure: Option<StoreError>,
}

impl<'s> Chunks<'s> {
    pub fn new(sink: &'s mut dyn RowSink) -> Self {
        Self {
            sink,
            rows: Vec::new(),
            unreadable: Vec::new(),
            bytes: 0,
            count: 0,
            unreadable_count: 0,
            failure: None,
        }
    }

    /// Adds a row; an error is the sink's.
    pub fn push(&mut self, row: Result<ServerEntity, Unreadable>, bytes: usize) -> Result<(), &'static str> {
        match row {
            Ok(row) => {
                self.count += 1;
                self.rows.push(row);
            }
            Err(unreadable) => {
                self.unreadable_count += 1;
                self.unreadable.push(unreadable);
            }
        }
        self.bytes += bytes;
        if self.rows.len() + self.unreadable.len() < CHUNK && self.bytes < CHUNK_BYTES {
            return Ok(());
        }
        self.flush()
    }

    /// Hands on what is left.
    pub fn flush(&mut self) -> Result<(), &'static str> {
        let result = self.sink.rows(&self.rows, &self.unreadable);
        self.rows.clear();
        self.unreadable.clear();
        self.bytes = 0;
        result.map_err(|error| {
            self.failure = Some(error);
            "the rows could not be stored"
        })
    }
}

struct Body<'c, 's> {
    chunks: &'c mut Chunks<'s>,
    after_row: &'c dyn Fn(),
}

impl<'de> Visitor<'de> for Body<'_, '_> {
    type Value = Summary;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a snapshot")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Summary, A::Error> {
        let mut summary = Summary::default();
        let mut data = false;
        while let Some(name) = map.next_key::<Cow<'_, str>>()? {
            match &*name {
                "data" => {
                    map.next_value_seed(Collections { chunks: self.chunks, after_row: self.after_row })?;
                    data = true;
                }
                "cursor" => summary.cursor = map.next_value()?,
                "tag" => summary.tag = map.next_value()?,
                "has_more" => summary.has_more = map.next_value()?,
                "total" => summary.total = map.next_value()?,
                "after" => {
                    let after: Option<(String, String)> = map.next_value()?;
                    summary.after = after.map(|(collection, id)| EntityKey { collection, id });
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if data { Ok(summary) } else { Err(A::Error::missing_field("data")) }
    }
}

/// `{"todo": {…}, …}`
struct Collections<'c, 's> {
    chunks: &'c mut Chunks<'s>,
    after_row: &'c dyn Fn(),
}

impl<'de> DeserializeSeed<'de> for Collections<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Collections<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of collections")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(collection) = map.next_key::<String>()? {
            map.next_value_seed(Rows { collection, chunks: self.chunks, after_row: self.after_row })?;
        }
        Ok(())
    }
}

/// `{"t1": {…}, …}`
struct Rows<'c, 's> {
    collection: String,
    chunks: &'c mut Chunks<'s>,
    after_row: &'c dyn Fn(),
}

impl<'de> DeserializeSeed<'de> for Rows<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of entities")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(id) = map.next_key::<String>()? {
            let raw: Box<RawValue> = map.next_value()?;
            let text = raw.get();
            let row = entity_data(text).and_then(|data| entity(self.collection.clone(), id, Some(data)));
            let row = row.map_err(|reason| unreadable(None, reason, text));
            self.chunks.push(row, text.len()).map_err(A::Error::custom)?;
            (self.after_row)();
        }
        Ok(())
    }
}
