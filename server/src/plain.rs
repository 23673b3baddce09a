//! What clients of go-mizu need to be told differently: entities as base64, results without codes and cursors.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mizu_sync_protocol::push::PushResult;

use crate::push::Answer;

/// Appends an entity as these clients read it: a JSON string of base64 of JSON.
///
/// They decode the base64 to bytes and the bytes one by one to characters, so all characters beyond ASCII are
/// escaped before. Outside of strings JSON has none, and inside of strings an escape is always allowed.
pub(crate) fn append_entity(out: &mut Vec<u8>, json: &str) {
    out.push(b'"');
    let encoded = if json.is_ascii() { STANDARD.encode(json) } else { STANDARD.encode(escape(json)) };
    out.extend_from_slice(encoded.as_bytes());
    out.push(b'"');
}

fn escape(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len() * 2);
    for character in json.chars() {
        if character.is_ascii() {
            escaped.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    escaped
}

/// What became of a mutation, in the words of go-mizu's server.
///
/// No code: `conflict` there makes the client clear its whole queue. No cursor: the client would jump over other
/// people's changes.
pub(crate) fn push_result(answer: Answer) -> PushResult {
    let error = match answer {
        Answer::Applied(_) => return PushResult { ok: true, ..PushResult::default() },
        Answer::Rejected(rejection) => match rejection.plain_error() {
            Some(text) => text.to_owned(),
            None => rejection.into_message(),
        },
        Answer::Failed(reason) => reason,
    };
    PushResult { ok: false, error: Some(error), ..PushResult::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_is_ascii_before_it_is_base64() {
        let mut out = Vec::new();
        append_entity(&mut out, r#"{"title":"naïve 🥛"}"#);
        let text: String = serde_json::from_slice(&out).unwrap();
        assert_eq!(STANDARD.decode(text).unwrap(), br#"{"title":"na\u00efve \ud83e\udd5b"}"#);
    }
}
