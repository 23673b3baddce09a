//! The token, kept from being seen.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Mutex;

use thiserror::Error;
use ureq::http::HeaderValue;

use super::interrupt::locked;
use super::secrets::Secrets;

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

    /// The token itself, for a transport of the app's own to send it. Keep it out of logs.
    #[must_use]
    pub fn reveal(&self) -> &str {
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

/// Former tokens that are remembered, to be concealed in what the server says.
const REMEMBERED: usize = 8;

/// The token of the requests to come, shared by all transports of a client. Shown nowhere.
#[derive(Default)]
pub(crate) struct Tokens(Mutex<Known>);

#[derive(Default)]
struct Known {
    current: Option<Token>,
    /// The server may still speak of them. The newest is first.
    former: VecDeque<Token>,
}

impl Tokens {
    pub(crate) fn new(token: Option<Token>) -> Self {
        Self(Mutex::new(Known { current: token, former: VecDeque::new() }))
    }

    pub(crate) fn current(&self) -> Option<Token> {
        locked(&self.0).current.clone()
    }

    /// Replaces the token for the requests to come.
    pub(crate) fn set(&self, token: Option<Token>) {
        let mut known = locked(&self.0);
        if known.current == token {
            return;
        }
        if let Some(former) = std::mem::replace(&mut known.current, token) {
            known.former.push_front(former);
            known.former.truncate(REMEMBERED);
        }
    }

    /// The text without tokens, and without these values.
    pub(super) fn conceal(&self, text: String, values: &[String]) -> String {
        let known = locked(&self.0);
        let tokens = known.current.iter().chain(&known.former).map(Token::reveal);
        Secrets::of(tokens.chain(values.iter().map(String::as_str))).conceal(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn former_tokens_are_concealed_too() {
        let token = |number: usize| Token::new(&format!("canary-{number}-7f3a")).unwrap();
        let tokens = Tokens::new(Some(token(0)));
        for number in [1, 1, 2] {
            tokens.set(Some(token(number)));
        }
        tokens.set(None);
        let said = (0..3).map(|number| token(number).reveal().to_owned()).collect::<Vec<_>>().join(" ");
        assert_eq!(tokens.conceal(said, &[]), "… … …");
        assert_eq!(tokens.current(), None);
    }

    #[test]
    fn a_token_is_sent_as_it_is_and_not_shown() {
        let token = Token::new("canary.4711_~+/=").unwrap();
        assert_eq!(token.header(), "Bearer canary.4711_~+/=");
        assert_eq!(token.reveal(), "canary.4711_~+/=");
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
