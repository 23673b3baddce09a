//! What a service takes from outside: the time and random numbers. A simulator brings its own, and a run of
//! it then depends on its seed alone.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// The time and random numbers.
pub trait Environment: Send + Sync {
    /// The time of day: when a change happened, when a token expires, what is old enough to be trimmed.
    fn now(&self) -> SystemTime;

    /// A random number, for the tag of a log row. Two servers must not draw the same sequence, nor may one
    /// server after a restart: else a database restored from a backup would go unnoticed.
    fn random(&self) -> u64;
}

/// The system's clock and randomness.
pub struct SystemEnvironment {
    key: RandomState,
    drawn: AtomicU64,
}

impl SystemEnvironment {
    /// With a key from the system's random source.
    #[must_use]
    pub fn new() -> Self {
        Self { key: RandomState::new(), drawn: AtomicU64::new(0) }
    }
}

impl Default for SystemEnvironment {
    fn default() -> Self {
        Self::new()
    }
}

impl Environment for SystemEnvironment {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    // A keyed hash of a counter: as unpredictable as the key, and no system call for each row of a batch.
    fn random(&self) -> u64 {
        self.key.hash_one(self.drawn.fetch_add(1, Ordering::Relaxed))
    }
}
