//! The handshake that makes a WebSocket of a connection. Ours, because tungstenite's writes the whole request into the
//! log, the token in it, and holds a peer to no time.

use std::io::{self, Read, Write};

use mizu_sync_protocol::live::PATH;
use tungstenite::WebSocket;
use tungstenite::handshake::client::{Response, generate_key};
use tungstenite::handshake::derive_accept_key;
use tungstenite::handshake::machine::TryParse;
use tungstenite::protocol::{Role, WebSocketConfig};
use ureq::http::{HeaderMap, HeaderValue, header};

use crate::net::session::USER_AGENT;
use crate::net::token::Token;
use crate::net::url::BaseUrl;

/// The longest head of an answer. In bytes.
const MOST_HEAD: usize = 16 * 1024;
/// The longest message. In bytes.
const MOST_MESSAGE: usize = 1024 * 1024;
/// Hints are small.
const READ_BUFFER: usize = 4 * 1024;
/// What may wait to be written: answers to pings, should the peer not take them.
const MOST_UNSENT: usize = 64 * 1024;

/// A handshake.
pub(super) struct Upgrade {
    request: Vec<u8>,
    accept: String,
}

/// Why there is no WebSocket.
pub(super) enum Refusal {
    /// Another answer than 101.
    Status(u16),
    /// The connection broke, or there was no answer in time.
    Broken(io::Error),
    /// The answer says yes, but is not that of a WebSocket.
    NotWebSocket(&'static str),
}

impl Upgrade {
    pub(super) fn new(base: &BaseUrl, headers: &HeaderMap, token: Option<&Token>) -> Self {
        let key = generate_key();
        let mut request = format!(
            "GET {PATH} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n",
            base.authority()
        )
        .into_bytes();
        let mut add = |name: &[u8], value: &[u8]| {
            for part in [name, b": ", value, b"\r\n"] {
                request.extend_from_slice(part);
            }
        };
        if !headers.contains_key(header::USER_AGENT) {
            add(b"User-Agent", USER_AGENT.as_bytes());
        }
        if let Some(token) = token {
            add(b"Authorization", token.header().as_bytes());
        }
        for (name, value) in headers {
            add(name.as_str().as_bytes(), value.as_bytes());
        }
        request.extend_from_slice(b"\r\n");
        Self { request, accept: derive_accept_key(key.as_bytes()) }
    }

    pub(super) fn send(&self, stream: &mut impl Write) -> io::Result<()> {
        stream.write_all(&self.request)?;
        stream.flush()
    }

    /// Reads the answer, and makes a WebSocket of the stream if it is the right one.
    pub(super) fn finish<S: Read + Write>(&self, mut stream: S) -> Result<WebSocket<S>, Refusal> {
        let (response, rest) = read_head(&mut stream)?;
        if response.status() != 101 {
            return Err(Refusal::Status(response.status().as_u16()));
        }
        let headers = response.headers();
        let expected = [
            (lists(headers, header::UPGRADE, "websocket"), "the server answers as a WebSocket does not"),
            (lists(headers, header::CONNECTION, "upgrade"), "the server answers as a WebSocket does not"),
            (
                headers.get(header::SEC_WEBSOCKET_ACCEPT).is_some_and(|accept| *accept == self.accept),
                "the server answers another request",
            ),
            (!headers.contains_key(header::SEC_WEBSOCKET_EXTENSIONS), "the server wants an extension"),
            (!headers.contains_key(header::SEC_WEBSOCKET_PROTOCOL), "the server wants another protocol"),
        ];
        if let Some((_, reason)) = expected.into_iter().find(|(holds, _)| !holds) {
            return Err(Refusal::NotWebSocket(reason));
        }
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_write_buffer_size(MOST_UNSENT)
            .max_message_size(Some(MOST_MESSAGE))
            .max_frame_size(Some(MOST_MESSAGE));
        Ok(WebSocket::from_partially_read(stream, rest, Role::Client, Some(config)))
    }
}

/// The head of the answer, and what came with it of what follows.
fn read_head(stream: &mut impl Read) -> Result<(Response, Vec<u8>), Refusal> {
    let mut bytes = Vec::with_capacity(1024);
    let mut buffer = [0; 1024];
    loop {
        let count = stream.read(&mut buffer).map_err(Refusal::Broken)?;
        if count == 0 {
            return Err(Refusal::Broken(io::ErrorKind::UnexpectedEof.into()));
        }
        // The end of the head may be split between two reads.
        let seen = bytes.len().saturating_sub(3);
        bytes.extend_from_slice(buffer.get(..count).unwrap_or_default());
        let fresh = bytes.get(seen..).unwrap_or_default();
        if fresh.windows(4).any(|window| window == b"\r\n\r\n") {
            let parsed = Response::try_parse(&bytes);
            return match parsed {
                Ok(Some((length, response))) => Ok((response, bytes.split_off(length))),
                Ok(None) | Err(_) => Err(Refusal::NotWebSocket("the answer is not HTTP")),
            };
        }
        if bytes.len() > MOST_HEAD {
            return Err(Refusal::NotWebSocket("the head of the answer is too long"));
        }
    }
}

/// Whether one of the words of a header is this one.
fn lists(headers: &HeaderMap, name: header::HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value: &HeaderValue| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|found| found.trim().eq_ignore_ascii_case(word))
}
