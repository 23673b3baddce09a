//! Calls the app back: in order, on a thread of its own, with no lock held.
//!
//! # Limits
//! What waits for a callback that does not return is small: of a rejected mutation its place in the queue, read from
//! the store when its turn comes. An app that is far behind is told only the newest of what is told again and again.

use std::collections::VecDeque;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use mizu_sync_protocol::Cursor;

use crate::error::{Error, Result};
use crate::model::RejectedMutation;
use crate::store::Store;
use crate::sync::Notice;

/// An app for which so much waits is behind.
const BEHIND: usize = 64;

type Callback<T> = Option<Box<dyn Fn(T) + Send + Sync>>;

/// What the app wants to be told.
#[derive(Default)]
pub struct Callbacks {
    pub on_sync: Callback<Cursor>,
    pub on_error: Callback<Error>,
    pub on_online: Callback<()>,
    pub on_offline: Callback<()>,
    pub on_rejected: Callback<RejectedMutation>,
    pub on_token_needed: Callback<()>,
}

fn call<T>(callback: &Callback<T>, argument: T) {
    let Some(callback) = callback else { return };
    if catch_unwind(AssertUnwindSafe(|| callback(argument))).is_err() {
        tracing::error!("a callback of the app panicked; the sync goes on");
    }
}

/// What waits to be told.
enum Told {
    Online,
    Offline,
    Synced(Cursor),
    Error(Box<Error>),
    /// The rejected mutation at this place, if it still is one then.
    Rejected(u64),
    TokenNeeded,
}

impl From<Notice> for Told {
    fn from(notice: Notice) -> Self {
        match notice {
            Notice::Online => Self::Online,
            Notice::Offline => Self::Offline,
            Notice::Synced(cursor) => Self::Synced(cursor),
            Notice::Error(error) => Self::Error(Box::new(Error::Sync(error))),
            Notice::Rejected(mutation) => Self::Rejected(mutation.seq),
            Notice::TokenNeeded => Self::TokenNeeded,
        }
    }
}

impl Told {
    /// Whether whoever hears of this need not hear of the older one any more.
    fn replaces(&self, older: &Self) -> bool {
        match (self, older) {
            (Self::Online | Self::Offline, Self::Online | Self::Offline)
            | (Self::Synced(_), Self::Synced(_))
            | (Self::TokenNeeded, Self::TokenNeeded) => true,
            (Self::Error(newer), Self::Error(older)) => match (&**newer, &**older) {
                (Error::Sync(newer), Error::Sync(older)) => {
                    mem::discriminant(newer) == mem::discriminant(older)
                }
                (newer, older) => newer == older,
            },
            _ => false,
        }
    }
}

/// Hands notices to the app's callbacks until it is stopped.
#[derive(Clone)]
pub struct Dispatcher {
    waiting: Arc<Waiting>,
    /// Says that something waits. The thread ends with the last of these.
    wake: SyncSender<()>,
}

/// What waits, in order; none once no callback may start any more.
struct Waiting(Mutex<Option<VecDeque<Told>>>);

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, Option<VecDeque<Told>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, told: Told) {
        let mut waiting = self.lock();
        let Some(waiting) = &mut *waiting else { return };
        if waiting.len() >= BEHIND {
            waiting.retain(|older| !told.replaces(older));
        }
        waiting.push_back(told);
    }

    fn next(&self) -> Option<Told> {
        self.lock().as_mut()?.pop_front()
    }

    fn is_open(&self) -> bool {
        self.lock().is_some()
    }
}

impl Dispatcher {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn start(callbacks: Arc<Callbacks>, store: Arc<Store>) -> Result<Self> {
        let (wake, woken) = mpsc::sync_channel(1);
        let waiting = Arc::new(Waiting(Mutex::new(Some(VecDeque::new()))));
        let teller = Teller { callbacks, store, waiting: Arc::clone(&waiting) };
        thread::Builder::new()
            .name("mizu-callbacks".to_owned())
            .spawn(move || teller.run(&woken))
            .map_err(|error| Error::Thread { reason: error.to_string() })?;
        Ok(Self { waiting, wake })
    }

    /// Tells the app, soon.
    pub fn notify(&self, notice: Notice) {
        self.tell(notice.into());
    }

    /// Tells the app of an error that is not the sync's.
    pub fn notify_error(&self, error: Error) {
        self.tell(Told::Error(Box::new(error)));
    }

