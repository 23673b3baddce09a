//! The [`Transport`] over HTTP/1.1.
//!
//! - Each lane has its own [`Session`]: a ureq agent with its pool of connections. An interrupt replaces it.
//! - ureq speaks HTTP and decompresses, rustls encrypts. Ours are the parts that decide how long things take
//!   and how they end: addresses ([`super::resolver`]), connecting ([`super::dialer`]), sockets
//!   ([`super::socket`]) and their limits ([`super::watchdog`]).
//! - No thread runs while nothing happens, and none is started for a request on an open connection.
//! - No proxy is used, no redirect followed, no cookie kept.

use std::fmt;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, SystemTime};

use mizu_sync_protocol::header::{MIZU_LOG, MIZU_SYNC, MIZU_SYNC_VERSION};
use thiserror::Error;
use ureq::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use ureq::tls::RootCerts;

use super::body::ResponseBody;
use super::dialer::Dialer;
use super::interrupt::{Bell, Interrupt, locked};
use super::live::{HttpLive, LiveSocket, Tls};
use super::resolver::Names;
use super::session::{Session, Slot};
use super::system::{Native, System};
use super::token::{Token, Tokens};
use super::url::BaseUrl;
use super::watchdog::{Limits, Vain};
use super::{Lane, Request, Response, Transport, TransportError};

/// Headers that cannot be configured: they are the transport's own, or would change what a request is.
const RESERVED: [&str; 14] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    MIZU_LOG,
    MIZU_SYNC,
];

/// The same of all headers that begin so: they are those of the live socket's upgrade.
const RESERVED_PREFIX: &str = "sec-websocket-";

/// What an [`HttpTransport`] is made of.
#[derive(Clone)]
pub struct HttpOptions {
    /// Where the server is.
    pub base: BaseUrl,
    /// What proves who is asking. It can be replaced later, see [`Transport::set_token`].
    pub token: Option<Token>,
    /// Names and values of headers to send with each request. The values count as secret.
    pub headers: Vec<(String, String)>,
    pub(crate) limits: Limits,
    pub(crate) roots: RootCerts,
    pub(crate) system: Arc<dyn System>,
}

impl HttpOptions {
    /// No token, no headers.
    #[must_use]
    pub fn new(base: BaseUrl) -> Self {
        Self {
            base,
            token: None,
            headers: Vec::new(),
            limits: Limits::default(),
            roots: RootCerts::WebPki,
            system: Arc::new(Native),
        }
    }
}

impl fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("HttpOptions")
            .field("base", &self.base)
            .field("token", &self.token)
            .field("headers", &names)
            .finish_non_exhaustive()
    }
}

/// A header that cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// It cannot be the name of a header.
    #[error("{0:?} cannot be the name of a header: use letters, digits and '-'")]
    Name(String),
    /// Its value has a line break or another control character.
    #[error("the value of the header {0} has a line break or another character that a header cannot carry")]
    Value(String),
    /// The transport sends it itself. For `authorization`: give a token.
    #[error("the header {0} is set by the SDK and cannot be configured")]
    Reserved(String),
}

/// A way to a server over HTTP. See [`Transport`] for what it does.
///
/// The body of an answer must be read to its end, where a read gives 0 bytes: only then is its connection used
/// again.
pub struct HttpTransport {
    base: BaseUrl,
    /// Those that are the same for every request.
    headers: HeaderMap,
    /// The values of those that were configured.
    values: Vec<String>,
    tokens: Arc<Tokens>,
    /// Whether a client sets them itself.
    shares_tokens: bool,
    limits: Limits,
    roots: RootCerts,
    system: Arc<dyn System>,
    bell: Arc<Bell>,
    names: Arc<Names>,
    push: Mutex<Slot>,
    pull: Mutex<Slot>,
    /// TLS of the live sockets, as the requests have it.
    tls: Arc<Tls>,
    /// The same as `headers`, for the upgrade to a live socket.
    upgrade_headers: HeaderMap,
    /// Live sockets, one of which is in use; none after a shutdown.
    lives: Mutex<Option<Vec<Weak<HttpLive>>>>,
}

impl HttpTransport {
    /// Checks the options. Nothing is resolved or opened before the first request.
    ///
    /// # Errors
    /// When one of the headers cannot be sent, see [`HeaderError`].
    pub fn new(options: HttpOptions) -> Result<Self, HeaderError> {
        let tokens = Arc::new(Tokens::new(options.token.clone()));
        let transport = Self::with_tokens(options, tokens)?;
        Ok(Self { shares_tokens: false, ..transport })
    }

    /// As [`HttpTransport::new`], with a token that others share and may replace.
    pub(crate) fn with_tokens(options: HttpOptions, tokens: Arc<Tokens>) -> Result<Self, HeaderError> {
        let HttpOptions { base, token: _, headers, limits, roots, system } = options;
        let values = headers.iter().map(|(_, value)| value.clone()).collect();
        let upgrade_headers = configured_headers(&headers)?;
        let headers = constant_headers(upgrade_headers.clone());
        let tls = Arc::new(Tls::new(roots.clone()));
        let bell = Arc::new(Bell::default());
        let names =
            Names::new(base.host(), base.port(), limits.addresses, Arc::clone(&system), Arc::clone(&bell));
        Ok(Self {
            base,
            headers,
            values,
            tokens,
            shares_tokens: true,
            limits,
            roots,
            system,
            bell,
            names,
            push: Mutex::default(),
            pull: Mutex::default(),
            tls,
            upgrade_headers,
            lives: Mutex::new(Some(Vec::new())),
        })
    }

