//! A row of the log, named by cursor and tag.

use mizu_sync_protocol::{Cursor, Tag};
use rusqlite::{Connection, Row};

/// A cursor with its tag, as it stands in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) cursor: Cursor,
    tag: u64,
}

impl Position {
    pub(crate) const fn new(cursor: Cursor, tag: u64) -> Self {
        Self { cursor, tag }
    }

    /// Cursor 0, with the database's own tag.
    pub(crate) fn zero(connection: &Connection) -> rusqlite::Result<Self> {
        connection.prepare_cached("SELECT 0, tag FROM log_state")?.query_row([], |row| Self::from_row(row, 0))
    }

    /// From two columns: the cursor at `index`, then the tag.
    pub(crate) fn from_row(row: &Row<'_>, index: usize) -> rusqlite::Result<Self> {
        let tag: i64 = row.get(index + 1)?;
        Ok(Self::new(Cursor::from_sql(row.get(index)?), tag.cast_unsigned()))
    }

    pub(crate) fn tag(self) -> Tag {
        Tag::from_number(self.tag)
    }

    pub(crate) const fn tag_to_sql(self) -> i64 {
        self.tag.cast_signed()
    }
}
