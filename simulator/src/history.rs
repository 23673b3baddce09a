//! What the server has applied, in order. A restore from a backup takes it back to what the backup knew.

use std::collections::BTreeMap;

use mizu_sync::simulation::EntityKey;

use crate::ledger::{Fate, Ledger};
use crate::violation::{Check, Checked, Violation};

/// A mutation that the server has applied, with what it did.
#[derive(Clone, Debug)]
pub struct Applied {
    /// Its id.
    pub id: String,
    /// The entities that it wrote, with the mark that it left; none where it deleted.
    pub effects: Vec<(EntityKey, Option<u64>)>,
}

/// What the server has applied.
#[derive(Debug, Default)]
pub struct History {
    /// Counts the restores: what happened before one may be lost.
    pub epoch: u32,
    applied: Vec<Applied>,
    places: BTreeMap<String, usize>,
    marks: BTreeMap<u64, (usize, usize)>,
    deletions: BTreeMap<EntityKey, Vec<usize>>,
    /// Where the highest of each device's mutations stands in the ledger.
    highest: BTreeMap<usize, usize>,
}

impl History {
    /// How many mutations are applied.
    #[must_use]
    pub fn len(&self) -> usize {
        self.applied.len()
    }

    /// Whether this mutation is.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        self.places.contains_key(id)
    }

    /// Its place, and what it did, if it is applied.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<(usize, &Applied)> {
        let place = *self.places.get(id)?;
        Some((place, &self.applied[place]))
    }

    /// What is applied, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Applied> {
        self.applied.iter()
    }

    /// Adds what one request applied. `in_order`: whether the server stops at a failure.
    ///
    /// # Errors
    /// When something is applied twice, or overtakes what it must not.
    pub fn commit(&mut self, applied: Vec<Applied>, ledger: &mut Ledger, in_order: bool) -> Checked {
        for applied in applied {
            if self.has(&applied.id) {
                return Err(Violation::new(Check::ExactlyOnce, format!("{} was applied again", applied.id)));
            }
            if let Some(place) = ledger.place(&applied.id) {
                self.check_order(place, ledger, in_order)?;
            }
            if let Some(written) = ledger.by_id(&applied.id) {
                written.applied = true;
                written.effective |= !applied.effects.is_empty();
            }
            self.add(applied, ledger);
        }
        Ok(())
    }

    fn add(&mut self, applied: Applied, ledger: &Ledger) {
        let at = self.applied.len();
        self.places.insert(applied.id.clone(), at);
        for (key, mark) in &applied.effects {
            match mark {
                Some(mark) => self.marks.entry(*mark).or_insert((at, at)).1 = at,
                None => self.deletions.entry(key.clone()).or_default().push(at),
            }
        }
        if let Some(place) = ledger.place(&applied.id) {
            let highest = self.highest.entry(ledger.get(place).device).or_default();
            *highest = place.max(*highest);
        }
        self.applied.push(applied);
    }

    /// Nothing later of the same device may be applied already, unless there was a reason to go on without
    /// this one; and nothing later that touches the same entities in any case.
    fn check_order(&self, place: usize, ledger: &Ledger, in_order: bool) -> Checked {
        let mutation = ledger.get(place);
        let overtaken = self.highest.get(&mutation.device).is_some_and(|highest| *highest > place);
        // Otherwise the app has decided about it, or the client was done with it, while it was still on its way.
        if !overtaken || mutation.fate != Fate::Live {
            return Ok(());
        }
        let later = ledger.of(mutation.device).filter(|other| {
            ledger.place(&other.id) > Some(place)
                && self.has(&other.id)
                && !matches!(other.fate, Fate::Discarded | Fate::Rejected)
        });
        for other in later {
            if other.effects.iter().any(|(key, _)| mutation.touches(key)) {
                let detail = format!("{} was applied after {} on the same entity", mutation.id, other.id);
                return Err(Violation::new(Check::Order, detail));
            }
            if in_order && !ledger.was_delayed(place) {
                let detail =
                    format!("{} was applied after {}, though it never failed", mutation.id, other.id);
                return Err(Violation::new(Check::Order, detail));
            }
        }
        Ok(())
    }

    /// Forgets all but the first `length`: the server was restored from a backup of that moment.
    pub fn restore(&mut self, length: usize, ledger: &Ledger) {
        let kept: Vec<Applied> = self.applied.drain(..length).collect();
        *self = Self { epoch: self.epoch + 1, ..Self::default() };
        for applied in kept {
            self.add(applied, ledger);
        }
    }

    /// Where this mark was left first, and where last.
    #[must_use]
    pub fn mark(&self, mark: u64) -> Option<(usize, usize)> {
        self.marks.get(&mark).copied()
    }

    /// The first deletion of the entity at or after a place.
    #[must_use]
    pub fn deletion_from(&self, key: &EntityKey, place: usize) -> Option<usize> {
        self.deletions.get(key)?.iter().copied().find(|at| *at >= place)
    }
}
