//! Known bugs, each asleep until woken by name, to show that the tests of the project find them. None of this
//! is compiled without the feature `planted-bugs`.

use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, params};
use thiserror::Error;

use crate::database::{Outcome, Writer};

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

/// The outcomes that [`Bug::OutcomeInSecondTransaction`] has yet to store: lost if the process dies before the
/// next push.
#[derive(Default)]
pub(crate) struct LateOutcomes(Mutex<Vec<LateOutcome>>);

pub(crate) struct LateOutcome {
    pub(crate) scope: i64,
    pub(crate) mutation: String,
    pub(crate) outcome: Outcome,
    pub(crate) time: i64,
}

impl LateOutcomes {
    pub(crate) fn add(&self, outcome: LateOutcome) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
    }

    /// The second transaction.
    pub(crate) fn store(&self, writer: &mut Writer<'_>) -> rusqlite::Result<()> {
        let late = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if late.is_empty() {
            return Ok(());
        }
        let transaction = writer.begin()?;
        for LateOutcome { scope, mutation, outcome, time } in late {
            // A mutation that came twice in one batch has two.
            if Outcome::find(&transaction, scope, &mutation)?.is_none() {
                outcome.store(&transaction, scope, &mutation, time)?;
            }
        }
        transaction.commit()
    }
}

/// Widens the moment between a commit and its reply, for tests that kill the process.
pub(crate) fn dawdle() {
    thread::sleep(Duration::from_millis(5));
}

/// What [`Bug::ForgetfulDedupe`] does after a batch.
pub(crate) fn forget(connection: &Connection, scope: &str, mutation: &str) -> rusqlite::Result<()> {
    connection.execute(
        "DELETE FROM outcome WHERE scope = (SELECT id FROM scope WHERE name = ?) AND mutation = ? AND code IS NULL",
        params![scope, mutation],
    )?;
    Ok(())
}
