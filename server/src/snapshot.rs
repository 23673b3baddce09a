//! `POST /snapshot`: all entities of a scope, in pages or, for go-mizu's clients, in one body.

use mizu_sync_protocol::limits::{MAX_LIMIT, MAX_SENT_PAGE, SNAPSHOT_LIMIT};
use mizu_sync_protocol::snapshot::SnapshotRequest;
use rusqlite::{Connection, Rows, params};

use crate::auth::Session;
use crate::database::Scope;
use crate::json;
use crate::message::{Reply, Request};
use crate::plain;
use crate::refusal::Refusal;
use crate::service::Service;
use crate::standing;

const ALL: &str = "SELECT collection, id, data FROM entity WHERE scope = ? ORDER BY collection, id";
const AFTER: &str = "SELECT collection, id, data FROM entity \
                     WHERE scope = ? AND (collection, id) > (?, ?) ORDER BY collection, id";

pub(crate) fn snapshot(
    service: &Service,
    session: &dyn Session,
    request: &Request<'_>,
) -> Result<Reply, Refusal> {
    let snapshot: SnapshotRequest<'_> = request.parse()?;
    service.check_scope(session, &snapshot.scope)?;
    // The first page is the remedy for a log that has changed. The others must be of the log of the first.
    let known = standing::known_log(request)?.filter(|_| snapshot.after.is_some());
    #[cfg(feature = "planted-bugs")]
    let known = known.filter(|_| !service.has_bug(crate::planted::Bug::DroppedTagCheck));
    let Written { body, rows, .. } = service.database.read(|connection| {
        let scope = Scope::load(connection, &snapshot.scope)?;
        if let Some(known) = &known {
            standing::check(connection, &scope, known)?;
        }
        let written =
            if request.extended { page(connection, &scope, &snapshot) } else { whole(connection, &scope) };
        Ok::<_, Refusal>(written?)
    })?;
    service.metrics.snapshot_rows(rows);
    Ok(Reply::ok(request, body))
}

fn page(connection: &Connection, scope: &Scope, request: &SnapshotRequest<'_>) -> rusqlite::Result<Written> {
    let limit = request.limit.filter(|&limit| limit > 0).unwrap_or(SNAPSHOT_LIMIT).min(MAX_LIMIT) as usize;
    let mut all = connection.prepare_cached(ALL)?;
    let mut after = connection.prepare_cached(AFTER)?;
    let mut rows = match &request.after {
        None => all.query([scope.id])?,
        Some((collection, id)) => after.query(params![scope.id, collection, id])?,
    };
    let mut writer = DataWriter::new(true);
    let has_more = writer.take(&mut rows, limit, MAX_SENT_PAGE)?;

    let mut written = writer.finish();
    let body = &mut written.body;
    body.extend_from_slice(b",\"cursor\":");
    json::append(body, &scope.head.cursor);
    body.extend_from_slice(b",\"tag\":");
    json::append(body, &scope.head.tag());
    body.extend_from_slice(b",\"has_more\":");
    json::append(body, &has_more);
    if let Some(last) = &written.last {
        body.extend_from_slice(b",\"after\":");
        json::append(body, last);
    }
    body.extend_from_slice(b",\"total\":");
    json::append(body, &scope.entities);
    body.push(b'}');
    Ok(written)
}

fn whole(connection: &Connection, scope: &Scope) -> rusqlite::Result<Written> {
    let mut statement = connection.prepare_cached(ALL)?;
    let mut writer = DataWriter::new(false);
    writer.take(&mut statement.query([scope.id])?, usize::MAX, usize::MAX)?;

    let mut written = writer.finish();
    let body = &mut written.body;
    body.extend_from_slice(b",\"cursor\":");
    json::append(body, &scope.head.cursor);
    body.push(b'}');
    Ok(written)
}

/// Writes `{"data":{"todo":{"t1":…}}`, the outer brace left open, from rows that are sorted.
struct DataWriter {
    body: Vec<u8>,
    rows: usize,
    last: Option<(String, String)>,
    extended: bool,
}

struct Written {
    body: Vec<u8>,
    rows: usize,
    last: Option<(String, String)>,
}

impl DataWriter {
    fn new(extended: bool) -> Self {
        Self { body: b"{\"data\":{".to_vec(), rows: 0, last: None, extended }
    }

    /// Takes rows until one would exceed `limit` rows or `bytes`; the first is always taken. Whether one was
    /// left.
    fn take(&mut self, rows: &mut Rows<'_>, limit: usize, bytes: usize) -> rusqlite::Result<bool> {
        while let Some(row) = rows.next()? {
            if self.rows == limit {
                return Ok(true);
            }
            let before = self.body.len();
            let collection = row.get_ref(0)?.as_str()?;
            let id = row.get_ref(1)?.as_str()?;
            self.entity(collection, id, row.get_ref(2)?.as_str()?);
            if self.rows > 0 && self.body.len() > bytes {
                self.body.truncate(before);
                return Ok(true);
            }
            self.rows += 1;
            self.remember(collection, id);
        }
        Ok(false)
    }

    fn entity(&mut self, collection: &str, id: &str, data: &str) {
        let body = &mut self.body;
        match &self.last {
            Some((open, _)) if open == collection => body.push(b','),
            Some(_) => body.extend_from_slice(b"},"),
            None => {}
        }
        if self.last.as_ref().is_none_or(|(open, _)| open != collection) {
            json::append(body, collection);
            body.extend_from_slice(b":{");
        }
        json::append(body, id);
        body.push(b':');
        if self.extended {
            body.extend_from_slice(data.as_bytes());
        } else {
            plain::append_entity(body, data);
        }
    }

    fn remember(&mut self, collection: &str, id: &str) {
        let (last_collection, last_id) = self.last.get_or_insert_default();
        if last_collection != collection {
            collection.clone_into(last_collection);
        }
        id.clone_into(last_id);
    }

    fn finish(mut self) -> Written {
        self.body.extend_from_slice(if self.last.is_some() { b"}}" } else { b"}" });
        Written { body: self.body, rows: self.rows, last: self.last }
    }
}
