//! Opens connections for ureq: addresses, then TCP, both so that an interrupt need not wait for them.
//!
//! ureq asks its resolver for addresses before each request, also when it then takes an open connection from
//! its pool. So it gets a placeholder there, and the addresses are asked for here, where they are needed.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{ConnectionDetails, Connector, NextTimeout};
use ureq::{Error, Timeout};

use super::interrupt::Interrupt;
use super::resolver::Names;
use super::socket::Socket;
use super::system::System;
use super::watchdog::{Limits, Vain, Watchdog};

/// An address has at least this long, however many there are.
const LEAST_PER_ADDRESS: Duration = Duration::from_millis(100);

/// Opens the connections of one session.
pub(super) struct Dialer {
    pub(super) names: Arc<Names>,
    pub(super) system: Arc<dyn System>,
    pub(super) interrupt: Arc<Interrupt>,
    pub(super) limits: Limits,
    /// Counts the attempts, so that a request knows whether its connection was new.
    pub(super) dialled: Arc<AtomicUsize>,
    /// What came in vain, for all of them: at most one is in use.
    pub(super) vain: Vain,
}

impl Connector for Dialer {
    type Out = Socket;

    fn connect(&self, details: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<Socket>, Error> {
        self.dialled.fetch_add(1, Ordering::Relaxed);
        let addresses = self.names.resolve(&self.interrupt, self.limits.resolve)?;
        let start = Instant::now();
        let limit = self.limits.connect;
        let (system, interrupt) = (Arc::clone(&self.system), Arc::clone(&self.interrupt));
        let dial = move || first_that_answers(&addresses, limit, &*system, &interrupt);
        let stream = match self.interrupt.aside(limit, Timeout::Connect, dial)? {
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                return Err(Error::Timeout(Timeout::Connect));
            }
            result => result?,
        };
        let socket = Socket::new(stream, Watchdog::new(self.limits, start.elapsed(), self.vain.clone()))?;
        (details.register_shutdown)(socket.shutdown_handle())?;
        Ok(Some(socket))
    }
}

/// Tries one address after the other. Each gets half of the time that is left, the last one all of it.
fn first_that_answers(
    addresses: &[SocketAddr],
    limit: Duration,
    system: &dyn System,
    interrupt: &Interrupt,
) -> io::Result<TcpStream> {
    let start = Instant::now();
    let mut failure = io::Error::from(ErrorKind::TimedOut);
    for (index, address) in addresses.iter().enumerate() {
        if interrupt.is_raised() {
            break;
        }
        let left = limit.saturating_sub(start.elapsed());
        let share = if index + 1 == addresses.len() { left } else { left / 2 };
        match system.connect(*address, share.max(LEAST_PER_ADDRESS)) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer").finish_non_exhaustive()
    }
}

/// The resolver that ureq gets: it leaves the work to the [`Dialer`].
#[derive(Debug)]
pub(super) struct Later;

impl Resolver for Later {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let mut addresses = self.empty();
        addresses.push(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
        Ok(addresses)
    }
}
