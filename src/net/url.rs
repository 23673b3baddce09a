//! The base URL of a server, checked once so that nothing later has to doubt it.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use thiserror::Error;
use ureq::http::Uri;
use ureq::http::uri::InvalidUri;

use super::Endpoint;

/// Where a server's sync endpoints live, for instance `https://api.example.com/_sync`.
///
/// It holds no credentials, no query and no fragment, so it can be shown and logged.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl {
    /// Scheme, authority and path, without a slash at the end.
    text: String,
    /// A name or an IP address, the latter without brackets.
    host: String,
    port: u16,
}

/// Why a text is not a base URL. The sentences repeat its beginning or its host at most: the rest may contain a
/// password.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UrlError {
    /// It cannot be read as a URL.
    #[error("the base URL is not a URL ({0}): write it like https://api.example.com/_sync")]
    Malformed(String),
    /// It has no scheme, or another one than `https` and `http`.
    #[error("the base URL must begin with https:// (http:// only to this machine){}", instead(.found))]
    Scheme {
        /// What it begins with instead; empty where that might be a secret.
        found: String,
    },
    /// Its host is missing, or is neither an IP address nor a name in ASCII.
    #[error("the base URL needs a host name or an IP address (write an international name as xn--…)")]
    Host,
    /// Its port is not a number from 1 to 65535.
    #[error("the port in the base URL must be a number from 1 to 65535")]
    Port,
    /// It has a user name or a password.
    #[error("the base URL must not contain a user name or password: give a token instead")]
    Credentials,
    /// It has a query or a fragment.
    #[error("the base URL must end with its path: leave out what begins with '?' or '#'")]
    QueryOrFragment,
    /// It is `http` to another machine.
    #[error(
        "http:// to {host} would send the token and all data in the clear: use https://, or allow it by \
         the option for cleartext"
    )]
    Cleartext {
        /// The host.
        host: String,
    },
}

impl BaseUrl {
    /// Reads and checks a base URL. Slashes at its end are dropped.
    ///
    /// `https` may go anywhere. `http` may go to this machine only (127.0.0.0/8, ::1, localhost), unless
    /// `allow_cleartext` is set.
    ///
    /// # Errors
    /// When it is not such a URL, see [`UrlError`].
    pub fn parse(text: &str, allow_cleartext: bool) -> Result<Self, UrlError> {
        // `Uri` drops a fragment without a word, so that must be asked of the text itself.
        if text.contains('#') {
            return Err(UrlError::QueryOrFragment);
        }
        if !text.contains("://") {
            return Err(UrlError::Scheme { found: beginning(text) });
        }
        if !text.is_ascii() {
            return Err(UrlError::Host);
        }
        let uri: Uri = text.parse().map_err(|error: InvalidUri| UrlError::Malformed(error.to_string()))?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(UrlError::Scheme { found: beginning(text) }),
        };
        let authority = uri.authority().ok_or(UrlError::Host)?;
        if authority.as_str().contains('@') {
            return Err(UrlError::Credentials);
        }
        if uri.query().is_some() {
            return Err(UrlError::QueryOrFragment);
        }
        let host = bare_host(authority.host()).ok_or(UrlError::Host)?;
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => {
                if secure {
                    443
                } else {
                    80
                }
            }
            _ => authority.port_u16().filter(|port| *port != 0).ok_or(UrlError::Port)?,
        };
        if !secure && !allow_cleartext && !is_loopback(host) {
            return Err(UrlError::Cleartext { host: host.to_owned() });
        }
        let scheme = if secure { "https" } else { "http" };
        let path = uri.path().trim_end_matches('/');
        Ok(Self { text: format!("{scheme}://{authority}{path}"), host: host.to_owned(), port })
    }

    /// It as text, without a slash at the end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its host: a name, or an IP address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port, also when the text leaves it out.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether it is `https`.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.text.starts_with("https:")
    }

    /// Its host as it stands in the text, with the port if that stands there.
    #[must_use]
    pub fn authority(&self) -> &str {
        let rest = self.text.split_once("://").map_or("", |(_, rest)| rest);
        rest.split('/').next().unwrap_or_default()
    }

    /// The URL of one of its endpoints.
    #[must_use]
    pub fn endpoint(&self, endpoint: Endpoint) -> String {
        format!("{}/{}", self.text, endpoint.path())
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BaseUrl({})", self.text)
    }
}

fn instead(found: &str) -> String {
    if found.is_empty() { String::new() } else { format!(", not with {found:?}") }
}

/// The scheme, or else what stands where it should. Nothing where that may be a password or a token.
fn beginning(text: &str) -> String {
    const LONGEST: usize = 40;
    let end = match text.find("://") {
        Some(colon) => colon + "://".len(),
        None => text.find(['/', '?', '#']).unwrap_or(text.len()),
    };
    let beginning = text.get(..end).unwrap_or_default();
    if end > LONGEST || beginning.contains('@') { String::new() } else { beginning.to_owned() }
}