    const fn slot(&self, lane: Lane) -> &Mutex<Slot> {
        match lane {
            Lane::Push => &self.push,
            Lane::Pull => &self.pull,
        }
    }

    /// The lane's session, or `None` after a shutdown.
    fn session(&self, lane: Lane) -> Option<Session> {
        let mut slot = locked(self.slot(lane));
        match &*slot {
            Slot::Closed => None,
            Slot::Open(session) => Some(session.clone()),
            Slot::Vacant => {
                let session = self.new_session();
                *slot = Slot::Open(session.clone());
                Some(session)
            }
        }
    }

    fn new_session(&self) -> Session {
        Session::new(self.new_dialer(self.limits), self.roots.clone())
    }

    fn new_dialer(&self, limits: Limits) -> Dialer {
        Dialer {
            names: Arc::clone(&self.names),
            system: Arc::clone(&self.system),
            interrupt: Arc::new(Interrupt::new(Arc::clone(&self.bell))),
            limits,
            dialled: Arc::new(AtomicUsize::new(0)),
            vain: Vain::default(),
        }
    }

    fn headers_of(&self, request: &Request) -> Result<HeaderMap, ureq::Error> {
        let mut headers = self.headers.clone();
        if let Some(token) = self.tokens.current() {
            headers.insert(header::AUTHORIZATION, token.header());
        }
        if let Some(log) = &request.log {
            let value = HeaderValue::from_str(log).map_err(ureq::http::Error::from)?;
            headers.insert(MIZU_LOG, value);
        }
        Ok(headers)
    }
}

impl Transport for HttpTransport {
    fn exchange(&self, request: &Request) -> Result<Response, TransportError> {
        let url = self.base.endpoint(request.endpoint);
        let Some(session) = self.session(request.endpoint.lane()) else {
            return Err(TransportError::Interrupted { url });
        };
        let answer = self.headers_of(request).and_then(|headers| session.post(&url, &headers, &request.body));
        // An interrupt makes a request fail in many ways, and comes too late for some.
        let interrupt = session.interrupt();
        if interrupt.is_raised() {
            return Err(TransportError::Interrupted { url });
        }
        match answer {
            Ok(answer) => Ok(response(url, answer, interrupt, session.vain())),
            Err(error) => {
                self.names.doubt();
                Err(TransportError::from_ureq(&url, error))
            }
        }
    }

    fn interrupt(&self, lane: Lane) {
        let mut slot = locked(self.slot(lane));
        if let Slot::Open(session) = &*slot {
            let session = session.clone();
            *slot = Slot::Vacant;
            drop(slot);
            session.end();
        }
    }

    fn shutdown(&self) {
        for lane in [Lane::Push, Lane::Pull] {
            let slot = std::mem::replace(&mut *locked(self.slot(lane)), Slot::Closed);
            if let Slot::Open(session) = slot {
                session.end();
            }
        }
        let lives = locked(&self.lives).take().unwrap_or_default();
        for live in lives.iter().filter_map(Weak::upgrade) {
            live.end();
        }
    }

    fn conceal(&self, text: String) -> String {
        self.tokens.conceal(text, &self.values)
    }

    fn set_token(&self, token: Option<Token>) {
        // What a client shares with this it has set already, and what it tells here may be older by now.
        if !self.shares_tokens {
            self.tokens.set(token);
        }
    }

    fn live(&self) -> Option<Arc<dyn LiveSocket>> {
        let socket = Arc::new(HttpLive::new(
            &self.base,
            self.upgrade_headers.clone(),
            Arc::clone(&self.tokens),
            self.new_dialer(self.limits.for_live()),
            Arc::clone(&self.tls),
        ));
        let mut lives = locked(&self.lives);
        match &mut *lives {
            Some(lives) => {
                lives.retain(|live| live.strong_count() > 0);
                lives.push(Arc::downgrade(&socket));
            }
            // After a shutdown.
            None => socket.end(),
        }
        drop(lives);
        Some(socket)
    }
}

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTransport").field("base", &self.base).finish_non_exhaustive()
    }
}

/// What the app adds to every request, checked.
fn configured_headers(configured: &[(String, String)]) -> Result<HeaderMap, HeaderError> {
    let mut headers = HeaderMap::with_capacity(configured.len() + 4);
    for (name, value) in configured {
        let parsed = HeaderName::try_from(name).map_err(|_| HeaderError::Name(name.clone()))?;
        if RESERVED.contains(&parsed.as_str()) || parsed.as_str().starts_with(RESERVED_PREFIX) {
            return Err(HeaderError::Reserved(parsed.to_string()));
        }
        let mut value = HeaderValue::try_from(value).map_err(|_| HeaderError::Value(parsed.to_string()))?;
        value.set_sensitive(true);
        headers.append(parsed, value);
    }
    headers.insert(MIZU_SYNC, HeaderValue::from_static(MIZU_SYNC_VERSION));
    Ok(headers)
}

fn constant_headers(mut headers: HeaderMap) -> HeaderMap {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers
}

fn response(
    url: String,
    answer: ureq::http::Response<ureq::Body>,
    interrupt: Arc<Interrupt>,
    vain: Vain,
) -> Response {
    let (head, body) = answer.into_parts();
    Response {
        status: head.status.as_u16(),
        extended: head.headers.contains_key(MIZU_SYNC),
        server_time: server_time(&head.headers),
        retry_after: retry_after(&head.headers),
        body: Box::new(ResponseBody::new(url, body, interrupt, vain)),
    }
}

fn server_time(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(header::DATE)?.to_str().ok()?).ok()
}

/// Only the form in seconds: the other one, a date, would bring the two machines' clocks into it.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok().map(Duration::from_secs))?
}
