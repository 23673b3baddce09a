//! Reading the changes of a page, each on its own: one that cannot be read does not spoil the others.
//!
//! Three shapes are taken without being told which: `entity`, `id`, `op` at the top with `data` an object;
//! the same with `data` as base64 of an object; and all four inside of `data`.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use mizu_sync_protocol::pull::Op;
use mizu_sync_protocol::{Cursor, json, limits};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::dialect::{Dialect, EntityChange};
use crate::model::{EntityKey, Object, ServerEntity, Unreadable};

/// The largest change that is kept in quarantine as it is.
const KEPT: usize = 1024 * 1024;

/// What could be read of a page, what could not, and the cursor of its last change.
#[derive(Default)]
pub struct Changes {
    pub entities: Vec<ServerEntity>,
    pub unreadable: Vec<Unreadable>,
    pub last: Option<Cursor>,
}

#[derive(Deserialize)]
struct Position {
    cursor: Option<Cursor>,
}

#[derive(Deserialize)]
struct Shape<'a> {
    #[serde(borrow, default)]
    entity: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(default)]
    op: Option<Op>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

/// Reads the changes after `sent`, the cursor that was asked for; older ones are passed over.
pub fn read(raw: &[&RawValue], sent: Cursor, dialect: Option<&dyn Dialect>) -> Changes {
    let mut changes = Changes::default();
    let mut new = Vec::with_capacity(raw.len());
    for change in raw {
        // A change without a readable cursor is new as far as anybody knows.
        let cursor = serde_json::from_str::<Position>(change.get()).ok().and_then(|position| position.cursor);
        if cursor.is_none_or(|cursor| cursor > sent) {
            changes.last = changes.last.max(cursor);
            new.push((cursor, change.get()));
        }
    }
    let read: Vec<Result<Vec<ServerEntity>, String>> = match dialect {
        None => new.iter().map(|(_, text)| generic(text).map(|entity| vec![entity])).collect(),
        Some(dialect) => {
            let texts: Vec<&str> = new.iter().map(|(_, text)| *text).collect();
            dialect.changes(&texts).into_iter().map(|change| change.and_then(entities)).collect()
        }
    };
    let missing = std::iter::repeat_with(|| Err("the dialect did not answer for it".to_owned()));
    for ((cursor, text), result) in new.into_iter().zip(read.into_iter().chain(missing)) {
        match result {
            Ok(entities) => changes.entities.extend(entities),
            Err(reason) => changes.unreadable.push(unreadable(cursor, reason, text)),
        }
    }
    changes
}

/// What is kept of something that cannot be read.
pub fn unreadable(cursor: Option<Cursor>, reason: String, text: &str) -> Unreadable {
    Unreadable { cursor, reason, raw: (text.len() <= KEPT).then(|| text.to_owned()) }
}

fn generic(text: &str) -> Result<ServerEntity, String> {
    let parse = |text| serde_json::from_str::<Shape<'_>>(text).map_err(|error| reason(&error));
    let outer = parse(text)?;
    let shape = match (&outer.entity, outer.data) {
        (None, Some(data)) => parse(data.get())?,
        _ => outer,
    };
    let (Some(collection), Some(id), Some(op)) = (shape.entity, shape.id, shape.op) else {
        return Err("it has no entity, id or op".to_owned());
    };
    let data = match (op, shape.data) {
        (Op::Delete, _) => None,
        (Op::Create | Op::Update, Some(data)) => Some(entity_data(data.get())?),
        (Op::Create | Op::Update, None) => return Err("it has no data".to_owned()),
    };
    entity(collection.into_owned(), id.into_owned(), data)
}

/// The entity in a JSON value: an object, or base64 of one.
pub fn entity_data(text: &str) -> Result<Object, String> {
    let decoded;
    let text = if text.starts_with('"') {
        let base64: Cow<'_, str> = serde_json::from_str(text).map_err(|error| reason(&error))?;
        let bytes = BASE64.decode(base64.as_bytes()).map_err(|_| "its data is no object".to_owned())?;
        decoded = String::from_utf8(bytes).map_err(|_| "its data is not UTF-8".to_owned())?;
        &decoded
    } else {
        text
    };
    limits::check_entity(text).map_err(|limit| limit.to_string())?;
    let object = Object::parse(text.to_owned()).ok_or_else(|| "its data is no object".to_owned())?;
    if object.is_readable() { Ok(object) } else { Err("the name of a field is not Unicode".to_owned()) }
}

/// What the dialect made of one change or snapshot.
pub fn entities(changes: Vec<EntityChange>) -> Result<Vec<ServerEntity>, String> {
    let read = |change: EntityChange| {
        let data = change.data.as_deref().map(entity_data).transpose()?;
        entity(change.collection, change.id, data)
    };
    changes.into_iter().map(read).collect()
}

/// An entity with a name that can be stored.
pub fn entity(collection: String, id: String, data: Option<Object>) -> Result<ServerEntity, String> {
    if [&collection, &id].iter().any(|name| name.is_empty() || name.len() > limits::MAX_NAME) {
        return Err("its collection or id is empty or too long".to_owned());
    }
    if collection.contains('\0') {
        return Err("the name of its collection has a NUL in it".to_owned());
    }
    debug_assert!(data.as_ref().is_none_or(|data| json::is_object(data.as_str())));
    Ok(ServerEntity { key: EntityKey { collection, id }, data })
}

/// What is wrong with JSON, without its content.
pub fn reason(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Io => "it could not be read",
        serde_json::error::Category::Syntax => "it is not JSON",
        serde_json::error::Category::Data => "it has other fields or types than expected",
        serde_json::error::Category::Eof => "it ends too early",
    };
    format!("{what}, line {} column {}", error.line(), error.column())
}
