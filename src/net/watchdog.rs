//! How long a request may wait for its socket, and how much may come that is of no use.
//!
//! A transfer lives as long as each next 4 KiB come within ten seconds of waiting, however long it takes as a
//! whole: a slow network finishes a large snapshot, and a peer that sends a byte now and then does not hold a
//! request for ever. Only waiting counts, not the time in which the caller digests what has come.
//!
//! The head of an answer is waited for ten seconds, and longer after a large request: a request counts as
//! sent when the system has taken the last of it, which may be far ahead of a slow uplink.
//!
//! A peer that never lets wait can still hold a request for ever, with what never becomes a byte of the answer:
//! empty blocks of compression, trailers, heads that announce another head. Those who bound an answer count what
//! they read of it, so this is bounded here, where every byte is seen.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ureq::Timeout;

/// The most that a system is thought to hold of a request that it has taken but not sent.
const HELD_BY_SYSTEM: usize = 256 * 1024;

/// How long requests may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// For the addresses of the host.
    pub(crate) resolve: Duration,
    /// For a connection, TLS included.
    pub(crate) connect: Duration,
    /// For the whole head of the answer, once the request has left.
    pub(crate) head: Duration,
    /// The bytes a second at which a request is thought to leave, at least.
    pub(crate) uplink: usize,
    /// For each next `least` bytes of a request or of an answer's body.
    pub(crate) window: Duration,
    /// See `window`. In bytes.
    pub(crate) least: usize,
    /// How much of an answer may come without any of its content. In bytes.
    pub(crate) vain: usize,
    /// How long addresses are used without looking them up again.
    pub(crate) addresses: Duration,
    /// A live socket that has heard nothing for so long asks whether the peer is there.
    pub(crate) ping: Duration,
    /// A live socket that has heard nothing for so long is dead.
    pub(crate) silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            resolve: Duration::from_secs(5),
            connect: Duration::from_secs(5),
            head: Duration::from_secs(10),
            uplink: 8 * 1024,
            window: Duration::from_secs(10),
            least: 4 * 1024,
            vain: 1024 * 1024,
            addresses: Duration::from_secs(60),
            ping: Duration::from_secs(30),
            silence: Duration::from_secs(60),
        }
    }
}

impl Limits {
    /// For a live socket, on which nothing may come for long. Once it is open it watches over itself.
    pub(super) fn for_live(self) -> Self {
        Self { window: NEVER, vain: usize::MAX, ..self }
    }
}

const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

/// As many bytes on the wire may become one of the content: framing and encryption of the smallest of chunks.
const WORTH: usize = 128;

/// Counts what came in vain, for the request under way in one session: the socket sees what comes, whoever reads
/// the body what becomes of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Vain(Arc<AtomicUsize>);

impl Vain {
    /// Bytes were read from a body, after decompression.
    pub(super) fn gave(&self, bytes: usize) {
        // One thread makes the requests of a session and reads their answers.
        let left = self.0.load(Ordering::Relaxed).saturating_sub(bytes.saturating_mul(WORTH));
        self.0.store(left, Ordering::Relaxed);
    }

    fn begin(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// How many there are, with these.
    fn came(&self, bytes: usize) -> usize {
        let before = self.0.fetch_add(bytes, Ordering::Relaxed);
        before.saturating_add(bytes)
    }
}

/// Counts what one socket moves and how long it is waited for, through one request after another.
///
/// Phases are named by ureq's [`Timeout`]: `Connect` (the TLS handshake), `SendRequest` and `SendBody`,
/// `RecvResponse` (the head), `RecvBody`.
#[derive(Debug)]
pub(super) struct Watchdog {
    limits: Limits,
    phase: Timeout,
    /// Waited so far: for the head in all, else since the last `least` bytes were complete.
    waited: Duration,
    /// Bytes moved in that time.
    moved: usize,
    /// Bytes of the current request that the system has taken.
    sent: usize,
    vain: Vain,
}

impl Watchdog {
    /// Watches a new socket, of which `waited` of the time for connecting is already spent.
    pub(super) fn new(limits: Limits, waited: Duration, vain: Vain) -> Self {
        // What came in vain on the connection before this one is not this one's: its handshake is no answer.
        vain.begin();
        Self { limits, phase: Timeout::Connect, waited, moved: 0, sent: 0, vain }
    }

    /// Called before each wait with the phase that it belongs to.
    pub(super) fn enter(&mut self, phase: Timeout) {
        if self.phase == phase {
            return;
        }
        if phase == Timeout::SendRequest {
            self.sent = 0;
            self.vain.begin();
        }
        self.phase = phase;
        self.waited = Duration::ZERO;
        self.moved = 0;
    }

    /// How much longer may be waited. Zero: the peer is dead.
    pub(super) fn left(&self) -> Duration {
        let limit = match self.phase {
            Timeout::Connect => self.limits.connect,
            Timeout::RecvResponse => {
                let held = self.sent.min(HELD_BY_SYSTEM);
                self.limits.head + Duration::from_secs((held / self.limits.uplink.max(1)) as u64)
            }
            _ => self.limits.window,
        };
        limit.saturating_sub(self.waited)
    }

