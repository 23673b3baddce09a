//! What happened in a world, line by line: hashed, so that two runs of a seed can be compared, and the last
//! lines kept, to be shown when something is violated.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};

use crate::schedule::Moment;

/// Lines that are kept.
const KEPT: usize = 80;

/// The lines of one world.
pub struct Trace {
    hash: Fnv,
    lines: VecDeque<String>,
    /// Whether each line is printed at once.
    verbose: bool,
}

impl Trace {
    /// An empty trace; printed while it is written, if `verbose`.
    #[must_use]
    pub fn new(verbose: bool) -> Self {
        Self { hash: Fnv::new(), lines: VecDeque::with_capacity(KEPT), verbose }
    }

    /// Adds a line.
    pub fn line(&mut self, now: Moment, text: fmt::Arguments<'_>) {
        // The buffer of the line that falls out is used again: a seed writes thousands.
        let mut line =
            if self.lines.len() == KEPT { self.lines.pop_front() } else { None }.unwrap_or_default();
        line.clear();
        // Writing to a string cannot fail.
        let _ = write!(line, "{:>14.6} {text}", now.as_secs_f64());
        if self.verbose {
            println!("{line}");
        }
        self.hash.add(line.as_bytes());
        self.lines.push_back(line);
    }

    /// The hash of all lines.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.hash.0
    }

    /// The last lines.
    #[must_use]
    pub fn into_lines(self) -> Vec<String> {
        self.lines.into()
    }
}

/// The FNV-1a hash: not for enemies, but the same on every machine.
#[derive(Clone, Copy, Debug)]
pub struct Fnv(pub u64);

impl Fnv {
    /// Of nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Adds bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// Of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> u64 {
        let mut hash = Self::new();
        hash.add(bytes);
        hash.0
    }
}

impl Default for Fnv {
    fn default() -> Self {
        Self::new()
    }
}
