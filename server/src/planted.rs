//! Known bugs, each asleep until woken by name, to show that the tests of the project find them. None of this
//! is compiled without the feature `planted-bugs`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A known bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bug {
    /// The outcome of the last mutation of a batch is not stored if it is applied.
    ForgetfulDedupe,
    /// The header `Mizu-Log` is not looked at.
    DroppedTagCheck,
    /// Effects are committed first; their outcomes follow in the transaction of the next push.
    OutcomeInSecondTransaction,
    /// A page of changes ends in the middle of a mutation.
    SplitPage,
    /// An extended push goes on after a temporary failure.
    ApplyPastTemporary,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::ForgetfulDedupe,
        Self::DroppedTagCheck,
        Self::OutcomeInSecondTransaction,
        Self::SplitPage,
        Self::ApplyPastTemporary,
    ];

    /// The name by which it is woken.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ForgetfulDedupe => "forgetful-dedupe",
            Self::DroppedTagCheck => "dropped-tag-check",
            Self::OutcomeInSecondTransaction => "outcome-in-second-transaction",
            Self::SplitPage => "split-page",
            Self::ApplyPastTemporary => "apply-past-temporary",
        }
    }
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// No bug has this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no planted bug {0:?}")]
pub struct UnknownBug(String);

impl FromStr for Bug {
    type Err = UnknownBug;

    fn from_str(name: &str) -> Result<Self, UnknownBug> {
        Self::ALL.into_iter().find(|bug| bug.as_str() == name).ok_or_else(|| UnknownBug(name.to_owned()))
    }
}