    /// Called after each wait.
    pub(super) fn waited(&mut self, duration: Duration) {
        self.waited += duration;
    }

    /// The system took bytes from us.
    pub(super) fn sent(&mut self, bytes: usize) {
        if matches!(self.phase, Timeout::SendRequest | Timeout::SendBody) {
            self.sent += bytes;
            self.moved(bytes);
        }
    }

    /// The peer's bytes came.
    ///
    /// # Errors
    /// When too many have come in vain.
    pub(super) fn received(&mut self, bytes: usize) -> io::Result<()> {
        if self.phase == Timeout::RecvBody {
            self.moved(bytes);
        }
        if self.vain.came(bytes) > self.limits.vain {
            return Err(io::Error::other("it goes on and on without any content"));
        }
        Ok(())
    }

    fn moved(&mut self, bytes: usize) {
        self.moved += bytes;
        if self.moved >= self.limits.least {
            self.waited = Duration::ZERO;
            self.moved = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn watchdog(phase: Timeout) -> Watchdog {
        let mut watchdog = Watchdog::new(Limits::default(), Duration::ZERO, Vain::default());
        watchdog.enter(phase);
        watchdog
    }

    #[test]
    fn each_next_four_kibibytes_have_ten_seconds_of_waiting() {
        let mut body = watchdog(Timeout::RecvBody);
        for _ in 0..100 {
            body.waited(9 * SECOND);
            body.received(4096).unwrap();
            assert_eq!(body.left(), 10 * SECOND);
        }
        body.waited(9 * SECOND);
        body.received(4095).unwrap();
        assert_eq!(body.left(), SECOND);
        body.waited(SECOND);
        assert!(body.left().is_zero());
    }

    #[test]
    fn an_upload_is_held_to_the_same_rate() {
        let mut upload = watchdog(Timeout::SendBody);
        upload.waited(9 * SECOND);
        upload.sent(100);
        assert_eq!(upload.left(), SECOND);
        upload.sent(4000);
        assert_eq!(upload.left(), 10 * SECOND);
    }

    #[test]
    fn only_the_direction_that_is_waited_for_counts() {
        let mut body = watchdog(Timeout::RecvBody);
        body.waited(9 * SECOND);
        body.sent(100_000);
        assert_eq!(body.left(), SECOND);
        let mut upload = watchdog(Timeout::SendBody);
        upload.waited(9 * SECOND);
        upload.received(100_000).unwrap();
        assert_eq!(upload.left(), SECOND);
    }

    #[test]
    fn the_head_is_waited_for_in_all_and_longer_after_a_large_request() {
        let mut small = watchdog(Timeout::SendRequest);
        small.sent(300);
        small.enter(Timeout::RecvResponse);
        small.waited(4 * SECOND);
        small.received(8192).unwrap();
        small.enter(Timeout::RecvResponse);
        assert_eq!(small.left(), 6 * SECOND);

        for (bytes, seconds) in [(64 * 1024, 18), (900 * 1024, 42)] {
            let mut large = watchdog(Timeout::SendRequest);
            large.enter(Timeout::SendBody);
            large.sent(bytes);
            large.enter(Timeout::RecvResponse);
            assert_eq!(large.left(), seconds * SECOND);
            large.enter(Timeout::SendRequest);
            large.enter(Timeout::RecvResponse);
            assert_eq!(large.left(), 10 * SECOND, "the next request begins anew");
        }
    }

    #[test]
    fn time_spent_on_connecting_counts_for_the_handshake_only() {
        let mut watchdog = Watchdog::new(Limits::default(), 3 * SECOND, Vain::default());
        watchdog.enter(Timeout::Connect);
        assert_eq!(watchdog.left(), 2 * SECOND);
        watchdog.enter(Timeout::SendRequest);
        assert_eq!(watchdog.left(), 10 * SECOND);
    }

    #[test]
    fn what_comes_in_vain_is_bounded_and_content_makes_up_for_it() {
        let vain = Vain::default();
        let mut watchdog = Watchdog::new(Limits::default(), Duration::ZERO, vain.clone());
        for phase in [Timeout::RecvResponse, Timeout::RecvBody] {
            watchdog.enter(Timeout::SendRequest);
            watchdog.enter(phase);
            watchdog.received(1024 * 1024).unwrap();
            vain.gave(100);
            watchdog.received(12_800).unwrap();
            assert!(watchdog.received(1).is_err(), "{phase:?}");
        }
    }

    #[test]
    fn the_handshake_of_a_new_connection_does_not_pay_for_the_connection_before_it() {
        let vain = Vain::default();
        let limits = Limits::default();
        let mut before = Watchdog::new(limits, Duration::ZERO, vain.clone());
        before.enter(Timeout::RecvBody);
        before.received(limits.vain + 1).unwrap_err();
        Watchdog::new(limits, Duration::ZERO, vain).received(1).unwrap();
    }
}
