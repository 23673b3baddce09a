//! A TCP connection as ureq drives it, under a [`Watchdog`], below TLS: there every byte that really moves is
//! seen, before decryption and decompression.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use ureq::Error;
use ureq::unversioned::transport::{Buffers, LazyBuffers, NextTimeout, ShutdownHandle, Transport};

use super::watchdog::Watchdog;

/// Each connection has two buffers of this size, and under TLS two more. A head must fit in one.
pub(super) const BUFFER: usize = 32 * 1024;

/// A write that waits is tried again this often. The system wakes a writer only when a good part of its
/// buffer is free, which on a slow uplink may take longer than the watchdog has patience. Not on Windows,
/// where a socket must not be used any more after a timeout.
const WRITE_SLICE: Duration = if cfg!(windows) { Duration::MAX } else { Duration::from_secs(1) };

/// Until the first of them is set for a reason.
const FIRST_TIMEOUT: Duration = Duration::from_secs(1);

/// An open connection.
pub(super) struct Socket {
    /// Shared with the agent, weakly, so that it can shut it down while it is being read or written.
    stream: Arc<TcpStream>,
    buffers: LazyBuffers,
    watchdog: Watchdog,
}

impl Socket {
    /// Takes an open connection over.
    ///
    /// # Errors
    /// When the system refuses to configure it.
    pub(super) fn new(stream: TcpStream, watchdog: Watchdog) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        // Never without a timeout, also where a later call to set one fails (see `tolerant`).
        stream.set_read_timeout(Some(FIRST_TIMEOUT))?;
        stream.set_write_timeout(Some(FIRST_TIMEOUT))?;
        Ok(Self { stream: Arc::new(stream), buffers: LazyBuffers::new(BUFFER, BUFFER), watchdog })
    }

    /// What ends all its reads and writes, from any thread.
    pub(super) fn shutdown_handle(&self) -> Weak<dyn ShutdownHandle> {
        let stream: Arc<dyn ShutdownHandle> = self.stream.clone();
        Arc::downgrade(&stream)
    }
}

/// How long to wait now, at most, for something that is waited for since `start`.
fn patience(watchdog: &mut Watchdog, timeout: &NextTimeout, start: Instant) -> Result<Duration, Error> {
    watchdog.enter(timeout.reason);
    let left = watchdog.left().min(timeout.after.saturating_sub(start.elapsed()));
    if left.is_zero() { Err(Error::Timeout(timeout.reason)) } else { Ok(left) }
}

/// Some systems refuse to set a timeout once the peer is gone, although its last bytes can still be read. The
/// read or write that follows says what is the matter.
fn tolerant(set: io::Result<()>) -> io::Result<()> {
    match set {
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        result => result,
    }
}

/// Whether to look at the clock and try again. A timeout is `WouldBlock` on Unix and `TimedOut` on Windows; a
/// read with a timeout is not restarted after a signal.
fn again(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

impl Transport for Socket {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let mut stream = &*self.stream;
        let mut output = self.buffers.output().get(..amount).unwrap_or_default();
        let begin = Instant::now();
        while !output.is_empty() {
            let patience = patience(&mut self.watchdog, &timeout, begin)?;
            tolerant(stream.set_write_timeout(Some(patience.min(WRITE_SLICE))))?;
            let start = Instant::now();
            let written = stream.write(output);
            self.watchdog.waited(start.elapsed());
            match written {
                Ok(0) => return Err(io::Error::from(ErrorKind::WriteZero).into()),
                Ok(count) => {
                    self.watchdog.sent(count);
                    output = output.get(count..).unwrap_or_default();
                }
                Err(error) if again(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let mut stream = &*self.stream;
        let begin = Instant::now();
        loop {
            let patience = patience(&mut self.watchdog, &timeout, begin)?;
            tolerant(stream.set_read_timeout(Some(patience)))?;
            let start = Instant::now();
            let read = stream.read(self.buffers.input_append_buf());
            self.watchdog.waited(start.elapsed());
            match read {
                Ok(count) => {
                    self.watchdog.received(count)?;
                    self.buffers.input_appended(count);
                    return Ok(count > 0);
                }
                Err(error) if again(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Whether it can be used again: nothing has come that was not asked for, not even its end.
    fn is_open(&mut self) -> bool {
        let silent = |mut stream: &TcpStream| {
            stream.set_nonblocking(true)?;
            let read = stream.read(&mut [0]);
            stream.set_nonblocking(false)?;
            Ok::<_, io::Error>(matches!(read, Err(error) if error.kind() == ErrorKind::WouldBlock))
        };
        silent(&self.stream).unwrap_or(false)
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("peer", &self.stream.peer_addr().ok()).finish_non_exhaustive()
    }
}
