//! The token, kept from being seen.

use std::fmt;

use thiserror::Error;
use ureq::http::HeaderValue;

const SCHEME: &str = "Bearer ";

/// What proves to the server who is asking. Sent as `Authorization: Bearer …` and shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// The header's whole value, so that it is checked once and marked as sensitive for good.
    header: HeaderValue,
}

/// The text cannot be a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a token must be visible ASCII characters without spaces or line breaks, and at least one")]
pub struct TokenError;

impl Token {
    /// A token. It is not trimmed: a line break left over from a file is an error, not a guess.
    ///
    /// # Errors
    /// When it is empty or has a character that a header cannot carry.
    pub fn new(token: &str) -> Result<Self, TokenError> {
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError);
        }
        let mut header = HeaderValue::try_from(format!("{SCHEME}{token}")).map_err(|_| TokenError)?;
        header.set_sensitive(true);
        Ok(Self { header })
    }

    /// The token itself, for finding it in texts.
    pub(super) fn secret(&self) -> &str {
        self.header.to_str().ok().and_then(|value| value.strip_prefix(SCHEME)).unwrap_or_default()
    }

    /// The value of the header `Authorization`.
    pub(super) fn header(&self) -> HeaderValue {
        self.header.clone()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_sent_as_it_is_and_not_shown() {
        let token = Token::new("canary.4711_~+/=").unwrap();
        assert_eq!(token.header(), "Bearer canary.4711_~+/=");
        assert_eq!(token.secret(), "canary.4711_~+/=");
        assert_eq!(format!("{token:?} {:?}", token.header()), "Token(…) Sensitive");
    }

    #[test]
    fn what_a_header_cannot_carry_is_no_token_and_not_repeated() {
        for text in ["", " ", "canary\n", "can ary", "canary\r\nX: y", "canary\0", "canarÿ", "\tcanary"] {
            let error = Token::new(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("canar"));
        }
    }
}
