//! `POST /pull`: the changes after a cursor, in pages that never split a mutation.

use std::time::{Duration, UNIX_EPOCH};

use mizu_sync_protocol::Cursor;
use mizu_sync_protocol::limits::{MAX_LIMIT, MAX_SENT_PAGE, PULL_LIMIT};
use mizu_sync_protocol::pull::PullRequest;
use rusqlite::{Connection, Row, params};

use crate::auth::Session;
use crate::database::{Position, Scope};
use crate::json;
use crate::message::{Reply, Request};
use crate::plain;
use crate::refusal::Refusal;
use crate::service::Service;
use crate::standing;

/// What [`PageWriter::change`] reads, in its order.
const CHANGES: &str = "SELECT cursor, tag, mutation, time, collection, id, op, data \
                       FROM log WHERE scope = ? AND cursor > ? ORDER BY cursor";

pub(crate) fn pull(
    service: &Service,
    session: &dyn Session,
    request: &Request<'_>,
) -> Result<Reply, Refusal> {
    let pull: PullRequest<'_> = request.parse()?;
    service.check_scope(session, &pull.scope)?;
    let known = standing::known_log(request)?;
    #[cfg(feature = "planted-bugs")]
    let known = known.filter(|_| !service.has_bug(crate::planted::Bug::DroppedTagCheck));
    let limit = pull.limit.filter(|&limit| limit > 0).unwrap_or(PULL_LIMIT).min(MAX_LIMIT) as usize;

    let (body, count) = service.database.read(|connection| {
        let scope = Scope::load(connection, &pull.scope)?;
        if let Some(known) = &known {
            standing::check(connection, &scope, known)?;
        }
        if request.extended {
            standing::check_cursor(connection, &scope, pull.cursor, None)?;
        }
        if pull.cursor < scope.trimmed.cursor {
            return Err(Refusal::cursor_too_old());
        }
        let rules = Rules {
            limit,
            extended: request.extended,
            #[cfg(feature = "planted-bugs")]
            split_mutations: service.has_bug(crate::planted::Bug::SplitPage),
        };
        let page = Page::read(connection, &scope, &pull, &rules)?;
        Ok((page.to_body(&scope, pull.cursor, request.extended), page.count))
    })?;
    service.metrics.changes_pulled(count);
    Ok(Reply::ok(request, body))
}

/// What a page depends on beside the request.
struct Rules {
    /// Changes.
    limit: usize,
    extended: bool,
    #[cfg(feature = "planted-bugs")]
    split_mutations: bool,
}

/// The changes of a page as JSON, separated by commas.
struct Page {
    changes: Vec<u8>,
    count: usize,
    last: Option<Position>,
    has_more: bool,
}

/// Where the page ends if the mutation that is being read does not fit.
#[derive(Clone, Copy, Default)]
struct End {
    bytes: usize,
    count: usize,
    last: Option<Position>,
}

impl Page {
    fn read(
        connection: &Connection,
        scope: &Scope,
        pull: &PullRequest<'_>,
        rules: &Rules,
    ) -> rusqlite::Result<Self> {
        let mut writer = PageWriter::new(&pull.scope, rules.extended);
        let mut statement = connection.prepare_cached(CHANGES)?;
        let mut rows = statement.query(params![scope.id, pull.cursor.to_sql()])?;
        let mut current = End::default();
        let mut complete = End::default();
        let mut mutation = None;
        while let Some(row) = rows.next()? {
            let of_mutation: i64 = row.get(2)?;
            let starts = mutation != Some(of_mutation);
            #[cfg(feature = "planted-bugs")]
            let starts = starts || rules.split_mutations;
            if starts {
                complete = current;
                mutation = Some(of_mutation);
            }
            writer.change(row)?;
            current = End {
                bytes: writer.changes.len(),
                count: current.count + 1,
                last: Some(Position::from_row(row, 0)?),
            };
            // The first mutation goes whole, however large: its size has a limit of its own.
            let full = current.count > rules.limit || current.bytes > MAX_SENT_PAGE;
            if full && complete.count > 0 {
                writer.changes.truncate(complete.bytes);
                let End { count, last, .. } = complete;
                return Ok(Self { changes: writer.changes, count, last, has_more: true });
            }
        }
        let End { count, last, .. } = current;
        Ok(Self { changes: writer.changes, count, last, has_more: false })
    }

    fn to_body(&self, scope: &Scope, sent: Cursor, extended: bool) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.changes.len() + 128);
        body.extend_from_slice(b"{\"changes\":[");
        body.extend_from_slice(&self.changes);
        body.extend_from_slice(b"],\"has_more\":");
        json::append(&mut body, &self.has_more);
        body.extend_from_slice(b",\"next_cursor\":");
        json::append(&mut body, &self.last.map_or(sent, |last| last.cursor));
        if extended {
            // An extended client's cursor is a row of this log, so the one of an empty page is its head.
            body.extend_from_slice(b",\"tag\":");
            json::append(&mut body, &self.last.unwrap_or(scope.head).tag());
        }
        body.push(b'}');
        body
    }
}

struct PageWriter {
    changes: Vec<u8>,
    scope: Vec<u8>,
    extended: bool,
}

impl PageWriter {
    fn new(scope: &str, extended: bool) -> Self {
        Self { changes: Vec::with_capacity(16 * 1024), scope: json::to_vec(scope), extended }
    }

    fn change(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        let out = &mut self.changes;
        if !out.is_empty() {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"cursor\":");
        json::append(out, &row.get::<_, i64>(0)?);
        out.extend_from_slice(b",\"scope\":");
        out.extend_from_slice(&self.scope);
        out.extend_from_slice(b",\"entity\":");
        json::append(out, row.get_ref(4)?.as_str()?);
        out.extend_from_slice(b",\"id\":");
        json::append(out, row.get_ref(5)?.as_str()?);
        out.extend_from_slice(b",\"op\":");
        json::append(out, row.get_ref(6)?.as_str()?);
        if let Some(data) = row.get_ref(7)?.as_str_or_null()? {
            out.extend_from_slice(b",\"data\":");
            if self.extended {
                out.extend_from_slice(data.as_bytes());
            } else {
                plain::append_entity(out, data);
            }
        }
        out.extend_from_slice(b",\"time\":\"");
        let time = UNIX_EPOCH + Duration::from_millis(row.get::<_, i64>(3)?.unsigned_abs());
        out.extend_from_slice(humantime::format_rfc3339_millis(time).to_string().as_bytes());
        out.extend_from_slice(b"\"}");
        Ok(())
    }
}
