//! What the program prints.

use std::fmt;
use std::io::{BufWriter, StdoutLock, Write as _};

use serde::Serialize;

use crate::failure::{Failure, Result};
use crate::shown::Shown;

/// Tells the user something beside the output, on stderr.
pub fn tell(sentence: impl fmt::Display) {
    // There may be nobody to tell.
    let _ = writeln!(std::io::stderr(), "todo: {}", Shown(sentence));
}

/// Stdout. What was given to it is out when [`Output::flush`] has returned, which [`Output::line`] waits for.
pub struct Output(BufWriter<StdoutLock<'static>>);

impl Output {
    pub fn new() -> Self {
        Self(BufWriter::with_capacity(64 * 1024, std::io::stdout().lock()))
    }

    /// One line, out at once.
    pub fn line(&mut self, line: impl fmt::Display) -> Result {
        self.add(line)?;
        self.flush()
    }

    /// One line of several.
    pub fn add(&mut self, line: impl fmt::Display) -> Result {
        writeln!(self.0, "{line}").map_err(|error| Failure::output(&error))
    }

    /// A value as JSON, on a line of its own, out at once.
    pub fn json(&mut self, value: &impl Serialize) -> Result {
        serde_json::to_writer(&mut self.0, value).map_err(|error| Failure::output(&error.into()))?;
        self.line("")
    }

    /// One line of several, for a person: what others wrote in it cannot control the terminal.
    pub fn show(&mut self, line: impl fmt::Display) -> Result {
        self.add(Shown(line))
    }

    pub fn flush(&mut self) -> Result {
        self.0.flush().map_err(|error| Failure::output(&error))
    }
}
