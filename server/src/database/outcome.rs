//! What became of a mutation, stored in the transaction that decided it.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Position;
use crate::mutator::Rejection;

/// What became of a mutation, for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is applied; who has pulled up to here has seen all it did in its scope.
    Applied(Position),
    /// It is refused.
    Rejected(Rejection),
}

impl Outcome {
    pub(crate) fn find(
        connection: &Connection,
        scope: i64,
        mutation: &str,
    ) -> rusqlite::Result<Option<Self>> {
        connection
            .prepare_cached("SELECT cursor, tag, code, error FROM outcome WHERE scope = ? AND mutation = ?")?
            .query_row(params![scope, mutation], Self::from_row)
            .optional()
    }

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let Some(code) = row.get_ref(2)?.as_str_or_null()? else {
            return Ok(Self::Applied(Position::from_row(row, 0)?));
        };
        let rejection = Rejection::stored(code, row.get(3)?);
        rejection
            .map(Self::Rejected)
            .ok_or_else(|| rusqlite::Error::InvalidColumnName("outcome.code".to_owned()))
    }

    pub(crate) fn store(
        &self,
        connection: &Connection,
        scope: i64,
        mutation: &str,
        time: i64,
    ) -> rusqlite::Result<()> {
        match self {
            Self::Applied(position) => connection
                .prepare_cached(
                    "INSERT INTO outcome (scope, mutation, cursor, tag, time) VALUES (?, ?, ?, ?, ?)",
                )?
                .execute(params![scope, mutation, position.cursor.to_sql(), position.tag_to_sql(), time])?,
            Self::Rejected(rejection) => connection
                .prepare_cached(
                    "INSERT INTO outcome (scope, mutation, code, error, time) VALUES (?, ?, ?, ?, ?)",
                )?
                .execute(params![scope, mutation, rejection.code().as_str(), rejection.message(), time])?,
        };
        Ok(())
    }
}
