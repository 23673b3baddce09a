//! Questions about JSON text that need no parsing into a tree. The text must be valid JSON.

/// The number of levels of arrays and objects that are nested in `text`: 0 for a scalar, 1 for `{}`.
///
/// Takes constant stack, so it can be asked of text from a stranger.
#[must_use]
pub fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => skip_string(&mut bytes),
            _ => {}
        }
    }
    deepest
}

fn skip_string(bytes: &mut impl Iterator<Item = u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'"' => return,
            _ => {}
        }
    }
}

/// How many bytes `text` takes as a JSON string, quotes and escapes included.
#[must_use]
pub fn string_len(text: &str) -> usize {
    let escaped = |byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    };
    2 + text.bytes().map(escaped).sum::<usize>()
}

/// Whether `text` is a JSON object.
#[must_use]
pub fn is_object(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_levels_and_not_brackets_in_strings() {
        assert_eq!(depth("7"), 0);
        assert_eq!(depth("{}"), 1);
        assert_eq!(depth(r#"{"a":[1,{"b":"]}[\"{{"}],"c":[]}"#), 3);
    }

    #[test]
    fn the_length_of_a_string_is_that_of_its_json() {
        for text in ["", "todo", "né\u{1f600}", "\"\\/\u{8}\u{c}\n\r\t\u{0}\u{1f}\u{7f}"] {
            assert_eq!(string_len(text), serde_json::to_string(text).unwrap().len(), "{text:?}");
        }
    }

    #[test]
    fn depth_of_ten_thousand_levels_needs_no_stack() {
        let text = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(depth(&text), 10_000);
    }
}
