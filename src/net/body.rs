//! The body of an answer, whose reads fail as its request would have.

use std::io::{self, Read};
use std::sync::Arc;

use ureq::{BodyReader, Error};

use super::TransportError;
use super::interrupt::Interrupt;
use super::watchdog::Vain;

/// Reads the body, decompressed.
pub(super) struct ResponseBody {
    url: String,
    reader: BodyReader<'static>,
    interrupt: Arc<Interrupt>,
    vain: Vain,
    /// Given again to whoever reads on: ureq's reader ends after an error as if the body were complete.
    failure: Option<TransportError>,
}

impl ResponseBody {
    pub(super) fn new(url: String, body: ureq::Body, interrupt: Arc<Interrupt>, vain: Vain) -> Self {
        Self { url, reader: body.into_reader(), interrupt, vain, failure: None }
    }
}

impl Read for ResponseBody {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone().into());
        }
        let read = self.reader.read(buffer);
        // Asked after the read, and whatever it gave: a connection that is shut down looks like one that has
        // ended, and what was left in the buffers is no longer wanted.
        let failure = match read {
            _ if self.interrupt.is_raised() => TransportError::Interrupted { url: self.url.clone() },
            Ok(count) => {
                self.vain.gave(count);
                return Ok(count);
            }
            Err(error) => TransportError::from_ureq(&self.url, Error::from(error)),
        };
        self.failure = Some(failure.clone());
        Err(failure.into())
    }
}
