//! Whether a client's position is one of this log: a server that was reset or restored from a backup has
//! another row there, or none.

use mizu_sync_protocol::{Cursor, LogPosition, LogPositions, Tag};
use rusqlite::{Connection, OptionalExtension, params};

use crate::database::{Position, Scope};
use crate::refusal::Refusal;

/// How a position stands to the log, where it does not contradict it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// All changes after it can be pulled.
    Pullable,
    /// It lies before what was trimmed, where nothing can be proved.
    Trimmed,
}

/// The value of the header `Mizu-Log`.
pub(crate) fn parse(header: Option<&str>) -> Result<Option<LogPositions>, Refusal> {
    let malformed = |()| Refusal::invalid("the header Mizu-Log is malformed");
    header.map(|text| text.parse().map_err(malformed)).transpose()
}

/// Checks what a client knows of the log.
///
/// An ack whose row was trimmed is believed: the client settles it by pulling or by a snapshot.
pub(crate) fn check(connection: &Connection, scope: &Scope, known: &LogPositions) -> Result<(), Refusal> {
    let acked = known.acked.iter();
    for LogPosition { cursor, tag } in acked.chain([&known.pulled]) {
        of(connection, scope, *cursor, Some(tag))?;
    }
    Ok(())
}

/// Where a cursor, with its tag if the client told it, stands in the log.
pub(crate) fn of(
    connection: &Connection,
    scope: &Scope,
    cursor: Cursor,
    tag: Option<&Tag>,
) -> Result<Standing, Refusal> {
    if cursor > scope.head.cursor {
        return Err(Refusal::log_changed());
    }
    let known = if cursor == scope.trimmed.cursor {
        Some(scope.trimmed)
    } else if cursor == Cursor::ZERO {
        Some(Position::zero(connection)?)
    } else if cursor < scope.trimmed.cursor {
        return Ok(Standing::Trimmed);
    } else {
        row(connection, scope, cursor)?
    };
    match known {
        Some(position) if tag.is_none_or(|tag| *tag == position.tag()) => {
            let trimmed = cursor < scope.trimmed.cursor;
            Ok(if trimmed { Standing::Trimmed } else { Standing::Pullable })
        }
        _ => Err(Refusal::log_changed()),
    }
}

fn row(connection: &Connection, scope: &Scope, cursor: Cursor) -> rusqlite::Result<Option<Position>> {
    connection
        .prepare_cached("SELECT cursor, tag FROM log WHERE scope = ? AND cursor = ?")?
        .query_row(params![scope.id, cursor.to_sql()], |row| Position::from_row(row, 0))
        .optional()
}
