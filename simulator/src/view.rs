//! What the app of one device has seen, and what it may see next.
//!
//! Every mutation leaves a mark of its own in the entities that it writes, so what is read tells whose work it
//! is: one of this device's own mutations on its way, or a place in the server's history.

use std::collections::BTreeMap;

use mizu_sync::simulation::{EntityKey, Store};
use serde::Deserialize;

use crate::history::History;
use crate::ledger::{Effect, Fate, Ledger};
use crate::violation::{Check, Checked, Violation};

/// What is in all accounts together.
pub const MONEY: i64 = 400;
/// The accounts.
pub const ACCOUNTS: usize = 4;

/// What the app of one device has seen.
#[derive(Debug, Default)]
pub struct View {
    /// Whether the server was restored since this device last heard of its log: what it shows may be of a
    /// history that is no more.
    pub of_another_history: bool,
    /// The epoch of the log that it has pulled from.
    pub epoch: u32,
    /// The newest place in the history of which each entity has shown the state.
    floors: BTreeMap<EntityKey, usize>,
}

/// What an entity must show because of mutations on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Mark(u64),
    /// The mark, unless the server has not got the entity.
    MarkOrNothing(u64),
    Nothing,
}

#[derive(Deserialize)]
struct Marked {
    rev: u64,
    /// Of an account.
    balance: Option<i64>,
}

impl View {
    /// A page of the log of `epoch` was applied.
    pub fn pulled(&mut self, epoch: u32, history: &History) {
        self.epoch = epoch;
        if self.of_another_history && epoch == history.epoch {
            self.of_another_history = false;
            self.floors.clear();
        }
    }

    /// A mutation of this device is settled: what it did has been seen all the time, and is the server's now.
    pub fn settled(&mut self, id: &str, history: &History) {
        let Some((place, applied)) = history.find(id).filter(|_| !self.of_another_history) else { return };
        for (key, _) in &applied.effects {
            let floor = self.floors.entry(key.clone()).or_default();
            *floor = place.max(*floor);
        }
    }

    /// Reads everything, and checks it.
    ///
    /// # Errors
    /// When it is not what it must be.
    pub fn look(&mut self, device: usize, store: &Store, ledger: &Ledger, history: &History) -> Checked {
        let Rows { marks: rows, accounts, money } = Rows::read(store)?;
        let expected = expected(device, ledger);
        for (key, expected) in &expected {
            let mark = rows.get(key).copied();
            let right = match *expected {
                Expected::Mark(rev) => mark == Some(rev),
                Expected::MarkOrNothing(rev) => mark.is_none_or(|mark| mark == rev),
                Expected::Nothing => mark.is_none(),
            };
            if !right {
                let detail = format!("{key} on device {device} shows {mark:?} instead of {expected:?}");
                return Err(Violation::new(Check::Optimistic, detail));
            }
        }
        if !self.of_another_history {
            self.check_floors(device, &rows, &expected, history)?;
        }
        let busy = expected.keys().any(|key| key.collection == "account");
        // A transfer changes two accounts, and is seen whole: what is in them together never changes.
        if !busy && accounts == ACCOUNTS && money != MONEY {
            let detail = format!("the accounts on device {device} hold {money} together");
            return Err(Violation::new(Check::WholeMutations, detail));
        }
        Ok(())
    }

    fn check_floors(
        &mut self,
        device: usize,
        rows: &BTreeMap<EntityKey, u64>,
        expected: &BTreeMap<EntityKey, Expected>,
        history: &History,
    ) -> Checked {
        for (key, floor) in &mut self.floors {
            if rows.contains_key(key) || expected.contains_key(key) {
                continue;
            }
            let Some(deleted) = history.deletion_from(key, *floor) else {
                let detail = format!(
                    "{key} on device {device} has vanished, and nobody deleted it after place {floor}"
                );
                return Err(Violation::new(Check::Monotonic, detail));
            };
            *floor = deleted;
        }
        for (key, mark) in rows.iter().filter(|(key, _)| !expected.contains_key(key)) {
            let Some((first, last)) = history.mark(*mark) else {
                let detail =
                    format!("{key} on device {device} shows {mark}, which the server has not applied");
                return Err(Violation::new(Check::Monotonic, detail));
            };
            let floor = self.floors.entry(key.clone()).or_default();
            if last < *floor {
                let detail = format!(
                    "{key} on device {device} shows {mark} of place {last} after it had shown place {floor}"
                );
                return Err(Violation::new(Check::Monotonic, detail));
            }
            *floor = first.max(*floor);
        }
        Ok(())
    }
}

/// What each entity must show, by the mutations of the device that are on their way.
fn expected(device: usize, ledger: &Ledger) -> BTreeMap<EntityKey, Expected> {
    let mut expected: BTreeMap<EntityKey, Expected> = BTreeMap::new();
    for written in ledger.of(device).filter(|written| written.fate == Fate::Live) {
        for (key, effect) in &written.effects {
            let now = match (effect, expected.get(key)) {
                (Effect::Creates, _) | (Effect::Changes, Some(Expected::Mark(_))) => {
                    Expected::Mark(written.rev)
                }
                (Effect::Changes, None | Some(Expected::MarkOrNothing(_))) => {
                    Expected::MarkOrNothing(written.rev)
                }
                (Effect::Deletes, _) | (Effect::Changes, Some(Expected::Nothing)) => Expected::Nothing,
            };
            expected.insert(key.clone(), now);
        }
    }
    expected
}

/// What a device shows.
#[derive(Default)]
struct Rows {
    /// The mark of each entity.
    marks: BTreeMap<EntityKey, u64>,
    /// How many accounts there are, and what is in them together.
    accounts: usize,
    money: i64,
}

impl Rows {
    fn read(store: &Store) -> Checked<Self> {
        let mut rows = Self::default();
        for collection in ["account", "item"] {
            let all = store.all(collection).map_err(|error| Violation::unsound("reading", error))?;
            for row in all {
                let marked: Marked = serde_json::from_str(row.data.as_str())
                    .map_err(|error| Violation::unsound("an entity without a mark", error))?;
                rows.marks.insert(EntityKey::new(collection, &row.id), marked.rev);
                if let Some(balance) = marked.balance {
                    rows.accounts += 1;
                    rows.money += balance;
                }
            }
        }
        Ok(rows)
    }
}
