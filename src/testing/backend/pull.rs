//! `POST /pull`.

use mizu_sync_protocol::limits::{MAX_SENT_PAGE, PULL_LIMIT};
use mizu_sync_protocol::pull::{Change, PullRequest};
use mizu_sync_protocol::{Cursor, Tag};
use serde::Serialize;
use serde_json::value::RawValue;

use super::database::Logged;
use super::{Backend, Call, Denied, Reply, check_log, known_log, page_size, parse, plain, reply, rfc3339};
use crate::model::Object;

#[derive(Serialize)]
struct Page {
    changes: Vec<Box<RawValue>>,
    has_more: bool,
    next_cursor: Cursor,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<Tag>,
}

pub fn pull(backend: &Backend, call: &Call<'_>) -> Result<Reply, Denied> {
    backend.authenticate(call)?;
    let pull: PullRequest<'_> = parse(call)?;
    backend.scope_allowed(&pull.scope)?;
    let known = known_log(call)?;
    let database = &backend.database;
    let scope = database.scope(&pull.scope);
    if let Some(known) = &known {
        check_log(database, &scope, known)?;
    }
    if call.extended && !scope.agrees(database, pull.cursor, None) {
        return Err(Denied::log_changed());
    }
    if pull.cursor < scope.trimmed(database).cursor {
        return Err(Denied::cursor_too_old());
    }

    let mut changes = Vec::new();
    let mut rows: Vec<&Logged> = Vec::new();
    let (mut bytes, mut has_more) = (0, false);
    // Where the page ends if the mutation that is being added does not fit.
    let mut complete = 0;
    for row in scope.after(pull.cursor) {
        if rows.last().is_none_or(|last| last.mutation != row.mutation) {
            complete = rows.len();
        }
        let text = change(&pull.scope, row, call.extended);
        bytes += text.get().len() + 1;
        changes.push(text);
        rows.push(row);
        // The first mutation goes whole, however large.
        let full = rows.len() > page_size(pull.limit, PULL_LIMIT) || bytes > MAX_SENT_PAGE;
        if full && complete > 0 {
            changes.truncate(complete);
            rows.truncate(complete);
            has_more = true;
            break;
        }
    }
    let last = rows.last().map(|row| row.position);
    let end = last.unwrap_or_else(|| scope.head(database));
    Ok(reply(&Page {
        changes,
        has_more,
        next_cursor: last.map_or(pull.cursor, |last| last.cursor),
        tag: call.extended.then(|| end.tag()),
    }))
}

fn change(scope: &str, row: &Logged, extended: bool) -> Box<RawValue> {
    let data = row.change.data.as_ref();
    let encoded = data.filter(|_| !extended).map(|data| plain::entity(data.as_str()));
    let change = Change {
        cursor: row.position.cursor,
        scope: scope.into(),
        entity: row.change.key.collection.as_str().into(),
        id: row.change.key.id.as_str().into(),
        op: row.change.op(),
        data: encoded.as_deref().or_else(|| data.map(Object::as_raw)),
        time: rfc3339(row.time).into(),
    };
    // Text, numbers and JSON that was read before.
    serde_json::value::to_raw_value(&change).unwrap_or_default()
}
