//! Tokens from a file: for development, tests, and deployments that are content with a handful of users.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::SystemTime;

use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::auth::{Auth, Principal, Session, Unauthorized};

/// The tokens of a file, as it was when it was last read.
///
/// The file is a JSON array of
/// `{"token":"…","principal":"alice","scopes":["user:1","team:*"],"expires":"2027-01-01T00:00:00Z"}`.
/// A scope that ends with `*` stands for all that begin so; `expires` may be left out. Fields that are not
/// known are refused: a misspelt `expires` must not make a token that never does.
///
/// Only digests of the tokens are kept, and neither `Debug` nor an error shows a token or a principal.
pub struct TokenFile {
    entries: RwLock<Entries>,
}

/// A session keeps its entry for as long as it goes on.
type Entries = HashMap<TokenDigest, Arc<Entry>>;

/// Tokens are looked up by digest, so how long a look-up takes says nothing about the tokens.
type TokenDigest = [u8; 32];

struct Entry {
    principal: Principal,
    scopes: Vec<ScopePattern>,
    expires: Option<SystemTime>,
}

enum ScopePattern {
    Exact(String),
    Prefix(String),
}

impl ScopePattern {
    fn matches(&self, scope: &str) -> bool {
        match self {
            Self::Exact(name) => scope == name,
            Self::Prefix(prefix) => scope.starts_with(prefix.as_str()),
        }
    }
}

impl From<String> for ScopePattern {
    fn from(text: String) -> Self {
        match text.strip_suffix('*') {
            Some(prefix) => Self::Prefix(prefix.to_owned()),
            None => Self::Exact(text),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileEntry {
    token: String,
    principal: String,
    scopes: Vec<String>,
    expires: Option<String>,
}

/// Why a token file cannot be used.
#[derive(Debug, Error)]
pub enum TokenFileError {
    /// It cannot be read.
    #[error("the token file {} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is not JSON of the expected form.
    #[error(
        "the token file is wrong at line {line}, column {column}: it must be a JSON array of \
         {{\"token\":\"…\",\"principal\":\"…\",\"scopes\":[\"…\"],\"expires\":\"…\"}}"
    )]
    Malformed {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// An entry lacks a field.
    #[error("entry {number} of the token file has no {field:?}")]
    MissingField {
        /// From 1.
        number: usize,
        /// Its name.
        field: &'static str,
    },
    /// An entry has a field too many.
    #[error(
        "entry {number} of the token file has a field that is none of \"token\", \"principal\", \"scopes\" and \
         \"expires\"{}", .meant.map(|field| format!("; did you mean {field:?}?")).unwrap_or_default()
    )]
    UnknownField {
        /// From 1.
        number: usize,
        /// The field that has a similar name. The name itself is not told: it may be a token.
        meant: Option<&'static str>,
    },
    /// An entry has an empty token.
    #[error("entry {number} of the token file has an empty token")]
    EmptyToken {
        /// From 1.
        number: usize,
    },
    /// An entry's time of expiry cannot be read.
    #[error(
        "entry {number} of the token file has an \"expires\" that is not RFC 3339 in UTC, such as 2027-01-01T00:00:00Z"
    )]
    BadExpiry {
        /// From 1.
        number: usize,
    },
    /// Two entries have the same token.
    #[error("entry {number} of the token file has a token that an entry before it has too")]
    DuplicateToken {
        /// From 1.
        number: usize,
    },
}

impl TokenFile {
    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read or is not of the form that [`TokenFile`] describes.
    pub fn load(path: &Path) -> Result<Self, TokenFileError> {
        Self::parse(&read(path)?)
    }

    /// Reads a file anew. Tokens that are no longer in it let nobody in from now on.
    ///
    /// # Errors
    /// As [`TokenFile::load`]; the tokens are as before then.
    pub fn reload(&self, path: &Path) -> Result<(), TokenFileError> {
        let entries = parse(&read(path)?)?;
        *self.entries.write().unwrap_or_else(PoisonError::into_inner) = entries;
        Ok(())
    }

