//! Positions in a scope's log.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};

/// A position in a scope's log. It grows in commit order; gaps are normal. 0 is before the first change.
///
/// Cursors end at `i64::MAX`, so that every database can hold them; a server that sends a larger one is
/// answered with an error of decoding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Cursor(u64);

impl Cursor {
    /// Before the first change.
    pub const ZERO: Self = Self(0);

    /// The cursor with this number, or `None` above `i64::MAX`.
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        if number <= i64::MAX as u64 { Some(Self(number)) } else { None }
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// From a database column. Negative numbers, which only a damaged file can hold, become 0.
    #[must_use]
    pub const fn from_sql(value: i64) -> Self {
        Self(if value < 0 { 0 } else { value.unsigned_abs() })
    }

    /// For a database column.
    #[must_use]
    pub const fn to_sql(self) -> i64 {
        self.0.cast_signed()
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        Self::new(number).ok_or_else(|| de::Error::custom("a cursor above 2^63-1"))
    }
}

/// The random mark of one row of a log. Two logs that agree on a cursor's tag are the same log up to there.
///
/// 1 to 32 ASCII letters and digits; our server sends 16 hexadecimal ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Tag(Box<str>);

impl Tag {
    /// The tag with this text, or `None` if it is not one.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let valid = (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        valid.then(|| Self(text.into()))
    }

    /// The tag of a row whose mark is `number`.
    #[must_use]
    pub fn from_number(number: u64) -> Self {
        Self(format!("{number:016x}").into())
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::new(&text).ok_or_else(|| de::Error::custom("a tag that is not 1 to 32 letters and digits"))
    }
}

/// A cursor and the tag that it had when the client learnt of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPosition {
    /// The position.
    pub cursor: Cursor,
    /// Its mark.
    pub tag: Tag,
}

impl fmt::Display for LogPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.cursor, self.tag)
    }
}

impl FromStr for LogPosition {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (cursor, tag) = text.split_once(':').ok_or(())?;
        let cursor = cursor.parse().ok().and_then(Cursor::new).ok_or(())?;
        Ok(Self { cursor, tag: Tag::new(tag).ok_or(())? })
    }
}

/// The value of the header [`crate::header::MIZU_LOG`]: what a client knows of the log, so that a server
/// whose log is another one can say so.
///
/// ```
/// use mizu_sync_protocol::LogPositions;
/// let positions: LogPositions = "10:a1, 20:b2".parse().unwrap();
/// assert_eq!(positions.pulled.cursor.get(), 10);
/// assert_eq!(positions.acked.as_ref().unwrap().tag.as_str(), "b2");
/// assert_eq!(positions.to_string(), "10:a1, 20:b2");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPositions {
    /// How far the client has pulled.
    pub pulled: LogPosition,
    /// The highest ack that it holds for a mutation that is not yet settled.
    pub acked: Option<LogPosition>,
}

impl fmt::Display for LogPositions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pulled.fmt(f)?;
        if let Some(acked) = &self.acked {
            write!(f, ", {acked}")?;
        }
        Ok(())
    }
}

impl FromStr for LogPositions {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split(',').map(|part| part.trim().parse());
        let pulled = parts.next().ok_or(())??;
        let acked = parts.next().transpose()?;
        if parts.next().is_some() {
            return Err(());
        }
        Ok(Self { pulled, acked })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_above_the_range_of_databases_is_refused() {
        assert!(serde_json::from_str::<Cursor>("9223372036854775807").is_ok());
        assert!(serde_json::from_str::<Cursor>("9223372036854775808").is_err());
        assert!(serde_json::from_str::<Cursor>("-1").is_err());
    }

    #[test]
    fn a_tag_that_could_break_a_header_is_refused() {
        assert!(Tag::new("90c1Af").is_some());
        assert!(Tag::new("").is_none());
        assert!(Tag::new("a\r\nb").is_none());
        assert!(Tag::new(&"a".repeat(33)).is_none());
    }

    #[test]
    fn a_header_with_rubbish_is_refused() {
        for text in ["", "1", "1:", ":a", "x:a", "1:a,", "1:a, 2:b, 3:c", "1:a b"] {
            assert!(text.parse::<LogPositions>().is_err(), "{text:?}");
        }
    }
}
