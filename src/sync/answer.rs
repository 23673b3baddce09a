//! What an answer says: from its status and body to a [`Reply`] or a [`Failure`].

use std::cell::Cell;
use std::io::Read;
use std::time::Duration;

use mizu_sync_protocol::pull::PullResponse;
use mizu_sync_protocol::push::PushResponse;
use mizu_sync_protocol::{Cursor, ErrorBody, Tag, limits};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::changes::{self, reason};
use super::dialect::Dialect;
use super::event::{Failure, Plan, PullReply, Reply, SnapshotReply};
use super::snapshot::{self, Chunks, RowSink, Summary};
use crate::model::EntityKey;
use crate::net::TransportError;

/// How much of an answer other than 200 is read.
const ERROR_BODY: u64 = 64 * 1024;
/// Changes in one page at most, whatever was asked for.
const MOST_CHANGES: usize = 65_536;
/// How much of a page is read, where it is read without its data.
const OVERSIZED_PAGE: u64 = 64 * 1024 * 1024;
/// How much of a server's own words is shown.
const SHOWN: usize = 200;

/// An answer as it came.
pub struct Incoming<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The header `Retry-After`.
    pub retry_after: Option<Duration>,
    /// Decompressed, of any length.
    pub body: &'a mut dyn Read,
    /// What an error of `body` means.
    pub body_error: &'a dyn Fn(&std::io::Error) -> TransportError,
    /// Takes out of a text what must not be shown.
    pub conceal: &'a dyn Fn(String) -> String,
}

/// Reads the answer to `plan`. The rows of a snapshot go to `sink` while they are read.
///
/// # Errors
/// Anything that is not the answer 200 of this protocol.
pub fn read(
    plan: &Plan,
    incoming: &mut Incoming<'_>,
    dialect: Option<&dyn Dialect>,
    sink: &mut dyn RowSink,
) -> Result<Reply, Failure> {
    if incoming.status != 200 {
        return Err(status_failure(incoming));
    }
    match plan {
        Plan::Push { .. } => {
            let body = read_whole(incoming, limits::MAX_READ_PAGE as u64)?;
            let response: PushResponse = serde_json::from_slice(&body).map_err(not_protocol)?;
            Ok(Reply::Push(response.results))
        }
        Plan::Pull { cursor, stream, .. } => {
            // A single change that is too large for memory is passed over, and only its cursor is kept.
            if *stream {
                return oversized_page(incoming, *cursor, OVERSIZED_PAGE);
            }
            let body = read_whole(incoming, limits::MAX_READ_PAGE as u64)?;
            pull(&body, *cursor, dialect).map(Reply::Pull)
        }
        Plan::Snapshot { .. } => snapshot(incoming, dialect, sink).map(Reply::Snapshot),
    }
}

fn status_failure(incoming: &mut Incoming<'_>) -> Failure {
    let mut body = Vec::new();
    // What the body says is a courtesy: the status alone decides what happens.
    let _ = incoming.body.take(ERROR_BODY).read_to_end(&mut body);
    let said = serde_json::from_slice::<ErrorBody<'_>>(&body).ok();
    let code = said.as_ref().map(|said| said.code.to_string()).filter(|code| !code.is_empty());
    // Before it is cut: the beginning of a secret is too much of it.
    let error = said.map(|said| shown(&(incoming.conceal)(said.error.into_owned()))).unwrap_or_default();
    Failure::Status { status: incoming.status, code, error, retry_after: incoming.retry_after }
}

/// The beginning of a server's own words, on one line.
pub fn shown(text: &str) -> String {
    let line = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    line.take(SHOWN).collect()
}

fn not_protocol(error: serde_json::Error) -> Failure {
    Failure::NotProtocol(reason(&error))
}

