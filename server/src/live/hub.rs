//! Who wants hints of which scope.
//!
//! # Idea
//! A hint is no message but a mark in the mailbox of each subscriber: the newest cursor of the scope. Who is slow
//! finds it once, however often the scope has grown meanwhile.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mizu_sync_protocol::Cursor;

/// All subscriptions of a service.
#[derive(Default)]
pub(crate) struct Hub {
    topics: Mutex<HashMap<Arc<str>, Vec<Arc<Mailbox>>>>,
    mailboxes: AtomicUsize,
}

/// What waits for one subscriber.
pub(crate) struct Mailbox {
    hub: Arc<Hub>,
    scopes: Mutex<Scopes>,
    /// Called with no lock held, whenever something came into an empty mailbox.
    wake: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct Scopes {
    subscribed: HashMap<Arc<str>, Hint>,
    /// Those with a hint that was not taken, in the order in which they grew.
    waiting: VecDeque<Arc<str>>,
}

#[derive(Default)]
struct Hint {
    newest: Cursor,
    is_waiting: bool,
}

impl Hub {
    /// A mailbox without subscriptions.
    pub(crate) fn mailbox(self: &Arc<Self>, wake: impl Fn() + Send + Sync + 'static) -> Arc<Mailbox> {
        self.mailboxes.fetch_add(1, Ordering::Relaxed);
        Arc::new(Mailbox { hub: Arc::clone(self), scopes: Mutex::default(), wake: Box::new(wake) })
    }

    /// Tells everybody who wants to know. To be called after the commit.
    pub(crate) fn publish(&self, grown: &[(String, Cursor)]) {
        for (scope, cursor) in grown {
            let subscribers = self.topics().get(scope.as_str()).cloned().unwrap_or_default();
            for mailbox in subscribers {
                mailbox.put(scope, *cursor);
            }
        }
    }

    /// How many mailboxes there are.
    pub(crate) fn mailboxes(&self) -> usize {
        self.mailboxes.load(Ordering::Relaxed)
    }

    /// How many subscriptions there are.
    pub(crate) fn subscriptions(&self) -> usize {
        self.topics().values().map(Vec::len).sum()
    }

    fn remove(&self, scope: &str, mailbox: &Mailbox) {
        let mut topics = self.topics();
        if let Some(subscribers) = topics.get_mut(scope) {
            subscribers.retain(|other| !std::ptr::eq(Arc::as_ptr(other), mailbox));
            if subscribers.is_empty() {
                topics.remove(scope);
            }
        }
    }

    fn topics(&self) -> MutexGuard<'_, HashMap<Arc<str>, Vec<Arc<Mailbox>>>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mailbox {
    /// Wants hints of a scope from now on.
    pub(crate) fn subscribe(self: &Arc<Self>, scope: &str) {
        let scope: Arc<str> = scope.into();
        let is_new = {
            let mut scopes = self.scopes();
            let is_new = !scopes.subscribed.contains_key(&scope);
            // Who subscribes again has a hint that waits all the same.
            scopes.subscribed.entry(Arc::clone(&scope)).or_default();
            is_new
        };
        if is_new {
            self.hub.topics().entry(scope).or_default().push(Arc::clone(self));
        }
    }

    /// Wants no more of them.
    pub(crate) fn unsubscribe(&self, scope: &str) {
        let mut scopes = self.scopes();
        if scopes.subscribed.remove(scope).is_none() {
            return;
        }
        scopes.waiting.retain(|waiting| **waiting != *scope);
        drop(scopes);
        self.hub.remove(scope, self);
    }

    /// Wants nothing any more.
    pub(crate) fn close(&self) {
        let Scopes { subscribed, .. } = std::mem::take(&mut *self.scopes());
        for scope in subscribed.keys() {
            self.hub.remove(scope, self);
        }
        self.hub.mailboxes.fetch_sub(1, Ordering::Relaxed);
    }

    /// The hint that has waited longest, with the newest cursor of its scope.
    pub(crate) fn take(&self) -> Option<(Arc<str>, Cursor)> {
        let mut scopes = self.scopes();
        let scope = scopes.waiting.pop_front()?;
        let hint = scopes.subscribed.get_mut(&scope)?;
        hint.is_waiting = false;
        Some((scope, hint.newest))
    }

    fn put(&self, scope: &str, cursor: Cursor) {
        let mut scopes = self.scopes();
        let Scopes { subscribed, waiting } = &mut *scopes;
        let Some((scope, _)) = subscribed.get_key_value(scope) else { return };
        let scope = Arc::clone(scope);
        let Some(hint) = subscribed.get_mut(&scope) else { return };
        // Of two commits the later one may have been told first.
        if cursor <= hint.newest {
            return;
        }
        hint.newest = cursor;
        if std::mem::replace(&mut hint.is_waiting, true) {
            return;
        }
        let was_empty = waiting.is_empty();
        waiting.push_back(scope);
        drop(scopes);
        if was_empty {
            (self.wake)();
        }
    }

    fn scopes(&self) -> MutexGuard<'_, Scopes> {
        self.scopes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grown(scope: &str, cursor: u64) -> (String, Cursor) {
        (scope.to_owned(), Cursor::new(cursor).unwrap())
    }

    fn taken(mailbox: &Mailbox) -> Vec<(String, u64)> {
        std::iter::from_fn(|| mailbox.take())
            .map(|(scope, cursor)| (scope.to_string(), cursor.get()))
            .collect()
    }

    #[test]
    fn who_is_slow_finds_the_newest_cursor_of_each_scope_once() {
        let hub = Arc::new(Hub::default());
        let mailbox = hub.mailbox(|| ());
        mailbox.subscribe("a");
        mailbox.subscribe("b");
        hub.publish(&[grown("a", 1), grown("b", 2), grown("c", 3)]);
        hub.publish(&[grown("a", 9)]);
        hub.publish(&[grown("a", 7)]);
        assert_eq!(taken(&mailbox), [("a".to_owned(), 9), ("b".to_owned(), 2)]);
        hub.publish(&[grown("a", 8), grown("b", 10)]);
        assert_eq!(taken(&mailbox), [("b".to_owned(), 10)]);
    }

    #[test]
    fn a_mailbox_that_is_not_empty_is_not_woken_again() {
        let hub = Arc::new(Hub::default());
        let woken = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&woken);
        let mailbox = hub.mailbox(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        mailbox.subscribe("a");
        for cursor in 1..4 {
            hub.publish(&[grown("a", cursor)]);
        }
        assert_eq!(woken.load(Ordering::Relaxed), 1);
        taken(&mailbox);
        hub.publish(&[grown("a", 4)]);
        assert_eq!(woken.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn what_is_unsubscribed_or_closed_leaves_nothing_behind() {
        let hub = Arc::new(Hub::default());
        let mailbox = hub.mailbox(|| ());
        for scope in ["a", "a", "b"] {
            mailbox.subscribe(scope);
        }
        assert_eq!((hub.mailboxes(), hub.subscriptions()), (1, 2));
        hub.publish(&[grown("a", 1)]);
        mailbox.unsubscribe("a");
        mailbox.unsubscribe("a");
        hub.publish(&[grown("a", 2)]);
        assert_eq!((taken(&mailbox), hub.subscriptions()), (vec![], 1));
        mailbox.close();
        assert_eq!((hub.mailboxes(), hub.subscriptions()), (0, 0));
        assert!(hub.topics().is_empty());
    }
}
