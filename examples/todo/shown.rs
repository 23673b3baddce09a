//! Text for a terminal.

use std::fmt::{self, Display, Write};

/// Shows a value in one line, with its control characters escaped: what another person wrote must not move the
/// cursor, end the line, or turn the direction of the text.
pub struct Shown<T>(pub T);

impl<T: Display> Display for Shown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|character| match character {
            _ if controls(character) => write!(self.0, "{}", character.escape_default()),
            _ => self.0.write_char(character),
        })
    }
}

/// Control characters, and those of Unicode that end a line or turn the direction.
fn controls(character: char) -> bool {
    let turns = ['\u{61c}', '\u{200e}', '\u{200f}', '\u{2028}', '\u{2029}'];
    character.is_control()
        || turns.contains(&character)
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
