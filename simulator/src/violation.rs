//! A promise that did not hold.

use std::fmt;

/// What is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// P3: a mutation has one effect at the server.
    ExactlyOnce,
    /// P3: mutations are applied in order, per entity and, on servers of ours, per client.
    Order,
    /// P4: once the world is well again, queues drain in time.
    Drains,
    /// P4: an outage rejects nothing.
    OutageRejects,
    /// P5: all clients end with exactly the rows of the server.
    Converges,
    /// P5: what is read never goes back to an older state of the server.
    Monotonic,
    /// P5: what a mutation did here is seen until it is settled or rejected.
    Optimistic,
    /// P5: a batch is there as a whole or not at all.
    AtomicBatch,
    /// The effects of one mutation are seen together.
    WholeMutations,
    /// What is hinted at on a socket that works is seen at once.
    HintsFollowed,
    /// Nothing that was acknowledged to the app is lost.
    NothingLost,
    /// Who hears what each commit changes knows what is there.
    Observed,
    /// What holds in the file of a client between any two transactions.
    Invariants,
    /// In the background nothing goes on for ever.
    QuietInBackground,
    /// The server's own tables say the same as what it was seen to do.
    ServerTables,
    /// A seed runs the same every time.
    Repeats,
    /// Nothing panics, and nothing fails that has no reason to.
    Sound,
}

impl Check {
    /// Its name in a sentence.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ExactlyOnce => "exactly once",
            Self::Order => "order",
            Self::Drains => "queues drain",
            Self::OutageRejects => "an outage rejects nothing",
            Self::Converges => "clients converge",
            Self::Monotonic => "reads are monotonic",
            Self::Optimistic => "no flicker",
            Self::AtomicBatch => "batches are atomic",
            Self::WholeMutations => "mutations are seen whole",
            Self::HintsFollowed => "hints are followed",
            Self::NothingLost => "nothing is lost",
            Self::Observed => "changes are told",
            Self::Invariants => "the file's invariants",
            Self::QuietInBackground => "quiet in the background",
            Self::ServerTables => "the server's tables",
            Self::Repeats => "runs repeat",
            Self::Sound => "soundness",
        }
    }
}

/// A promise that did not hold, and how.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Which.
    pub check: Check,
    /// What was seen instead.
    pub detail: String,
}

impl Violation {
    /// A violation of `check`.
    pub fn new(check: Check, detail: impl Into<String>) -> Self {
        Self { check, detail: detail.into() }
    }

    /// Something failed that has no reason to.
    pub fn unsound(what: &str, error: impl fmt::Display) -> Self {
        Self::new(Check::Sound, format!("{what}: {error}"))
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.check.name(), self.detail)
    }
}

/// What a part of a world gives: an error is the end of the seed.
pub type Checked<T = ()> = Result<T, Violation>;