/// The host without brackets, if it is an IP address or can be a name. `Uri` lets far more through, which
/// would only show in a TLS error at the first request.
fn bare_host(host: &str) -> Option<&str> {
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']')?;
        return address.parse::<Ipv6Addr>().is_ok().then_some(address);
    }
    let possible = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    (host.bytes().all(possible) && host.bytes().any(|byte| byte.is_ascii_alphanumeric())).then_some(host)
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_base_urls_are_kept_without_their_last_slash() {
        for (text, kept, host, port) in [
            ("https://api.example.com/_sync", "https://api.example.com/_sync", "api.example.com", 443),
            ("https://api.example.com/_sync/", "https://api.example.com/_sync", "api.example.com", 443),
            ("https://api.example.com", "https://api.example.com", "api.example.com", 443),
            ("https://api.example.com//", "https://api.example.com", "api.example.com", 443),
            ("HTTPS://Api.Example.com:8443/a/b", "https://Api.Example.com:8443/a/b", "Api.Example.com", 8443),
            ("https://[2001:db8::1]:8443/x", "https://[2001:db8::1]:8443/x", "2001:db8::1", 8443),
            ("https://192.0.2.7", "https://192.0.2.7", "192.0.2.7", 443),
            ("http://localhost:8080/_sync", "http://localhost:8080/_sync", "localhost", 8080),
            ("https://my_host/", "https://my_host", "my_host", 443),
        ] {
            let url = BaseUrl::parse(text, false).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((url.as_str(), url.host(), url.port()), (kept, host, port), "{text}");
            assert_eq!(url.endpoint(Endpoint::Snapshot), format!("{kept}/snapshot"));
            assert_eq!(url.is_secure(), kept.starts_with("https:"), "{text}");
            let scheme = kept.split_once("://").unwrap().0;
            assert!(kept.starts_with(&format!("{scheme}://{}", url.authority())), "{text}");
            assert!(!url.authority().contains('/') && url.authority().contains(host), "{text}");
        }
    }

    #[test]
    fn bad_base_urls_are_refused_with_a_sentence_that_repeats_their_beginning_at_most() {
        let token = "secret".repeat(7);
        for (text, expected) in [
            ("", "must begin with https:// (http:// only to this machine)"),
            (
                "api.example.com/secret",
                "must begin with https:// (http:// only to this machine), not with \"api.example.com\"",
            ),
            ("localhost:8080", ", not with \"localhost:8080\""),
            ("api.example.com?token=secret", ", not with \"api.example.com\""),
            ("user:secret@example.com", "must begin with https://"),
            ("user:secret@ftp://example.com", "not a URL"),
            (token.as_str(), "must begin with https://"),
            ("/secret", "must begin with https://"),
            ("ftp://example.com/secret", ", not with \"ftp://\""),
            ("ws://user:secret@example.com/secret", ", not with \"ws://\""),
            ("https://", "not a URL"),
            ("https:///secret", "not a URL"),
            ("https://exa mple.com/secret", "not a URL"),
            ("https://example.com/secret\n", "not a URL"),
            ("https://bücher.example/secret", "needs a host name"),
            ("https://ex%61mple.com/secret", "not a URL"),
            ("https://.../secret", "needs a host name"),
            ("https://[::zz]/secret", "needs a host name"),
            ("https://exa*mple.com/secret", "needs a host name"),
            ("https://user@example.com/secret", "must not contain a user name"),
            ("https://user:secret@example.com/", "must not contain a user name"),
            ("https://example.com/_sync?token=secret", "leave out what begins with"),
            ("https://example.com/_sync#secret", "leave out what begins with"),
            ("https://example.com:0/secret", "port"),
            ("https://example.com:65536/secret", "port"),
            ("https://example.com:/secret", "port"),
        ] {
            let Err(error) = BaseUrl::parse(text, true) else { panic!("{text} was taken") };
            let sentence = error.to_string();
            assert!(sentence.contains(expected), "{text:?}: {sentence}");
            assert!(!sentence.contains("secret"), "{text:?}: {sentence}");
        }
    }

    #[test]
    fn cleartext_goes_to_this_machine_only_unless_it_is_allowed() {
        for (host, local) in [
            ("localhost", true),
            ("LOCALHOST", true),
            ("127.0.0.1", true),
            ("127.9.8.7", true),
            ("[::1]", true),
            ("0.0.0.0", false),
            ("10.0.0.1", false),
            ("192.168.1.2", false),
            ("[::]", false),
            ("[fe80::1]", false),
            ("[::ffff:127.0.0.1]", false),
            ("127.0.0.1.example.com", false),
            ("localhost.example.com", false),
            ("127.1", false),
            ("2130706433", false),
            ("example.com", false),
        ] {
            let text = format!("http://{host}:8080/_sync");
            assert_eq!(BaseUrl::parse(&text, false).is_ok(), local, "{text}");
            assert!(BaseUrl::parse(&text, true).is_ok(), "{text}");
            assert!(BaseUrl::parse(&text.replace("http:", "https:"), false).is_ok(), "{text}");
        }
    }
}