fn read_whole(incoming: &mut Incoming<'_>, most: u64) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    let read = incoming.body.take(most + 1).read_to_end(&mut body);
    read.map_err(|error| Failure::Offline((incoming.body_error)(&error)))?;
    if body.len() as u64 > most { Err(Failure::TooLarge) } else { Ok(body) }
}

fn pull(body: &[u8], sent: Cursor, dialect: Option<&dyn Dialect>) -> Result<PullReply, Failure> {
    let response: PullResponse<'_> = serde_json::from_slice(body).map_err(not_protocol)?;
    // An object without any of these fields is some other service's answer.
    if response.changes.is_none() && response.next_cursor.is_none() && !is_empty_page(body) {
        return Err(Failure::NotProtocol("it is JSON, but not a page of changes".to_owned()));
    }
    let changes = response.changes.unwrap_or_default();
    if changes.len() > MOST_CHANGES {
        return Err(Failure::NotProtocol("a page with far more changes than were asked for".to_owned()));
    }
    let changes = changes::read(&changes, sent, dialect);
    Ok(PullReply {
        changes: changes.entities,
        unreadable: changes.unreadable,
        last: changes.last,
        has_more: response.has_more,
        next_cursor: response.next_cursor,
        tag: response.tag,
    })
}

/// Whether the field `has_more` is there, as in go-mizu's empty page.
fn is_empty_page(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct EmptyPage {
        #[expect(dead_code, reason = "that it is there is what is asked")]
        has_more: bool,
    }
    serde_json::from_slice::<EmptyPage>(body).is_ok()
}

/// A page of one change that is larger than is read into memory: what stands around the change is read, the
/// change itself is let go.
fn oversized_page(incoming: &mut Incoming<'_>, sent: Cursor, most: u64) -> Result<Reply, Failure> {
    #[derive(Deserialize)]
    struct Head {
        #[serde(default)]
        cursor: Option<Cursor>,
    }
    #[derive(Deserialize)]
    struct Page {
        #[serde(default)]
        changes: Option<Vec<Head>>,
        #[serde(default)]
        has_more: bool,
        #[serde(default)]
        next_cursor: Option<Cursor>,
        #[serde(default)]
        tag: Option<Tag>,
    }
    let mut failed = None;
    let mut body = incoming.body.take(most);
    let watched = Watched { body: &mut body, failed: &mut failed };
    let page = serde_json::from_reader::<_, Page>(std::io::BufReader::new(watched));
    let page = match (page, failed) {
        (_, Some(error)) => return Err(Failure::Offline((incoming.body_error)(&error))),
        (Err(_), None) if body.limit() == 0 => return Err(Failure::TooLarge),
        (Err(error), None) => return Err(not_protocol(error)),
        (Ok(page), None) => page,
    };
    let changes = page.changes.unwrap_or_default();
    if changes.len() > MOST_CHANGES {
        return Err(Failure::NotProtocol("a page with far more changes than were asked for".to_owned()));
    }
    let new = changes.into_iter().filter(|change| change.cursor.is_none_or(|cursor| cursor > sent));
    let too_large = |change: Head| crate::model::Unreadable {
        cursor: change.cursor,
        reason: "it is too large".to_owned(),
        raw: None,
    };
    let unreadable: Vec<_> = new.map(too_large).collect();
    Ok(Reply::Pull(PullReply {
        last: unreadable.iter().filter_map(|change| change.cursor).max(),
        changes: Vec::new(),
        unreadable,
        has_more: page.has_more,
        next_cursor: page.next_cursor,
        tag: page.tag,
    }))
}

