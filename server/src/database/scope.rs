//! A scope and the two ends of its log.

use rusqlite::{Connection, OptionalExtension};

use super::Position;

/// A scope as it was at one moment. One that nobody has written to is like any other, only empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope {
    /// In the tables; none where nobody has written to it. Bound as a parameter it then matches no row.
    pub(crate) id: Option<i64>,
    /// How many entities it has.
    pub(crate) entities: i64,
    /// The newest row of its log; cursor 0 where there is none.
    pub(crate) head: Position,
    /// The last row that was trimmed from its log; cursor 0 where none was.
    pub(crate) trimmed: Position,
}

impl Scope {
    pub(crate) fn load(connection: &Connection, name: &str) -> rusqlite::Result<Self> {
        let zero = Position::zero(connection)?;
        let found = connection
            .prepare_cached("SELECT id, entities, trimmed_cursor, trimmed_tag FROM scope WHERE name = ?")?
            .query_row([name], |row| Ok((row.get(0)?, row.get(1)?, Position::from_row(row, 2)?)))
            .optional()?;
        let Some((id, entities, trimmed)) = found else {
            return Ok(Self { id: None, entities: 0, head: zero, trimmed: zero });
        };
        let head = connection
            .prepare_cached("SELECT cursor, tag FROM log WHERE scope = ? ORDER BY cursor DESC LIMIT 1")?
            .query_row([id], |row| Position::from_row(row, 0))
            .optional()?
            .unwrap_or(zero);
        Ok(Self { id: Some(id), entities, head, trimmed })
    }
}
