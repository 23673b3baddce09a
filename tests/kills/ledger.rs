//! What was asked for, and what was promised.

use std::collections::{BTreeMap, BTreeSet};

/// The test's own books.
#[derive(Default)]
pub struct Ledger {
    /// Titles that a client was given, and its scope. They may have become todos.
    offered: BTreeMap<String, String>,
    /// Ids that a client has printed: these must be there.
    acknowledged: BTreeMap<String, Promise>,
    next: u64,
}

/// What must be at the server.
pub struct Promise {
    pub scope: String,
    pub title: String,
    /// Whether `todo done` has succeeded.
    pub done: bool,
}

impl Ledger {
    /// Titles that there never were before.
    pub fn titles(&mut self, scope: &str, count: usize) -> Vec<String> {
        let titles: Vec<String> = (self.next..).take(count).map(|number| format!("title {number}")).collect();
        self.next += count as u64;
        self.offered.extend(titles.iter().map(|title| (title.clone(), scope.to_owned())));
        titles
    }

    /// A client has printed `ids` for the first of `titles`.
    pub fn acknowledge(&mut self, scope: &str, titles: &[String], ids: &[String]) -> Result<(), String> {
        for (title, id) in titles.iter().zip(ids) {
            let promise = Promise { scope: scope.to_owned(), title: title.clone(), done: false };
            if self.acknowledged.insert(id.clone(), promise).is_some() {
                return Err(format!("the id {id} was given out twice"));
            }
        }
        Ok(())
    }

    /// `todo done` has succeeded.
    pub fn tick(&mut self, id: &str) {
        if let Some(promise) = self.acknowledged.get_mut(id) {
            promise.done = true;
        }
    }

    pub fn promises(&self) -> &BTreeMap<String, Promise> {
        &self.acknowledged
    }

    /// The promised todos that are ticked off.
    pub fn ticked(&self) -> BTreeSet<&str> {
        self.acknowledged.iter().filter(|(_, promise)| promise.done).map(|(id, _)| id.as_str()).collect()
    }

    /// Whether a client of this scope was ever given this title.
    pub fn was_offered(&self, scope: &str, title: &str) -> bool {
        self.offered.get(title).is_some_and(|offered| offered == scope)
    }
}