    /// Reads the text of such a file.
    ///
    /// # Errors
    /// As [`TokenFile::load`].
    pub fn parse(text: &str) -> Result<Self, TokenFileError> {
        Ok(Self { entries: RwLock::new(parse(text)?) })
    }

    /// Whether it has no entry, so that nobody is let in.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    fn entries(&self) -> RwLockReadGuard<'_, Entries> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(path: &Path) -> Result<String, TokenFileError> {
    fs::read_to_string(path).map_err(|source| TokenFileError::Unreadable { path: path.to_owned(), source })
}

fn parse(text: &str) -> Result<Entries, TokenFileError> {
    // The parser's own words may quote a token.
    let listed: Vec<FileEntry> = serde_json::from_str(text).map_err(|error| {
        let place = TokenFileError::Malformed { line: error.line(), column: error.column() };
        wrong_field(text).unwrap_or(place)
    })?;
    let mut entries = HashMap::with_capacity(listed.len());
    for (index, entry) in listed.into_iter().enumerate() {
        let number = index + 1;
        if entry.token.is_empty() {
            return Err(TokenFileError::EmptyToken { number });
        }
        let expires = entry
            .expires
            .map(|text| humantime::parse_rfc3339(&text))
            .transpose()
            .map_err(|_| TokenFileError::BadExpiry { number })?;
        let known = Entry {
            principal: Principal::new(entry.principal),
            scopes: entry.scopes.into_iter().map(ScopePattern::from).collect(),
            expires,
        };
        if entries.insert(digest(&entry.token), Arc::new(known)).is_some() {
            return Err(TokenFileError::DuplicateToken { number });
        }
    }
    Ok(entries)
}

/// The first entry's first field that is missing or unknown.
fn wrong_field(text: &str) -> Option<TokenFileError> {
    const REQUIRED: [&str; 3] = ["token", "principal", "scopes"];
    let known = || REQUIRED.into_iter().chain(["expires"]);
    let entries: Vec<Map<String, Value>> = serde_json::from_str(text).ok()?;
    (1..).zip(&entries).find_map(|(number, entry)| {
        if let Some(unknown) = entry.keys().find(|name| known().all(|field| field != name.as_str())) {
            let unknown = unknown.to_lowercase();
            let meant = known().find(|field| unknown.get(..2) == field.get(..2));
            return Some(TokenFileError::UnknownField { number, meant });
        }
        let field = REQUIRED.into_iter().find(|field| !entry.contains_key(*field))?;
        Some(TokenFileError::MissingField { number, field })
    })
}

fn digest(token: &str) -> TokenDigest {
    Sha256::digest(token.as_bytes()).into()
}

impl fmt::Debug for TokenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenFile").field("tokens", &self.entries().len()).finish()
    }
}

impl Auth for TokenFile {
    fn authenticate(
        &self,
        token: Option<&str>,
        now: SystemTime,
    ) -> Result<Box<dyn Session + '_>, Unauthorized> {
        let found = token.and_then(|token| self.entries().get(&digest(token)).cloned());
        let entry = found.ok_or(Unauthorized)?;
        if entry.expires.is_some_and(|expires| expires <= now) {
            return Err(Unauthorized);
        }
        Ok(Box::new(entry))
    }
}

impl Session for Arc<Entry> {
    fn principal(&self) -> &Principal {
        &self.principal
    }

    fn allows(&self, scope: &str) -> bool {
        self.scopes.iter().any(|pattern| pattern.matches(scope))
    }

    fn expires(&self) -> Option<SystemTime> {
        self.expires
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    const FILE: &str = r#"[
        {"token":"canary-token","principal":"canary-principal","scopes":["user:1","team:*"],"expires":"2027-01-01T00:00:00Z"}
    ]"#;
    const EXPIRES: Duration = Duration::from_secs(1_798_761_600);

    #[test]
    fn a_token_opens_the_scopes_that_it_lists() {
        let file = TokenFile::parse(FILE).unwrap();
        let session = file.authenticate(Some("canary-token"), UNIX_EPOCH).unwrap();
        assert_eq!(session.principal().as_str(), "canary-principal");
        assert!(session.allows("user:1") && session.allows("team:red"));
        assert!(!session.allows("user:10") && !session.allows("tea"));
    }

