//! What a transaction changes beside the file, and who hears of it once it is committed.

use std::sync::atomic::Ordering;

use super::Store;
use super::connections::lock;
use crate::model::{ChangeSet, Counts};

/// What one transaction changes.
#[derive(Debug, Default)]
pub struct Changed {
    /// By how much the number of pending mutations changes.
    pub pending: i64,
    /// By how much that of acked ones does.
    pub acked: i64,
    /// By how much that of rejected ones does.
    pub rejected: i64,
    /// What is seen of it.
    pub seen: ChangeSet,
}

/// Counts the commits that changed what is seen, from when the store was opened.
///
/// Of two states of the same data the one of the higher version is the newer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub(super) u64);

impl Version {
    /// It as a number, which grows.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// Hears what commits have changed, see [`Store::observe`].
pub type Observer = Box<dyn Fn(&Store, &ChangeSet) + Send + Sync>;

impl Store {
    /// Lets `observer` hear what each later commit changes: on the thread that commits, before its call returns, with
    /// no lock held. Commits of several threads may be heard in another order than they were made; what the store
    /// then shows has all of them. Only the first observer hears.
    pub fn observe(&self, observer: Observer) {
        // A second one is a mistake of this crate's, and harmless.
        drop(self.observer.set(observer));
    }

    /// The version of what is seen now. Read before the data, it is a lower bound of the data's version.
    pub fn version(&self) -> Version {
        Version(self.version.load(Ordering::SeqCst))
    }

    /// How many mutations are in which state.
    pub fn counts(&self) -> Counts {
        *lock(&self.counts)
    }

    /// Makes what belongs to a commit visible with it. Called while the right to write is held. Gives what is to be
    /// announced once it is not.
    #[must_use = "it has to be announced"]
    pub(super) fn committed(&self, changed: Changed) -> ChangeSet {
        let Changed { pending, acked, rejected, seen } = changed;
        {
            let mut counts = lock(&self.counts);
            counts.pending = counts.pending.saturating_add_signed(pending);
            counts.acked = counts.acked.saturating_add_signed(acked);
            counts.rejected = counts.rejected.saturating_add_signed(rejected);
        }
        let seen = seen.real();
        if !seen.is_empty() {
            self.version.fetch_add(1, Ordering::SeqCst);
        }
        seen
    }

    /// Tells the observer. Called with no lock held.
    pub(super) fn announce(&self, seen: &ChangeSet) {
        if !seen.is_empty()
            && let Some(observer) = self.observer.get()
        {
            observer(self, seen);
        }
    }

    pub(super) fn has_rejected(&self) -> bool {
        self.counts().rejected > 0
    }
}