fn snapshot(
    incoming: &mut Incoming<'_>,
    dialect: Option<&dyn Dialect>,
    sink: &mut dyn RowSink,
) -> Result<SnapshotReply, Failure> {
    let mut chunks = Chunks::new(sink);
    let summary = match dialect {
        Some(dialect) => dialect_snapshot(incoming, dialect, &mut chunks)?,
        None => generic_snapshot(incoming, &mut chunks)?,
    };
    let after: Option<EntityKey> = if summary.has_more { summary.after } else { None };
    if summary.has_more && after.is_none() {
        return Err(Failure::NotProtocol("a page of a snapshot that does not say how it goes on".to_owned()));
    }
    let Some(cursor) = summary.cursor else {
        return Err(Failure::NotProtocol("a snapshot without a cursor".to_owned()));
    };
    Ok(SnapshotReply {
        rows: summary.rows,
        unreadable: summary.unreadable,
        cursor,
        tag: summary.tag,
        after,
        total: summary.total,
    })
}

fn generic_snapshot(incoming: &mut Incoming<'_>, chunks: &mut Chunks<'_>) -> Result<Summary, Failure> {
    let mut start = Vec::new();
    let most = limits::MAX_READ_PAGE as u64;
    let read = incoming.body.take(most).read_to_end(&mut start);
    read.map_err(|error| Failure::Offline((incoming.body_error)(&error)))?;
    // From one row to the next not more may come than is read into memory, whatever the whole may be.
    let row = Cell::new(most);
    let (mut failed, mut left) = (None, true);
    let result = if (start.len() as u64) < most {
        snapshot::read_slice(&start, chunks)
    } else {
        let mut rest = (&mut *incoming.body).take(limits::MAX_SNAPSHOT - most);
        let body = Metered { body: start.as_slice().chain(&mut rest), left: &row };
        let result = snapshot::read_stream(Watched { body, failed: &mut failed }, chunks, &|| row.set(most));
        left = rest.limit() > 0;
        result
    };
    match (result, chunks.failure.take(), failed) {
        (_, Some(error), _) => Err(Failure::Store(error)),
        (_, None, Some(_)) if row.get() == 0 => {
            Err(Failure::NotProtocol("one row of it is too large".to_owned()))
        }
        (_, None, Some(error)) => Err(Failure::Offline((incoming.body_error)(&error))),
        (Err(_), None, None) if !left => Err(Failure::TooLarge),
        (Err(error), None, None) => Err(not_protocol(error)),
        (Ok(summary), None, None) => Ok(summary),
    }
}

fn dialect_snapshot(
    incoming: &mut Incoming<'_>,
    dialect: &dyn Dialect,
    chunks: &mut Chunks<'_>,
) -> Result<Summary, Failure> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        data: &'a RawValue,
        #[serde(default)]
        cursor: Option<Cursor>,
        #[serde(default)]
        tag: Option<Tag>,
    }
    let body = read_whole(incoming, limits::MAX_DIALECT_SNAPSHOT)?;
    let body: Body<'_> = serde_json::from_slice(&body).map_err(not_protocol)?;
    let rows = dialect.snapshot(body.data.get()).and_then(changes::entities).map_err(Failure::Dialect)?;
    let count = rows.len() as u64;
    for row in rows {
        let bytes = row.data.as_ref().map_or(0, |data| data.as_str().len());
        if chunks.push(Ok(row), bytes).is_err() {
            break;
        }
    }
    let _ = chunks.flush();
    match chunks.failure.take() {
        Some(error) => Err(Failure::Store(error)),
        None => Ok(Summary { cursor: body.cursor, tag: body.tag, rows: count, ..Summary::default() }),
    }
}

/// Fails when nothing is left of what may be read.
struct Metered<'l, R> {
    body: R,
    left: &'l Cell<u64>,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = usize::try_from(self.left.get()).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        let count = self.body.read(&mut buffer[..most])?;
        self.left.set(self.left.get() - count as u64);
        Ok(count)
    }
}

/// Remembers the error of a stream, which the JSON reader would only describe.
struct Watched<'f, R> {
    body: R,
    failed: &'f mut Option<std::io::Error>,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.body.read(buffer).map_err(|error| {
            let copy = std::io::Error::from(error.kind());
            *self.failed = Some(error);
            copy
        })
    }
}
