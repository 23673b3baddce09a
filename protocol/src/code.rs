//! Why a mutation or a request was refused.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The codes of this protocol. On the wire a code is text, and there are more than these: what is not listed
/// here is a temporary failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The mutation contradicts what is stored: it creates an id that exists, for instance.
    Conflict,
    /// The mutation's arguments are wrong or too large.
    InvalidMutation,
    /// The mutation changes something that does not exist.
    NotFound,
    /// This user may not do this.
    Forbidden,
    /// No mutation has this name.
    UnknownMutation,
    /// The request's cursor lies before what the server's log still holds: take a snapshot.
    CursorTooOld,
    /// The server's log is not the one that the client knows: take a snapshot and send acked mutations again.
    LogChanged,
    /// The request has no valid token.
    Unauthorized,
    /// The body is larger than the server takes.
    TooLarge,
    /// There were too many requests, or there are too many subscriptions: later, or fewer.
    TooMany,
    /// Anything else.
    InternalError,
}

impl Code {
    const ALL: [Self; 11] = [
        Self::Conflict,
        Self::InvalidMutation,
        Self::NotFound,
        Self::Forbidden,
        Self::UnknownMutation,
        Self::CursorTooOld,
        Self::LogChanged,
        Self::Unauthorized,
        Self::TooLarge,
        Self::TooMany,
        Self::InternalError,
    ];

    /// Its text on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::InvalidMutation => "invalid_mutation",
            Self::NotFound => "not_found",
            Self::Forbidden => "forbidden",
            Self::UnknownMutation => "unknown_mutation",
            Self::CursorTooOld => "cursor_too_old",
            Self::LogChanged => "log_changed",
            Self::Unauthorized => "unauthorized",
            Self::TooLarge => "too_large",
            Self::TooMany => "too_many",
            Self::InternalError => "internal_error",
        }
    }

    /// The code with this text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == text)
    }

    /// The `error` text with which go-mizu's server says the same in a push result, which has no code there.
    /// Only some have one.
    #[must_use]
    pub const fn plain_error(self) -> Option<&'static str> {
        match self {
            Self::Conflict => Some("sync: conflict"),
            Self::InvalidMutation => Some("sync: invalid mutation"),
            Self::NotFound => Some("sync: not found"),
            _ => None,
        }
    }

    /// What a push result says: its `code`, or, where there is none, go-mizu's `error` text.
    #[must_use]
    pub fn of_result(code: Option<&str>, error: Option<&str>) -> Option<Self> {
        match (code.filter(|code| !code.is_empty()), error) {
            (Some(code), _) => Self::parse(code),
            (None, Some(error)) => Self::ALL.into_iter().find(|code| code.plain_error() == Some(error)),
            (None, None) => None,
        }
    }

    /// Whether the same mutation, sent again, would be refused again: it is then rejected, and never retried
    /// unless the app asks for it.
    #[must_use]
    pub const fn is_permanent(self) -> bool {
        matches!(
            self,
            Self::Conflict | Self::InvalidMutation | Self::NotFound | Self::Forbidden | Self::UnknownMutation
        )
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The JSON body of an answer other than 200.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody<'a> {
    /// The text of a [`Code`], or one that this version does not know.
    #[serde(borrow, default)]
    pub code: Cow<'a, str>,
    /// A sentence for a person.
    #[serde(borrow, default)]
    pub error: Cow<'a, str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_found_by_its_text() {
        for code in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), Some(code));
        }
    }

    #[test]
    fn the_error_text_counts_only_where_there_is_no_code() {
        assert_eq!(Code::of_result(None, Some("sync: conflict")), Some(Code::Conflict));
        assert_eq!(Code::of_result(Some("overloaded"), Some("sync: conflict")), None);
        assert_eq!(Code::of_result(None, Some("boom")), None);
        assert_eq!(Code::of_result(Some("not_found"), None), Some(Code::NotFound));
    }
}
