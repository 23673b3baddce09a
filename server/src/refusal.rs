//! Answers other than 200: why a whole request is refused.

use std::borrow::Cow;
use std::time::Duration;

use mizu_sync_protocol::limits::MAX_SUBSCRIPTIONS;
use mizu_sync_protocol::{Code, ErrorBody};
use rusqlite::ErrorCode;

use crate::auth::Unauthorized;

/// Why a request is refused. Nothing of it has been applied.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: Code,
    pub(crate) message: Cow<'static, str>,
    pub(crate) retry_after: Option<Duration>,
}

impl Refusal {
    fn new(status: u16, code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, message: message.into(), retry_after: None }
    }

    pub(crate) fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, Code::InvalidMutation, message)
    }

    pub(crate) fn too_large(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(413, Code::TooLarge, message)
    }

    /// The status of [`body_too_slow`](Self::body_too_slow).
    pub(crate) const BODY_TOO_SLOW: u16 = 408;

    pub(crate) fn body_too_large() -> Self {
        Self::too_large("the body is too large: split the batch")
    }

    pub(crate) fn body_too_slow() -> Self {
        Self::new(Self::BODY_TOO_SLOW, Code::InternalError, "the body took too long")
    }

    pub(crate) fn body_broken_off() -> Self {
        Self::new(400, Code::InternalError, "the body broke off")
    }

    pub(crate) fn out_of_memory() -> Self {
        Self::busy("the server's memory is used up: try again", Duration::from_secs(1))
    }

    pub(crate) fn forbidden() -> Self {
        Self::new(403, Code::Forbidden, "scope not allowed")
    }

    /// Too many requests of one user or from one address.
    pub(crate) fn too_many_requests(retry_after: Duration) -> Self {
        let message = "too many requests: slow down";
        Self { retry_after: Some(retry_after), ..Self::new(429, Code::TooMany, message) }
    }

    /// Of one live socket.
    pub(crate) fn too_many_subscriptions() -> Self {
        let message = format!("more than {MAX_SUBSCRIPTIONS} subscriptions: use another socket");
        Self::new(429, Code::TooMany, message)
    }

    pub(crate) fn no_such_topic() -> Self {
        Self::new(404, Code::NotFound, "no such topic: a scope's hints are at sync:<scope>")
    }

    pub(crate) fn cursor_too_old() -> Self {
        Self::new(410, Code::CursorTooOld, "sync: cursor too old")
    }

    pub(crate) fn log_changed() -> Self {
        Self::new(
            410,
            Code::LogChanged,
            "the server's log is not the one that the cursor comes from: take a snapshot",
        )
    }

    pub(crate) fn not_committed(error: rusqlite::Error) -> Self {
        let refusal = Self::from(error);
        Self { status: 503, ..refusal }
    }

    pub(crate) fn internal() -> Self {
        Self::new(500, Code::InternalError, "the server failed: its log says why")
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        let body = ErrorBody { code: self.code.as_str().into(), error: self.message.as_ref().into() };
        crate::json::to_vec(&body)
    }

    fn busy(message: &'static str, retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(503, Code::InternalError, message) }
    }
}

impl From<Unauthorized> for Refusal {
    fn from(error: Unauthorized) -> Self {
        Self::new(401, Code::Unauthorized, error.to_string())
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        tracing::error!(%error, "the database failed");
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Self::busy("the database is busy: try again", Duration::from_secs(1))
            }
            Some(ErrorCode::DiskFull) => {
                Self::busy("the server's disk is full: try again later", Duration::from_secs(30))
            }
            _ => Self::internal(),
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn a_full_disk_is_503_and_says_when_to_come_back() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (x); PRAGMA max_page_count = 2").unwrap();
        let error = connection.execute("INSERT INTO t VALUES (zeroblob(1000000))", []).unwrap_err();
        let refusal = Refusal::from(error);
        assert_eq!((refusal.status, refusal.retry_after), (503, Some(Duration::from_secs(30))));
    }
}
