//! What of the data is watched, and by which sources: from what a commit has changed to the effects that are due.
//!
//! # Idea
//! Whoever reads an entity, a query or the queue inside of an effect or a computed value links to a source here. A commit
//! marks the sources of what it has changed, before its call returns: what is read then is the new data. The effects
//! that are due by it run on the dispatcher's thread.
//!
//! # Limits
//! Of a commit that changes many entities nobody asks which of them a query would show: the query looks for itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::model::{Change, ChangeSet, EntityKey, Filter};
use crate::reactive::{Origin, Source, WeakSource};
use crate::store::{Matched, Store};

/// Entities that a commit may change so that each is held against the queries.
const HELD_AGAINST: usize = 64;

/// The sources of one client's data.
pub struct Watches {
    /// Where their changes come from.
    pub origin: Origin,
    /// The status.
    pub status: Source,
    /// What waits to be sent, and what was rejected.
    pub queue: Source,
    watched: Mutex<Watched>,
}

#[derive(Default)]
struct Watched {
    entities: HashMap<EntityKey, WatchedEntity>,
    queries: HashMap<Arc<str>, Vec<Weak<WatchedQuery>>>,
    /// So many collections, and those of which nobody watches a query any more are looked for.
    sweep_at: usize,
}

#[derive(Default)]
struct WatchedEntity {
    data: Option<WeakSource>,
    row: Option<WeakSource>,
    copy: Option<WeakSource>,
}

impl WatchedEntity {
    fn of(&mut self, aspect: Aspect) -> &mut Option<WeakSource> {
        match aspect {
            Aspect::Data => &mut self.data,
            Aspect::Row => &mut self.row,
            #[cfg(feature = "ffi")]
            Aspect::Copy => &mut self.copy,
        }
    }

    const fn is_watched(&self) -> bool {
        self.data.is_some() || self.row.is_some() || self.copy.is_some()
    }
}

/// What of an entity is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aspect {
    /// Its data.
    Data,
    /// Its data and its marks.
    Row,
    /// Its data, for a copy that is kept outside of the graph.
    #[cfg(feature = "ffi")]
    Copy,
}

/// What of a query is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Its rows.
    Rows,
    /// Their number.
    Count,
}

/// A query that is watched.
pub struct WatchedQuery {
    filter: Option<Filter>,
    answer: Answer,
    /// What its answer depends on.
    pub source: Source,
}

/// The least number of collections among which those that nobody watches are looked for.
const SWEEP_LEAST: usize = 256;

