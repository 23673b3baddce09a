//! JSON that is put together from parts: what the database holds is JSON already, and is copied, not parsed.

use serde::Serialize;

/// Appends `value` as JSON.
///
/// Only for values that always have a JSON form: text, and structs of this crate and the protocol's.
pub(crate) fn append<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    let written = serde_json::to_writer(out, value);
    debug_assert!(written.is_ok(), "a Vec takes everything, and these values have a JSON form");
}

/// `value` as JSON, as [`append`].
pub(crate) fn to_vec<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    append(&mut out, value);
    out
}
