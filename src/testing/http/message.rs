//! What comes in and what goes out.

use std::fmt;
use std::io::{self, BufRead, Read, Write};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::Value;
use tungstenite::handshake::derive_accept_key;

use crate::net::Endpoint;

/// The status with which a connection becomes a WebSocket.
pub(in crate::testing) const SWITCHING_PROTOCOLS: u16 = 101;
/// More than any head that a client sends.
const MAX_HEAD: u64 = 64 * 1024;
/// More than any body that a server takes.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// A request as it came.
#[derive(Clone)]
#[non_exhaustive]
pub struct Received {
    /// `POST`, say.
    pub method: String,
    /// Such as `/_sync/push`.
    pub path: String,
    /// The body, as it was sent.
    pub body: Arc<[u8]>,
    /// The status of the answer. None where there was none, or none yet.
    pub answered: Option<u16>,
    headers: Vec<(String, String)>,
}

impl Received {
    /// Reads one.
    ///
    /// # Errors
    /// When the connection ends before, or this is not HTTP.
    pub(super) fn read(stream: &mut impl BufRead) -> io::Result<Self> {
        let mut head = stream.by_ref().take(MAX_HEAD);
        let first = line(&mut head)?;
        let mut words = first.split(' ').map(str::to_owned);
        let (Some(method), Some(path)) = (words.next(), words.next()) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let mut headers = Vec::new();
        loop {
            let line = line(&mut head)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or(io::ErrorKind::InvalidData)?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let mut request = Self { method, path, body: Arc::default(), answered: None, headers };
        let length = request.header("content-length").map_or(Ok(0), str::parse);
        let length = length.ok().filter(|length| *length <= MAX_BODY).ok_or(io::ErrorKind::InvalidData)?;
        let mut body = vec![0; length];
        stream.read_exact(&mut body)?;
        request.body = body.into();
        Ok(request)
    }

    /// The value of a header, whatever the case of its name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The last part of the path: `push`, `pull`, `snapshot`, or `ws`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Whether it went to this endpoint.
    #[must_use]
    pub fn is_to(&self, endpoint: Endpoint) -> bool {
        self.endpoint() == endpoint.path()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// Unless it is exactly one JSON value.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("the body of {self:?} is not JSON: {error}"),
        }
    }

    /// With what was said to it.
    pub(in crate::testing) fn answered_by(self, answer: &Answer) -> Self {
        Self { answered: (!answer.silent).then_some(answer.status), ..self }
    }

    /// What followed `Bearer` in the header `Authorization`.
    pub(in crate::testing) fn token(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }
}

// Neither tokens nor the user's data.
impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} with {} bytes", self.method, self.path, self.body.len())
    }
}

fn line(head: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    head.read_line(&mut line)?;
    let text = line.strip_suffix('\n').ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok(text.trim_end_matches('\r').to_owned())
}

/// An answer that a test makes up.
#[derive(Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
    headers: Vec<(String, String)>,
    /// How many bytes of the body are sent before the connection is closed; all, if none.
    cut: Option<usize>,
    /// The connection is closed without a word.
    silent: bool,
}

impl Answer {
    /// An answer with a body of this type, such as `text/plain`.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..Self::bare(status) }.with("Content-Type", content_type)
    }

    /// Without a body, and without a word about it.
    pub(in crate::testing) fn bare(status: u16) -> Self {
        Self { status, body: Vec::new(), headers: Vec::new(), cut: None, silent: false }
    }

    /// That the connection is a WebSocket from now on; 400 where none was asked for.
    pub(in crate::testing) fn switching(request: &Received) -> Self {
        let Some(key) = request.header("sec-websocket-key") else {
            return Self::new(400, "text/plain", "this is for WebSockets");
        };
        Self::bare(SWITCHING_PROTOCOLS)
            .with("Upgrade", "websocket")
            .with("Connection", "Upgrade")
            .with("Sec-WebSocket-Accept", derive_accept_key(key.as_bytes()))
    }

    /// An answer with a JSON body.
    ///
    /// # Panics
    /// When the body has no JSON form.
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(body) => Self::new(status, "application/json", body),
            Err(error) => panic!("the answer has no JSON form: {error}"),
        }
    }

    /// 200 with a JSON body.
    ///
    /// # Panics
    /// As [`Answer::json`].
    pub fn ok(body: &impl Serialize) -> Self {
        Self::json(200, body)
    }

    /// 200 with a web page: what a hotel's network answers before one has signed in there.
    pub fn page(html: &str) -> Self {
        Self::new(200, "text/html; charset=utf-8", html)
    }

    /// No answer: the connection is closed.
    pub fn none() -> Self {
        Self { silent: true, ..Self::bare(0) }
    }

    /// With one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// With the header `Retry-After`, in whole seconds.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        self.with("Retry-After", wait.as_secs().to_string())
    }

    /// The connection is closed in the middle of the body.
    #[must_use]
    pub fn cut_after(self, bytes: usize) -> Self {
        Self { cut: Some(bytes), ..self }
    }

    pub(super) fn write(&self, mut stream: impl Write) -> io::Result<()> {
        if self.silent {
            return Ok(());
        }
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        if self.status >= 200 {
            let date = httpdate::fmt_http_date(SystemTime::now());
            let length = self.body.len();
            head.push_str(&format!("Date: {date}\r\nContent-Length: {length}\r\nConnection: close\r\n"));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes())?;
        stream.write_all(&self.body[..self.cut.unwrap_or(self.body.len()).min(self.body.len())])?;
        stream.flush()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({} with {} bytes)", self.status, self.body.len())
    }
}

const fn reason(status: u16) -> &'static str {
    match status {
        101 => "Switching Protocols",
        200..300 => "OK",
        _ => "Refused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> io::Result<Received> {
        Received::read(&mut text.as_bytes())
    }

    #[test]
    fn a_request_is_read_with_its_headers_and_its_body() {
        let text =
            "POST /_sync/push HTTP/1.1\r\nContent-Length: 2\r\nauthorization: bearer  t1\r\n\r\n{}rest";
        let request = read(text).unwrap();
        assert_eq!(
            (request.method.as_str(), request.endpoint(), &*request.body),
            ("POST", "push", &b"{}"[..])
        );
        assert_eq!((request.token(), request.header("HOST")), (Some("t1"), None));
    }

    #[test]
    fn what_is_no_whole_request_is_an_error() {
        for text in ["", "\r\n\r\n", "POST /", "POST / HTTP/1.1\r\nA: b\r\n", "POST / HTTP/1.1\r\nab\r\n\r\n"]
        {
            assert!(read(text).is_err(), "{text:?}");
        }
        for length in ["3", "x", "-1", "99999999999"] {
            assert!(
                read(&format!("POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{{}}")).is_err(),
                "{length}"
            );
        }
    }

    #[test]
    fn neither_tokens_nor_bodies_are_shown() {
        let request = read(
            "POST /_sync/push HTTP/1.1\r\nContent-Length: 6\r\nAuthorization: Bearer canary\r\n\r\ncanary",
        );
        let shown = format!("{:?} {:?}", request.unwrap(), Answer::new(200, "canary", "canary"));
        assert!(!shown.contains("canary"), "{shown}");
    }
}
