//! `POST /snapshot`: in pages or, for go-mizu's clients, in one body.

use std::collections::BTreeMap;
use std::ops::Bound;

use mizu_sync_protocol::limits::{MAX_SENT_PAGE, SNAPSHOT_LIMIT};
use mizu_sync_protocol::snapshot::SnapshotRequest;
use mizu_sync_protocol::{Cursor, Tag};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Backend, Call, Denied, Reply, check_log, known_log, page_size, parse, plain, reply};
use crate::model::{EntityKey, Object};

#[derive(Default, Serialize)]
struct Page<'a> {
    data: BTreeMap<&'a str, BTreeMap<&'a str, Box<RawValue>>>,
    cursor: Cursor,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<Tag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    has_more: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<(&'a str, &'a str)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<usize>,
}

impl<'a> Page<'a> {
    fn add(&mut self, key: &'a EntityKey, data: Box<RawValue>) {
        self.data.entry(&key.collection).or_default().insert(&key.id, data);
        self.after = Some((&key.collection, &key.id));
    }
}

pub fn snapshot(backend: &Backend, call: &Call<'_>) -> Result<Reply, Denied> {
    backend.authenticate(call)?;
    let request: SnapshotRequest<'_> = parse(call)?;
    backend.scope_allowed(&request.scope)?;
    // The first page is the remedy for a log that has changed. The others must be of the log of the first.
    let known = known_log(call)?.filter(|_| request.after.is_some());
    let database = &backend.database;
    let scope = database.scope(&request.scope);
    if let Some(known) = &known {
        check_log(database, &scope, known)?;
    }

    let head = scope.head(database);
    let mut page = Page { cursor: head.cursor, ..Page::default() };
    if !call.extended {
        for (key, data) in &*scope.entities {
            page.add(key, plain::entity(data.as_str()));
        }
        page.after = None;
        return Ok(reply(&page));
    }
    let from = match &request.after {
        Some((collection, id)) => Bound::Excluded(EntityKey::new(collection, id)),
        None => Bound::Unbounded,
    };
    let (mut bytes, mut has_more) = (0, false);
    for (taken, (key, data)) in scope.entities.range((from, Bound::Unbounded)).enumerate() {
        bytes += size(key, data);
        has_more = taken == page_size(request.limit, SNAPSHOT_LIMIT) || taken > 0 && bytes > MAX_SENT_PAGE;
        if has_more {
            break;
        }
        page.add(key, data.as_raw().to_owned());
    }
    page.tag = Some(head.tag());
    page.has_more = Some(has_more);
    page.total = Some(scope.entities.len());
    Ok(reply(&page))
}

/// What an entity takes of a page: its name, its data, their punctuation.
fn size(key: &EntityKey, data: &Object) -> usize {
    mizu_sync_protocol::json::string_len(&key.id) + data.as_str().len() + 2
}