    fn tell(&self, told: Told) {
        self.waiting.add(told);
        // Where it is full already, the thread will look.
        let _ = self.wake.try_send(());
    }

    /// From now on no callback starts. One that runs is not waited for: it may be the one that stops.
    pub fn stop(&self) {
        *self.waiting.lock() = None;
    }
}

/// The thread's part.
struct Teller {
    callbacks: Arc<Callbacks>,
    store: Arc<Store>,
    waiting: Arc<Waiting>,
}

impl Teller {
    fn run(&self, woken: &Receiver<()>) {
        while woken.recv().is_ok() {
            // Taking the next orders this start against a stop. Nothing is locked while the app's code runs.
            while let Some(told) = self.waiting.next() {
                self.tell(told);
            }
        }
    }

    fn tell(&self, told: Told) {
        match told {
            Told::Online => call(&self.callbacks.on_online, ()),
            Told::Offline => call(&self.callbacks.on_offline, ()),
            Told::Synced(cursor) => call(&self.callbacks.on_sync, cursor),
            Told::Error(error) => call(&self.callbacks.on_error, *error),
            Told::Rejected(seq) => self.tell_rejected(seq),
            Told::TokenNeeded => call(&self.callbacks.on_token_needed, ()),
        }
    }

    fn tell_rejected(&self, seq: u64) {
        if self.callbacks.on_rejected.is_none() {
            return;
        }
        let found = self.store.rejected_at(seq);
        if !self.waiting.is_open() {
            return;
        }
        match found {
            Ok(Some(mutation)) => call(&self.callbacks.on_rejected, mutation),
            // The app has decided about it already.
            Ok(None) => {}
            Err(error) => call(&self.callbacks.on_error, error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::store::{Durability, Location, Owner};
    use crate::sync::SyncError;

    const SOON: Duration = Duration::from_secs(60);

    #[test]
    fn an_app_that_is_far_behind_is_told_the_newest_in_order() {
        let owner = Owner { scope: "user:1".to_owned(), principal: None, client: "c".to_owned() };
        let store = Arc::new(Store::open(Location::Memory, owner, Durability::Relaxed).unwrap());
        let (tell, told) = mpsc::channel();
        let (reach, reached) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let released = Mutex::new(released);
        let says = |text: &str| {
            let (tell, text) = (tell.clone(), text.to_owned());
            move |()| tell.send(text.clone()).unwrap()
        };
        let (synced, failed) = (tell.clone(), tell.clone());
        let callbacks = Callbacks {
            on_online: Some(Box::new(says("online"))),
            on_offline: Some(Box::new(says("offline"))),
            on_sync: Some(Box::new(move |cursor| {
                synced.send(cursor.to_string()).unwrap();
                reach.send(()).unwrap();
                // Only the first waits.
                let _ = released.lock().unwrap().recv();
            })),
            on_error: Some(Box::new(move |error| failed.send(error.to_string()).unwrap())),
            on_rejected: None,
            on_token_needed: None,
        };
        let dispatcher = Dispatcher::start(Arc::new(callbacks), store).unwrap();
        let cursor = |number| Notice::Synced(Cursor::new(number).unwrap());
        dispatcher.notify(cursor(0));
        reached.recv_timeout(SOON).unwrap();
        for number in 1..=1000 {
            dispatcher.notify(Notice::Online);
            dispatcher
                .notify(Notice::Error(SyncError::LogKeepsChanging { url: "x".to_owned(), seconds: number }));
            dispatcher.notify(cursor(number));
            dispatcher.notify(Notice::Offline);
        }
        dispatcher.notify(Notice::Error(SyncError::LogChanged));
        assert!(dispatcher.waiting.lock().as_ref().unwrap().len() <= BEHIND);
        drop(release);
        let mut heard = Vec::new();
        while heard.last().is_none_or(|last: &String| !last.contains("reset or restored")) {
            heard.push(told.recv_timeout(SOON).unwrap());
        }
        let [.., error, synced, offline, _] = &*heard else { panic!("{heard:?}") };
        assert!(error.contains("in 1000 s"), "{heard:?}");
        assert_eq!((&**synced, &**offline), ("1000", "offline"), "{heard:?}");
        assert!(heard.len() < BEHIND, "{}", heard.len());
    }
}
