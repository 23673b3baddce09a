//! The addresses of the server's host: looked up on a thread that can be left behind, and remembered.
//!
//! `getaddrinfo` may hang for half a minute when a network has gone. Nobody waits that long: a request waits
//! for at most a few seconds, an interrupted one not at all, and when an old answer is at hand it is better
//! than none. A lookup that hangs is not waited for by later requests either, as the network that they have
//! may be another one.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::interrupt::{Bell, Interrupt, locked};
use super::system::System;

/// A lookup younger than this is shared by whoever asks; beside an older one another is started.
const SHARED_FOR: Duration = Duration::from_secs(1);

/// At most this many lookups hang at a time. Beyond that, requests wait for the youngest.
const MOST_LOOKUPS: usize = 4;

/// Knows the addresses of one host.
pub(super) struct Names {
    host: String,
    port: u16,
    fresh_for: Duration,
    system: Arc<dyn System>,
    bell: Arc<Bell>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: Option<Known>,
    /// Lookups that have not returned, oldest first.
    pending: Vec<Lookup>,
    started: u64,
    /// What the last lookup that failed said.
    failure: String,
}

struct Known {
    addresses: Vec<SocketAddr>,
    since: Instant,
    doubted: bool,
}

#[derive(Clone, Copy)]
struct Lookup {
    number: u64,
    since: Instant,
}

impl Names {
    pub(super) fn new(
        host: &str,
        port: u16,
        fresh_for: Duration,
        system: Arc<dyn System>,
        bell: Arc<Bell>,
    ) -> Arc<Self> {
        let state = Mutex::default();
        Arc::new(Self { host: host.to_owned(), port, fresh_for, system, bell, state })
    }

    /// The addresses, in the order in which they should be tried; at least one.
    ///
    /// # Errors
    /// When there are none, also no old ones, after at most `limit`, or when interrupted.
    pub(super) fn resolve(
        self: &Arc<Self>,
        interrupt: &Interrupt,
        limit: Duration,
    ) -> Result<Vec<SocketAddr>, ureq::Error> {
        if let Ok(address) = self.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, self.port)]);
        }
        let number = {
            let mut state = locked(&self.state);
            if let Some(addresses) = state.fresh(self.fresh_for) {
                return Ok(addresses);
            }
            match state.pending.last() {
                Some(youngest)
                    if youngest.since.elapsed() < SHARED_FOR || state.pending.len() >= MOST_LOOKUPS =>
                {
                    youngest.number
                }
                _ => self.look_up(&mut state)?,
            }
        };
        let looked_up = interrupt.wait(limit, ureq::Timeout::Resolve, || {
            let state = locked(&self.state);
            // Another lookup than the one waited for may have brought the answer.
            let fresh = state.fresh(self.fresh_for).map(Ok);
            let failed =
                || (!state.is_pending(number)).then(|| Err(io::Error::other(&*state.failure).into()));
            fresh.or_else(failed)
        });
        match looked_up.and_then(|result| result) {
            Err(error) if !interrupt.is_raised() => {
                locked(&self.state).known.as_ref().map(|known| known.addresses.clone()).ok_or(error)
            }
            result => result,
        }
    }

    /// What is known may have led a request astray: the next one looks it up again.
    pub(super) fn doubt(&self) {
        if let Some(known) = &mut locked(&self.state).known {
            known.doubted = true;
        }
    }

    /// Starts a lookup and gives its number.
    fn look_up(self: &Arc<Self>, state: &mut State) -> io::Result<u64> {
        let number = state.started;
        let names = Arc::clone(self);
        thread::Builder::new().name("mizu-lookup".to_owned()).spawn(move || {
            let found = names.system.lookup(&names.host, names.port);
            locked(&names.state).finish(number, found);
            names.bell.ring();
        })?;
        state.started += 1;
        state.pending.push(Lookup { number, since: Instant::now() });
        Ok(number)
    }
}

impl State {
    fn fresh(&self, fresh_for: Duration) -> Option<Vec<SocketAddr>> {
        let known = self.known.as_ref()?;
        (!known.doubted && known.since.elapsed() < fresh_for).then(|| known.addresses.clone())
    }

    fn is_pending(&self, number: u64) -> bool {
        self.pending.iter().any(|lookup| lookup.number == number)
    }

    fn finish(&mut self, number: u64, found: io::Result<Vec<SocketAddr>>) {
        self.pending.retain(|lookup| lookup.number != number);
        match found {
            Ok(addresses) if addresses.is_empty() => "the name has no address".clone_into(&mut self.failure),
            Ok(addresses) => {
                let addresses = interleaved(&addresses);
                self.known = Some(Known { addresses, since: Instant::now(), doubted: false });
            }
            Err(error) => self.failure = error.to_string(),
        }
    }
}

/// The same addresses with the families taking turns, beginning with the one that the system prefers: where
/// one family does not work, the second attempt is one of the other.
fn interleaved(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let Some(first) = addresses.first() else { return Vec::new() };
    let (preferred, other): (Vec<_>, Vec<_>) =
        addresses.iter().copied().partition(|address: &SocketAddr| address.is_ipv4() == first.is_ipv4());
    let (mut preferred, mut other) = (preferred.into_iter(), other.into_iter());
    let mut turns = Vec::with_capacity(addresses.len());
    while turns.len() < addresses.len() {
        turns.extend(preferred.next());
        turns.extend(other.next());
    }
    turns
}
