//! What the apps were told is saved, and what became of it: the other side of every promise about writes.

use std::collections::BTreeSet;

use mizu_sync::simulation::EntityKey;

use crate::mutator::Poison;

/// What a mutation is expected to do to one entity on its own device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The entity is there afterwards.
    Creates,
    /// Its fields change, if it is there.
    Changes,
    /// It is gone afterwards.
    Deletes,
}

/// What became of a mutation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// In the queue.
    Live,
    /// Confirmed by a pull from the server of this epoch, and gone from the queue.
    Settled {
        /// See [`crate::history::History::epoch`].
        epoch: u32,
    },
    /// Refused, and shown to the app.
    Rejected,
    /// The app dropped it, or put another one in its place.
    Discarded,
}

/// Why a mutation may fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// Only if it contradicts what is stored.
    Good,
    /// Something is always wrong with it.
    Poison(Poison),
    /// It is always refused.
    Refused,
}

/// One mutation that an app was told is saved.
#[derive(Clone, Debug)]
pub struct Written {
    /// The device whose app made it.
    pub device: usize,
    /// Its id on the wire.
    pub id: String,
    /// The mark that it leaves in the field `rev` of every entity that it writes. Nobody else leaves the same.
    pub rev: u64,
    /// The entities that it is known to touch, with what it does to them.
    pub effects: Vec<(EntityKey, Effect)>,
    /// Whether it will fail.
    pub nature: Nature,
    /// What became of it.
    pub fate: Fate,
    /// Whether the server ever failed it for now. Others may overtake it then.
    pub failed: bool,
    /// Whether the server ever applied it, in whatever epoch.
    pub applied: bool,
    /// Whether it changed anything there: to delete what is not there does not.
    pub effective: bool,
}

impl Written {
    /// How it is poison, if it is.
    #[must_use]
    pub fn poison(&self) -> Option<Poison> {
        match self.nature {
            Nature::Poison(poison) => Some(poison),
            Nature::Good | Nature::Refused => None,
        }
    }

    /// Whether it is known to touch this entity.
    #[must_use]
    pub fn touches(&self, key: &EntityKey) -> bool {
        self.effects.iter().any(|(touched, _)| touched == key)
    }

    fn shares_an_entity_with(&self, other: &Self) -> bool {
        self.effects.iter().any(|(key, _)| other.touches(key))
    }
}

/// All mutations of a world, in the order in which they were made; each is known by its place here.
#[derive(Debug, Default)]
pub struct Ledger {
    written: Vec<Written>,
}

impl Ledger {
    /// The id that the next mutation shall have, the `ahead`-th after this one.
    #[must_use]
    pub fn id_ahead(&self, ahead: usize) -> String {
        format!("m{}", self.written.len() + ahead)
    }

    /// The mark of the same mutation.
    #[must_use]
    pub fn rev_ahead(&self, ahead: usize) -> u64 {
        (self.written.len() + ahead) as u64 + 1
    }

    /// Remembers that a mutation is saved.
    pub fn add(&mut self, written: Written) {
        self.written.push(written);
    }

    /// The place of the mutation with this id, unless it is none of an app's.
    #[must_use]
    pub fn place(&self, id: &str) -> Option<usize> {
        let place = id.strip_prefix('m')?.parse().ok()?;
        (place < self.written.len()).then_some(place)
    }

    /// The mutation at this place.
    #[must_use]
    pub fn get(&self, place: usize) -> &Written {
        &self.written[place]
    }

    /// The mutation with this id.
    pub fn by_id(&mut self, id: &str) -> Option<&mut Written> {
        let place = self.place(id)?;
        self.written.get_mut(place)
    }

    /// Those of one device, in order, to be changed.
    pub fn of_mut(&mut self, device: usize) -> impl Iterator<Item = &mut Written> {
        self.written.iter_mut().filter(move |written| written.device == device)
    }

    /// Those of one device, in order.
    pub fn of(&self, device: usize) -> impl Iterator<Item = &Written> + Clone {
        self.written.iter().filter(move |written| written.device == device)
    }

    /// Those of a device's queue that wait for one that `stops`: those themselves, and whatever shares an
    /// entity with an earlier one that waits.
    #[must_use]
    pub fn held_up(&self, device: usize, stops: impl Fn(&Written) -> bool) -> BTreeSet<&str> {
        let mut waiting: Vec<&Written> = Vec::new();
        for written in self.of(device).filter(|written| written.fate == Fate::Live) {
            if stops(written) || waiting.iter().any(|earlier| earlier.shares_an_entity_with(written)) {
                waiting.push(written);
            }
        }
        waiting.into_iter().map(|written| written.id.as_str()).collect()
    }

    /// Whether the mutation at this place had a reason to be applied after later ones of its device: it failed
    /// once, or it had to wait for one that did.
    #[must_use]
    pub fn was_delayed(&self, place: usize) -> bool {
        let mut delayed: Vec<&Written> = Vec::new();
        let device = self.written[place].device;
        for written in self.written[..=place].iter().filter(|written| written.device == device) {
            if written.failed || delayed.iter().any(|earlier| earlier.shares_an_entity_with(written)) {
                delayed.push(written);
            }
        }
        delayed.last().is_some_and(|last| last.id == self.written[place].id)
    }
}
