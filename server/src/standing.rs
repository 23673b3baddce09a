//! Whether a client's position is one of this log: a server that was reset or restored from a backup has
//! another row there, or none.

use mizu_sync_protocol::{Cursor, LogPosition, LogPositions, Tag};
use rusqlite::{Connection, OptionalExtension, params};

use crate::database::{Position, Scope};
use crate::message::Request;
use crate::refusal::Refusal;

/// What the client says of the log, in the header `Mizu-Log`; nothing if it speaks the plain form.
pub(crate) fn known_log(request: &Request<'_>) -> Result<Option<LogPositions>, Refusal> {
    let malformed = |()| Refusal::invalid("the header Mizu-Log is malformed");
    request.log.filter(|_| request.extended).map(|text| text.parse().map_err(malformed)).transpose()
}

/// Checks what a client knows of the log.
pub(crate) fn check(connection: &Connection, scope: &Scope, known: &LogPositions) -> Result<(), Refusal> {
    for LogPosition { cursor, tag } in [&known.pulled].into_iter().chain(&known.acked) {
        check_cursor(connection, scope, *cursor, Some(tag))?;
    }
    // What was pulled is fetched anew then; but on what was acked the client builds, and nobody can tell whether it
    // is in this log.
    match &known.acked {
        Some(acked) if acked.cursor < scope.trimmed.cursor => Err(Refusal::cursor_too_old()),
        _ => Ok(()),
    }
}

/// Refuses a cursor, with its tag if the client told it, that contradicts the log. Before what was trimmed
/// nothing can be proved, and a cursor is believed.
pub(crate) fn check_cursor(
    connection: &Connection,
    scope: &Scope,
    cursor: Cursor,
    tag: Option<&Tag>,
) -> Result<(), Refusal> {
    let known = if cursor == scope.trimmed.cursor {
        Some(scope.trimmed)
    } else if cursor == Cursor::ZERO {
        Some(Position::zero(connection)?)
    } else if cursor < scope.trimmed.cursor {
        return Ok(());
    } else {
        row(connection, scope, cursor)?
    };
    match known {
        Some(position) if tag.is_none_or(|tag| *tag == position.tag()) => Ok(()),
        _ => Err(Refusal::log_changed()),
    }
}

fn row(connection: &Connection, scope: &Scope, cursor: Cursor) -> rusqlite::Result<Option<Position>> {
    connection
        .prepare_cached("SELECT cursor, tag FROM log WHERE scope = ? AND cursor = ?")?
        .query_row(params![scope.id, cursor.to_sql()], |row| Position::from_row(row, 0))
        .optional()
}