    #[test]
    fn a_token_ends_in_the_second_that_it_names() {
        let file = TokenFile::parse(FILE).unwrap();
        let at = |time: Duration| file.authenticate(Some("canary-token"), UNIX_EPOCH + time).is_ok();
        assert!(at(EXPIRES - Duration::from_secs(1)));
        assert!(!at(EXPIRES));
    }

    #[test]
    fn a_missing_and_an_unknown_token_are_refused() {
        let file = TokenFile::parse(FILE).unwrap();
        assert!(file.authenticate(None, UNIX_EPOCH).is_err());
        assert!(file.authenticate(Some("canary-token2"), UNIX_EPOCH).is_err());
    }

    #[test]
    fn neither_debug_nor_an_error_shows_a_token_or_a_principal() {
        let wrong = [
            r#"["canary-token"]"#,
            r#"[{"token":"canary-token","principal":"canary-principal","scopes":"canary-token"}]"#,
            r#"[{"token":"canary-token","principal":"canary-principal","scopes":[],"expires":"canary-token"}]"#,
            r#"[{"token":"canary-token","principal":"canary-principal","scopes":[],"canary-token":1}]"#,
            r#"[{"token":"canary-token","principal":"a","scopes":[]},{"token":"canary-token","principal":"b","scopes":[]}]"#,
        ];
        let mut said = format!("{:?}", TokenFile::parse(FILE).unwrap());
        for text in wrong {
            let error = TokenFile::parse(text).unwrap_err();
            said += &format!("{error} {error:?}");
        }
        assert!(!said.contains("canary"), "{said}");
    }

    #[test]
    fn a_field_that_is_misspelt_or_missing_is_named() {
        let good = r#"{"token":"t","principal":"p","scopes":[]}"#;
        for (entry, expected) in [
            (
                r#"{"token":"u","principal":"p","scopes":[],"expire":"2020-01-01T00:00:00Z"}"#,
                "none of \"token\", \"principal\", \"scopes\" and \"expires\"; did you mean \"expires\"?",
            ),
            (r#"{"token":"u","Principle":"p","scopes":[]}"#, "did you mean \"principal\"?"),
            (
                r#"{"token":"u","user":"p","scopes":[]}"#,
                "none of \"token\", \"principal\", \"scopes\" and \"expires\"",
            ),
            (r#"{"token":"u","scopes":[]}"#, "has no \"principal\""),
            (r#"{"token":"u","principal":"p"}"#, "has no \"scopes\""),
        ] {
            let said = TokenFile::parse(&format!("[{good},{entry}]")).unwrap_err().to_string();
            assert!(said.starts_with("entry 2 of the token file ") && said.ends_with(expected), "{said}");
        }
    }

    #[test]
    fn what_is_wrong_otherwise_is_told_by_its_place() {
        for (text, place) in
            [("{}", "line 1, column 0"), ("[\n7]", "line 2, column 1"), ("[{\"token\":", "line 1")]
        {
            let said = TokenFile::parse(text).unwrap_err().to_string();
            assert!(said.contains(place), "{said}");
        }
    }

    #[test]
    fn a_file_that_is_read_anew_replaces_all_tokens_and_one_that_is_wrong_none() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tokens.json");
        let write = |text: &str| fs::write(&path, text).unwrap();
        let known = |file: &TokenFile, token| file.authenticate(Some(token), UNIX_EPOCH).is_ok();
        write(r#"[{"token":"a","principal":"p","scopes":[]}]"#);
        let file = TokenFile::load(&path).unwrap();
        write(r#"[{"token":"b","principal":"p","scopes":[]}]"#);
        file.reload(&path).unwrap();
        assert!(!known(&file, "a") && known(&file, "b"));
        write("[");
        assert!(file.reload(&path).is_err() && known(&file, "b"));
    }

    #[test]
    fn a_file_without_an_entry_is_empty() {
        assert!(TokenFile::parse("[]").unwrap().is_empty());
        assert!(!TokenFile::parse(FILE).unwrap().is_empty());
    }
}
