//! The server's side of the protocol: a request in, a reply out. No sockets, no clock, no SQL.
//!
//! It says what docs/protocol.md says, in both forms, and what the reference server says; a test asks both.

mod access;
mod database;
mod mutate;
mod plain;
mod pull;
mod push;
mod rules;
mod snapshot;
mod transaction;

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use mizu_sync_protocol::limits::{MAX_ACCEPTED_BODY, MAX_NAME};
use mizu_sync_protocol::{Code, Cursor, ErrorBody, LogPosition, LogPositions};
use serde::{Deserialize, Serialize};

pub use self::access::Access;
pub use self::database::{Backup, Database};
pub use self::push::AppliedMutation;
pub use self::rules::{Refusal, Rule, Rules};
pub use self::transaction::Transaction;

use self::database::Scope;
use super::lock;
use crate::net::Endpoint;

/// One request of a client.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    pub endpoint: Endpoint,
    /// Whether it had the header `Mizu-Sync: 1`.
    pub extended: bool,
    /// The value of the header `Mizu-Log`.
    pub log: Option<&'a str>,
    /// What followed `Bearer` in the header `Authorization`.
    pub token: Option<&'a str>,
    pub body: &'a [u8],
}

/// The answer to a [`Call`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub body: Vec<u8>,
    /// The scopes whose logs have grown, with their new heads.
    pub changed: Vec<(String, Cursor)>,
}

/// All that the server has and does.
pub struct Backend {
    pub database: Database,
    pub rules: Rules,
    pub access: Access,
    /// What was applied, in order; what a restore has undone too.
    pub applied: Vec<AppliedMutation>,
}

impl Backend {
    /// An empty one.
    pub fn new(random: fastrand::Rng) -> Self {
        let database = Database::new(random);
        Self { database, rules: Rules::default(), access: Access::default(), applied: Vec::new() }
    }

    fn scope_allowed(&self, scope: &str) -> Result<(), Denied> {
        if scope.is_empty() {
            return Err(Denied::invalid("the scope is missing"));
        }
        if scope.len() > MAX_NAME {
            return Err(Denied::invalid("the scope is too long"));
        }
        if self.access.allows(scope) {
            Ok(())
        } else {
            Err(Denied::new(403, Code::Forbidden, "scope not allowed"))
        }
    }

    fn authenticate(&self, call: &Call<'_>) -> Result<(), Denied> {
        if self.access.knows(call.token) {
            return Ok(());
        }
        Err(Denied::new(
            401,
            Code::Unauthorized,
            "the token is missing, unknown or expired: ask for a new one",
        ))
    }
}

/// Answers a request at the time `now`. No lock is held while a custom mutation runs.
pub fn answer(backend: &Mutex<Backend>, call: &Call<'_>, now: SystemTime) -> Reply {
    let result = match call.endpoint {
        Endpoint::Push => push::push(backend, call, now),
        Endpoint::Pull => pull::pull(&lock(backend), call),
        Endpoint::Snapshot => snapshot::snapshot(&lock(backend), call),
    };
    result.unwrap_or_else(Denied::into_reply)
}

/// Why a whole request is refused. Nothing of it has been applied.
#[derive(Debug)]
struct Denied {
    status: u16,
    code: Code,
    message: &'static str,
}

impl Denied {
    const fn new(status: u16, code: Code, message: &'static str) -> Self {
        Self { status, code, message }
    }

    const fn invalid(message: &'static str) -> Self {
        Self::new(400, Code::InvalidMutation, message)
    }

    const fn too_large(message: &'static str) -> Self {
        Self::new(413, Code::TooLarge, message)
    }

    const fn cursor_too_old() -> Self {
        Self::new(410, Code::CursorTooOld, "sync: cursor too old")
    }

    const fn log_changed() -> Self {
        Self::new(410, Code::LogChanged, "the server's log is not the one that the cursor comes from")
    }

    fn into_reply(self) -> Reply {
        let body = ErrorBody { code: self.code.as_str().into(), error: self.message.into() };
        Reply { status: self.status, ..reply(&body) }
    }
}

fn reply(body: &impl Serialize) -> Reply {
    // Text, numbers and JSON that was read before.
    let body = serde_json::to_vec(body).unwrap_or_default();
    Reply { status: 200, body, changed: Vec::new() }
}

fn parse<'a, T: Deserialize<'a>>(call: &Call<'a>) -> Result<T, Denied> {
    if call.body.len() > MAX_ACCEPTED_BODY {
        return Err(Denied::too_large("the body is too large"));
    }
    let text = std::str::from_utf8(call.body).ok();
    text.and_then(|text| serde_json::from_str(text).ok())
        .ok_or_else(|| Denied::invalid("invalid request body"))
}

/// What the client says of the log; nothing if it speaks the plain form.
fn known_log(call: &Call<'_>) -> Result<Option<LogPositions>, Denied> {
    let malformed = |()| Denied::invalid("the header Mizu-Log is malformed");
    call.log.filter(|_| call.extended).map(|text| text.parse().map_err(malformed)).transpose()
}

/// Checks what a client knows of the log.
fn check_log(database: &Database, scope: &Scope, known: &LogPositions) -> Result<(), Denied> {
    for LogPosition { cursor, tag } in [&known.pulled].into_iter().chain(&known.acked) {
        if !scope.agrees(database, *cursor, Some(tag)) {
            return Err(Denied::log_changed());
        }
    }
    match &known.acked {
        Some(acked) if acked.cursor < scope.trimmed(database).cursor => Err(Denied::cursor_too_old()),
        _ => Ok(()),
    }
}

/// How many a page may hold: what was asked for, within bounds.
fn page_size(asked: Option<u32>, usual: u32) -> usize {
    asked.filter(|&limit| limit > 0).unwrap_or(usual).min(mizu_sync_protocol::limits::MAX_LIMIT) as usize
}

/// RFC 3339, to the millisecond.
fn rfc3339(since_1970: Duration) -> String {
    humantime::format_rfc3339_millis(SystemTime::UNIX_EPOCH + since_1970).to_string()
}
