//! One lane's connections for as long as nothing interrupts them.
//!
//! An interrupted session is thrown away whole, with its agent and its pool. So a request that comes later
//! cannot be hit by an interrupt that was meant for an earlier one, nor get that one's connection.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ureq::config::Config;
use ureq::http::{self, HeaderMap};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::transport::{Connector, RustlsConnector};
use ureq::{Agent, Body, Error};

use super::dialer::{Dialer, Later};
use super::interrupt::Interrupt;
use super::socket::BUFFER;
use super::watchdog::Vain;

/// ureq names a phase of a request to the socket only where it has a limit for it. This one is never meant to
/// be reached: the [`super::watchdog`] ends a request long before.
const A_DAY: Option<Duration> = Some(Duration::from_secs(24 * 60 * 60));

pub(super) const USER_AGENT: &str = concat!("mizu-sync/", env!("CARGO_PKG_VERSION"));

/// A cheap handle.
#[derive(Clone)]
pub(super) struct Session {
    agent: Agent,
    interrupt: Arc<Interrupt>,
    dialled: Arc<AtomicUsize>,
    vain: Vain,
}

/// What a lane has.
#[derive(Default)]
pub(super) enum Slot {
    /// No session: the next request opens one.
    #[default]
    Vacant,
    /// The session of the requests now and to come.
    Open(Session),
    /// The transport is shut down.
    Closed,
}

impl Session {
    pub(super) fn new(dialer: Dialer, roots: RootCerts) -> Self {
        let (interrupt, dialled) = (Arc::clone(&dialer.interrupt), Arc::clone(&dialer.dialled));
        let vain = dialer.vain.clone();
        let agent = Agent::with_parts(config(roots), dialer.chain(RustlsConnector::default()), Later);
        Self { agent, interrupt, dialled, vain }
    }

    pub(super) fn interrupt(&self) -> Arc<Interrupt> {
        Arc::clone(&self.interrupt)
    }

    pub(super) fn vain(&self) -> Vain {
        self.vain.clone()
    }

    /// Ends its request and closes its connections, now and for good.
    pub(super) fn end(self) {
        // First the flag: whoever is woken by the closing must already see why.
        self.interrupt.raise();
        self.agent.shutdown();
    }

    /// Sends a request and waits for the head of the answer.
    ///
    /// A server may close an idle connection in the moment in which a request is sent on it. That is nobody's
    /// failure, and requests of this protocol may arrive twice, so it is sent once more, on a new connection.
    pub(super) fn post(
        &self,
        url: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<http::Response<Body>, Error> {
        let dialled = self.dialled.load(Ordering::Relaxed);
        match self.post_once(url, headers, body) {
            Err(Error::Io(error))
                if is_broken(&error)
                    && self.dialled.load(Ordering::Relaxed) == dialled
                    && !self.interrupt.is_raised() =>
            {
                self.post_once(url, headers, body)
            }
            result => result,
        }
    }

    fn post_once(&self, url: &str, headers: &HeaderMap, body: &[u8]) -> Result<http::Response<Body>, Error> {
        let mut request = http::Request::post(url).body(body)?;
        request.headers_mut().clone_from(headers);
        self.agent.run(request)
    }
}

/// How connections are made and requests sent.
pub(super) fn config(roots: RootCerts) -> Config {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .user_agent(USER_AGENT)
        .accept("application/json")
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .max_idle_connections_per_host(1)
        .input_buffer_size(BUFFER)
        .output_buffer_size(BUFFER)
        .max_response_header_size(BUFFER / 2)
        .timeout_connect(A_DAY)
        .timeout_send_request(A_DAY)
        .timeout_send_body(A_DAY)
        .timeout_recv_response(A_DAY)
        .timeout_recv_body(A_DAY)
        .build()
}

/// Whether a connection ended, rather than being refused or timing out.
fn is_broken(error: &io::Error) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof, WriteZero};
    matches!(
        error.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof | WriteZero
    )
}
