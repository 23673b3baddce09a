//! What a commit changed of what the app sees.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::entity::EntityKey;
use super::object::Object;

/// What one commit changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeSet {
    /// Anything may be different: a first snapshot came, or the file was in other hands.
    pub everything: bool,
    /// The entities that are different, unless everything may be.
    pub entities: BTreeMap<EntityKey, Change>,
    /// Whether the queue is different: what waits, or what was rejected.
    pub queue: bool,
}

/// What became of one entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its data before; `None` where it was not visible.
    pub before: Option<Object>,
    /// Its data now; `None` where it is not visible.
    pub after: Option<Object>,
    /// Whether its marks, "pending" and "rejected", may be others.
    pub marks: bool,
}

impl ChangeSet {
    /// Anything may be different.
    pub fn everything() -> Self {
        Self { everything: true, entities: BTreeMap::new(), queue: true }
    }

    /// An entity was written. Of several writes the first state and the last count.
    pub fn entity(&mut self, key: &EntityKey, before: Option<Object>, after: Option<Object>, marks: bool) {
        match self.entities.entry(key.clone()) {
            Entry::Vacant(place) => drop(place.insert(Change { before, after, marks })),
            Entry::Occupied(mut place) => {
                let change = place.get_mut();
                change.after = after;
                change.marks |= marks;
            }
        }
    }

    /// Leaves out what is as it was.
    #[must_use]
    pub fn real(mut self) -> Self {
        self.entities.retain(|_, change| change.marks || change.before != change.after);
        self
    }

    /// Whether nothing is different.
    pub fn is_empty(&self) -> bool {
        !self.everything && !self.queue && self.entities.is_empty()
    }
}

impl Change {
    /// Whether the data is another one.
    pub fn of_data(&self) -> bool {
        self.before != self.after
    }
}
