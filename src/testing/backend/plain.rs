//! What clients of go-mizu are told differently.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mizu_sync_protocol::Code;
use serde_json::value::{RawValue, to_raw_value};

use super::Refusal;

/// An entity as they read it: base64 of JSON, whose characters beyond ASCII are escaped, since they decode it byte by
/// byte.
pub fn entity(json: &str) -> Box<RawValue> {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            escaped.push(character);
        } else {
            escaped.extend(character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    // Base64 is a string without anything to escape.
    to_raw_value(&STANDARD.encode(escaped)).unwrap_or_default()
}

/// Why a mutation was not applied, in the words of go-mizu's server where it has some.
pub fn error(refusal: Refusal) -> String {
    let code = refusal.code.map(|code| match code {
        Code::UnknownMutation => Code::InvalidMutation,
        code => code,
    });
    match code.and_then(Code::plain_error) {
        Some(text) => text.to_owned(),
        None => refusal.message,
    }
}
