//! The live socket: a WebSocket on which the server says that there is something to fetch.
//!
//! # Idea
//! It carries hints only. Whatever is lost, delayed or made up on it costs time or a request, never correctness: what
//! follows from a hint is decided in the engine, and is a pull.
//!
//! # Limits
//! One scope a socket. A message has at most 1 MiB. Nothing is sent but the subscription, pings, and the answers that
//! WebSockets owe each other.

mod frames;
mod open;
mod upgrade;

use std::fmt;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use mizu_sync_protocol::Cursor;
use mizu_sync_protocol::live::PATH;
use tungstenite::protocol::frame::CloseFrame;
use tungstenite::{Bytes, Message, WebSocket};
use ureq::http::HeaderMap;
use ureq::unversioned::transport::{NextTimeout, ShutdownHandle, TransportAdapter};
use ureq::{Error, Timeout};

pub(super) use self::open::Tls;

use self::upgrade::Upgrade;
use super::dialer::Dialer;
use super::interrupt::locked;
use super::token::Tokens;
use super::url::BaseUrl;
use super::{Phase, TransportError};

/// What a live socket tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveNews {
    /// It is open, and the subscription is on its way.
    Opened,
    /// The server has taken the subscription: from now on no hint is missed.
    Subscribed,
    /// The server's log of this scope has grown up to here, it says.
    Hint(Cursor),
}

/// Why a live socket is not open, or not any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LiveEnd {
    /// The server answered with this HTTP status instead of opening it. 401 and 403: not to this user. All others: it
    /// has none, or something between cannot carry one.
    Refused {
        /// The status.
        status: u16,
    },
    /// It could not be opened, broke, or was ended.
    Failed(TransportError),
}

/// A live socket, from [`Transport::live`](super::Transport::live).
pub trait LiveSocket: Send + Sync + 'static {
    /// Opens it, subscribes to the scope's hints, and tells what comes. Returns when it has ended. Called once.
    fn run(&self, scope: &str, tell: &mut dyn FnMut(LiveNews)) -> LiveEnd;

    /// Ends it, from any thread at any time: [`LiveSocket::run`] returns, or will at once. Does not wait for that.
    fn end(&self);
}

/// A stream of bytes, with TLS where the URL says so.
type Stream = TransportAdapter;

/// A live socket of an [`HttpTransport`](super::HttpTransport).
pub(super) struct HttpLive {
    /// Such as `wss://api.example.com/ws`.
    url: String,
    base: BaseUrl,
    headers: HeaderMap,
    tokens: Arc<Tokens>,
    dialer: Dialer,
    tls: Arc<Tls>,
    /// Ends the connection once there is one.
    shutdown: Arc<Mutex<Option<Weak<dyn ShutdownHandle>>>>,
}

impl HttpLive {
    pub(super) fn new(
        base: &BaseUrl,
        headers: HeaderMap,
        tokens: Arc<Tokens>,
        dialer: Dialer,
        tls: Arc<Tls>,
    ) -> Self {
        let scheme = if base.is_secure() { "wss" } else { "ws" };
        let url = format!("{scheme}://{}{}", base.authority(), PATH);
        Self { url, base: base.clone(), headers, tokens, dialer, tls, shutdown: Arc::default() }
    }

    fn failed(&self, error: Error) -> LiveEnd {
        LiveEnd::Failed(TransportError::from_ureq(&self.url, error))
    }

    fn unreachable(&self, reason: impl Into<String>) -> LiveEnd {
        LiveEnd::Failed(TransportError::Unreachable { url: self.url.clone(), reason: reason.into() })
    }