impl Watches {
    pub fn new() -> Self {
        Self { origin: Origin::new(), status: Source::new(), queue: Source::new(), watched: Mutex::default() }
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The source of an entity. It is forgotten when nobody watches it any more.
    pub fn entity(self: &Arc<Self>, key: &EntityKey, aspect: Aspect) -> Source {
        let mut watched = self.watched();
        let place = watched.entities.entry(key.clone()).or_default().of(aspect);
        place.and_then(WeakSource::upgrade).unwrap_or_else(|| {
            let (watches, gone) = (Arc::downgrade(self), key.clone());
            let source = Source::new_with_drop_hook(move |source| {
                if let Some(watches) = watches.upgrade() {
                    watches.forget(&gone, aspect, source);
                }
            });
            *place = Some(source.downgrade());
            source
        })
    }

    fn forget(&self, key: &EntityKey, aspect: Aspect, source: WeakSource) {
        let mut watched = self.watched();
        let Some(entity) = watched.entities.get_mut(key) else { return };
        // Somebody else may watch it by now, through another source.
        entity.of(aspect).take_if(|known| *known == source);
        if !entity.is_watched() {
            watched.entities.remove(key);
        }
    }

    /// A new query to be watched.
    pub fn query(&self, collection: &Arc<str>, filter: Option<Filter>, answer: Answer) -> Arc<WatchedQuery> {
        let query = Arc::new(WatchedQuery { filter, answer, source: Source::new() });
        let mut watched = self.watched();
        if watched.queries.len() >= watched.sweep_at {
            watched.queries.retain(|_, queries| queries.iter().any(|query| query.strong_count() > 0));
            watched.sweep_at = (watched.queries.len() * 2).max(SWEEP_LEAST);
        }
        let queries = watched.queries.entry(Arc::clone(collection)).or_default();
        if queries.len() == queries.capacity() {
            queries.retain(|query| query.strong_count() > 0);
        }
        queries.push(Arc::downgrade(&query));
        query
    }

    /// The sources of the copies of what a commit has changed. They are known at once, while it takes time to find out which
    /// queries show something else: whoever reads the data meanwhile is not to find an older copy.
    pub fn copies(&self, seen: &ChangeSet) -> Vec<Source> {
        let watched = self.watched();
        let copy = |entity: &WatchedEntity| entity.copy.and_then(WeakSource::upgrade);
        if seen.everything {
            return watched.entities.values().filter_map(copy).collect();
        }
        if watched.entities.is_empty() {
            return Vec::new();
        }
        let changed = seen.entities.iter().filter(|(_, change)| change.of_data());
        changed.filter_map(|(key, _)| watched.entities.get(key).and_then(copy)).collect()
    }

    /// The sources of what a commit has changed, without the copies.
    pub fn changed(&self, seen: &ChangeSet, store: &Store) -> Vec<Source> {
        let mut changed = Vec::new();
        if seen.queue {
            changed.extend([self.status.clone(), self.queue.clone()]);
        }
        if seen.everything {
            self.all(&mut changed);
        } else if !seen.entities.is_empty() {
            self.entities(seen, &mut changed);
            self.queries(seen, store, &mut changed);
        }
        changed
    }

    fn all(&self, changed: &mut Vec<Source>) {
        let watched = self.watched();
        for entity in watched.entities.values() {
            changed.extend([entity.data, entity.row].into_iter().flatten().filter_map(WeakSource::upgrade));
        }
        let queries = watched.queries.values().flatten().filter_map(Weak::upgrade);
        changed.extend(queries.map(|query| query.source.clone()));
    }

    fn entities(&self, seen: &ChangeSet, changed: &mut Vec<Source>) {
        let watched = self.watched();
        if watched.entities.is_empty() {
            return;
        }
        for (key, change) in &seen.entities {
            let Some(entity) = watched.entities.get(key) else { continue };
            changed.extend(entity.row.and_then(WeakSource::upgrade));
            if change.of_data() {
                changed.extend(entity.data.and_then(WeakSource::upgrade));
            }
        }
    }

    fn queries(&self, seen: &ChangeSet, store: &Store, changed: &mut Vec<Source>) {
        let mut collections: Vec<(&str, Vec<&Change>)> = Vec::new();
        // They are ordered by their collections.
        for (key, change) in &seen.entities {
            match collections.last_mut() {
                Some((last, changes)) if *last == key.collection => changes.push(change),
                _ => collections.push((&key.collection, vec![change])),
            }
        }
        for (collection, changes) in collections {
            // Not while anything is locked: conditions are tested by SQLite.
            for query in self.queries_of(collection) {
                changed.extend(query.is_changed(&changes, store).then(|| query.source.clone()));
            }
        }
    }

    /// The queries of a collection that are watched. Those that are not any more are forgotten.
    fn queries_of(&self, collection: &str) -> Vec<Arc<WatchedQuery>> {
        let mut watched = self.watched();
        let Some(queries) = watched.queries.get_mut(collection) else { return Vec::new() };
        let living: Vec<Arc<WatchedQuery>> = queries.iter().filter_map(Weak::upgrade).collect();
        if living.len() < queries.len() {
            queries.retain(|query| query.strong_count() > 0);
        }
        if queries.is_empty() {
            watched.queries.remove(collection);
        }
        living
    }
}

impl WatchedQuery {
    /// Whether its answer may be another one after these changes.
    fn is_changed(&self, changes: &[&Change], store: &Store) -> bool {
        if changes.len() > HELD_AGAINST {
            return true;
        }
        changes.iter().any(|change| {
            let matched = match &self.filter {
                None => Matched { before: change.before.is_some(), after: change.after.is_some() },
                // What cannot be asked may be.
                Some(filter) => match store.matches(filter, change) {
                    Ok(matched) => matched,
                    Err(_) => return true,
                },
            };
            match self.answer {
                Answer::Rows => matched.before || matched.after,
                Answer::Count => matched.before != matched.after,
            }
        })
    }
}
