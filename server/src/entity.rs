//! What may be stored as an entity.

use mizu_sync_protocol::{json, limits};

use crate::mutator::Rejection;

/// Checks an entity, given as valid JSON.
///
/// Beside the limits: JSON can spell halves of surrogate pairs. As the name of a field no patch could read them, and
/// neither could most clients.
pub(crate) fn check_entity(data: &str) -> Result<(), Rejection> {
    if !json::is_object(data) {
        return Err(Rejection::invalid("an entity must be a JSON object"));
    }
    limits::check_entity(data)
        .map_err(|problem| Rejection::invalid(format!("the entity cannot be stored: {problem}")))?;
    if names(data).all(is_unicode) {
        Ok(())
    } else {
        Err(Rejection::invalid("the entity cannot be stored: the name of a field is no Unicode"))
    }
}

/// The names of all fields at all levels, each with its quotes: the strings before a colon.
fn names(json: &str) -> impl Iterator<Item = &str> {
    let mut rest = json;
    std::iter::from_fn(move || {
        loop {
            let text = &rest[rest.find('"')?..];
            let (string, after) = text.split_at(string_length(text));
            rest = after;
            if after.trim_start().starts_with(':') {
                return Some(string);
            }
        }
    })
}

/// The bytes of the string with which `text` begins, with its quotes.
fn string_length(text: &str) -> usize {
    let mut bytes = text.bytes().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn is_unicode(name: &str) -> bool {
    !name.contains("\\u") || serde_json::from_str::<String>(name).is_ok()
}