    /// Opens it, and gives what to read from, or why not.
    fn open(&self) -> Result<WebSocket<Stream>, LiveEnd> {
        let mut stream = self.connect().map_err(|error| {
            self.dialer.names.doubt();
            self.failed(error)
        })?;
        let upgrade = Upgrade::new(&self.base, &self.headers, self.tokens.current().as_ref());
        stream.set_timeout(at_most(self.dialer.limits.head, Timeout::SendRequest));
        upgrade.send(&mut stream).map_err(|error| self.failed(error.into()))?;
        stream.set_timeout(at_most(self.dialer.limits.head, Timeout::RecvResponse));
        upgrade.finish(stream).map_err(|refusal| match refusal {
            upgrade::Refusal::Status(status) => LiveEnd::Refused { status },
            upgrade::Refusal::Broken(error) => self.failed(error.into()),
            upgrade::Refusal::NotWebSocket(reason) => self.unreachable(reason),
        })
    }

    fn listen(&self, scope: &str, tell: &mut dyn FnMut(LiveNews)) -> Result<(), LiveEnd> {
        let mut socket = self.open()?;
        self.send(&mut socket, Message::text(frames::subscribe(scope)))?;
        tell(LiveNews::Opened);
        let limits = &self.dialer.limits;
        // Only whole messages count as heard: a peer that sends a byte now and then is as good as gone.
        let mut heard = Instant::now();
        let mut pinged = heard;
        loop {
            let alone = heard.elapsed();
            if alone >= limits.silence {
                return Err(LiveEnd::Failed(TransportError::TimedOut {
                    url: self.url.clone(),
                    phase: Phase::Read,
                }));
            }
            let quiet = heard.max(pinged).elapsed();
            if quiet >= limits.ping {
                pinged = Instant::now();
                self.send(&mut socket, Message::Ping(Bytes::new()))?;
                continue;
            }
            let patience = (limits.ping - quiet).min(limits.silence - alone);
            socket.get_mut().set_timeout(at_most(patience, Timeout::RecvBody));
            let read = socket.read();
            if self.dialer.interrupt.is_raised() {
                return Ok(());
            }
            match read {
                Ok(Message::Close(frame)) => {
                    // As far as it goes: what the peer makes of the answer is its own affair.
                    let _ = socket.flush();
                    return Err(self.unreachable(closed(frame.as_ref())));
                }
                Ok(message) => {
                    heard = Instant::now();
                    if let Message::Text(text) = &message
                        && let Some(news) = frames::read(text, scope)
                    {
                        tell(news);
                    }
                }
                Err(tungstenite::Error::Io(error)) => match Error::from(error) {
                    Error::Timeout(_) => {}
                    error => return Err(self.failed(error)),
                },
                Err(error) => return Err(self.unreachable(error.to_string())),
            }
        }
    }

    fn send(&self, socket: &mut WebSocket<Stream>, message: Message) -> Result<(), LiveEnd> {
        socket.get_mut().set_timeout(at_most(self.dialer.limits.silence, Timeout::SendBody));
        socket.send(message).map_err(|error| match error {
            tungstenite::Error::Io(error) => self.failed(error.into()),
            error => self.unreachable(error.to_string()),
        })
    }
}

impl LiveSocket for HttpLive {
    fn run(&self, scope: &str, tell: &mut dyn FnMut(LiveNews)) -> LiveEnd {
        let interrupted = || LiveEnd::Failed(TransportError::Interrupted { url: self.url.clone() });
        match self.listen(scope, tell) {
            // An interrupt makes it fail in many ways.
            Err(end) if !self.dialer.interrupt.is_raised() => end,
            _ => interrupted(),
        }
    }

    fn end(&self) {
        // First the flag: whoever is woken by the closing must already see why.
        self.dialer.interrupt.raise();
        if let Some(handle) = locked(&self.shutdown).take().and_then(|handle| handle.upgrade()) {
            handle.shutdown();
        }
    }
}

impl fmt::Debug for HttpLive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpLive").field("url", &self.url).finish_non_exhaustive()
    }
}

/// A limit on the whole of what follows.
fn at_most(limit: Duration, reason: Timeout) -> NextTimeout {
    NextTimeout { after: limit.into(), reason, ..NextTimeout::default() }
}

/// The number tells why; the words may be anything, and long.
fn closed(frame: Option<&CloseFrame>) -> String {
    frame.map_or_else(
        || "the server has closed it".to_owned(),
        |frame| format!("the server has closed it ({})", u16::from(frame.code)),
    )
}
