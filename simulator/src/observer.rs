//! Somebody who never reads the data, but hears what each commit changes: what he has put together from that must be
//! what is there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mizu_sync::simulation::{Change, ChangeSet, EntityKey, Object, Store};

use crate::violation::{Check, Checked, Violation};

/// The collections of the world.
const COLLECTIONS: [&str; 2] = ["account", "item"];

/// What somebody has heard of one store.
#[derive(Clone, Debug, Default)]
pub struct Observer(Arc<Mutex<Heard>>);

#[derive(Debug, Default)]
struct Heard {
    /// Each entity with its marks: pending, rejected. None where anything may be different.
    entities: Option<BTreeMap<EntityKey, Seen>>,
    /// Entities that were told of, so that their marks may be others than those known.
    marked: Vec<EntityKey>,
    /// The first thing that cannot be true.
    contradiction: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
struct Seen {
    data: Object,
    marks: (bool, bool),
}

impl Observer {
    /// Listens to a store from now on.
    #[must_use]
    pub fn of(store: &Store) -> Self {
        let observer = Self::default();
        let listener = observer.clone();
        store.observe(Box::new(move |_, seen| listener.heard().take(seen)));
        observer
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Compares what was heard with what is there.
    ///
    /// # Errors
    /// When something was not told, or was told that is not so.
    pub fn check(&self, device: usize, store: &Store) -> Checked {
        let mut rows = BTreeMap::new();
        for collection in COLLECTIONS {
            let all = store.all(collection).map_err(|error| Violation::unsound("reading", error))?;
            for row in all {
                let seen = Seen { data: row.data, marks: (row.pending, row.rejected) };
                rows.insert(EntityKey::new(collection, &row.id), seen);
            }
        }
        let mut heard = self.heard();
        let wrong =
            |detail: String| Err(Violation::new(Check::Observed, format!("device {device}: {detail}")));
        if let Some(contradiction) = heard.contradiction.take() {
            return wrong(contradiction);
        }
        if let Some(known) = &heard.entities {
            for key in known.keys().chain(rows.keys()) {
                let (told, is) = (known.get(key), rows.get(key));
                if told.map(|seen| &seen.data) != is.map(|seen| &seen.data) {
                    return wrong(format!("{key} is {is:?}, and {told:?} was told"));
                }
                let same = told.map(|seen| seen.marks) == is.map(|seen| seen.marks);
                if !same && !heard.marked.contains(key) {
                    return wrong(format!("the marks of {key} are others, and nobody was told"));
                }
            }
        }
        heard.marked.clear();
        heard.entities = Some(rows);
        Ok(())
    }
}

impl Heard {
    fn take(&mut self, seen: &ChangeSet) {
        if seen.everything {
            self.entities = None;
            self.marked.clear();
        }
        let Some(known) = &mut self.entities else { return };
        for (key, Change { before, after, marks }) in &seen.entities {
            if known.get(key).map(|seen| &seen.data) != before.as_ref() && self.contradiction.is_none() {
                let detail = format!("{key} was {:?}, and {before:?} was told", known.get(key));
                self.contradiction = Some(detail);
            }
            // Who hears of the data looks at the marks as well.
            if *marks || before != after {
                self.marked.push(key.clone());
            }
            match after {
                Some(data) => {
                    let marks = known.get(key).map_or((false, false), |seen| seen.marks);
                    known.insert(key.clone(), Seen { data: data.clone(), marks });
                }
                None => drop(known.remove(key)),
            }
        }
    }
}
