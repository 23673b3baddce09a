//! Calls the app back, and runs the effects that commits have made due: in order, on a thread of its own, with no lock
//! held.
//!
//! # Idea
//! One thread a client, from the first thing that is to be told until the client is closed. What a session of the sync
//! tells ends with that session; what became of the data does not, for the app reads and writes without a sync, too.
//! Of the effects that one commit has made due, each is taken by itself: the one before may have closed or paused the
//! client.
//!
//! # Limits
//! What waits for a callback that does not return is small: of a rejected mutation its place in the queue, read from
//! the store when its turn comes; of effects each once. An app that is far behind is told only the newest of what is
//! told again and again.

use std::cell::Cell;
use std::collections::VecDeque;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use mizu_sync_protocol::Cursor;

use crate::error::{Error, Result};
use crate::model::RejectedMutation;
use crate::reactive::Due;
use crate::store::Store;
use crate::sync::Notice;

/// An app for which so much waits is behind.
const BEHIND: usize = 64;

/// Effects that write what makes effects run, in so many turns, do so without end.
const MOST_TURNS: u32 = 100;

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

/// What the thread does next.
enum Item {
    /// Tells the app, as long as the session of this number runs.
    Tell(u64, Told),
    /// Runs effects. `turn`: how many effects before it led to it, each by a write of its own.
    Run { due: Due, turn: u32 },
}

/// What waits, and how far it got.
#[derive(Default)]
struct Queue {
    /// In order, numbered as they came.
    waiting: VecDeque<(u64, Item)>,
    /// The number of the last that came.
    came: u64,
    /// That of the one that is being done.
    doing: Option<u64>,
    /// The session whose notices are told.
    session: Option<u64>,
    sessions: u64,
    thread: Option<ThreadId>,
    /// While the client is paused no effect runs: it could read nothing.
    held: bool,
    closed: bool,
}

impl Queue {
    fn next(&mut self) -> Option<Item> {
        let ready = match self.waiting.front()?.1 {
            Item::Tell(..) => true,
            Item::Run { .. } => !self.held,
        };
        let (number, item) = if ready { self.waiting.pop_front()? } else { return None };
        self.doing = Some(number);
        Some(item)
    }

    /// Whether everything up to this number is done.
    fn is_done(&self, number: u64) -> bool {
        let later = |other: u64| other > number;
        self.doing.is_none_or(later) && self.waiting.front().is_none_or(|(first, _)| later(*first))
    }

    fn add(&mut self, item: Item) {
        if self.waiting.len() >= BEHIND
            && let Item::Tell(session, told) = &item
        {
            self.waiting.retain(
                |(_, older)| !matches!(older, Item::Tell(of, older) if of == session && told.replaces(older)),
            );
        }
        self.came += 1;
        self.waiting.push_back((self.came, item));
    }
}

/// Hands notices and due effects to the app. A cheap handle.
#[derive(Clone)]
pub struct Dispatcher(Arc<Shared>);

struct Shared {
    callbacks: Callbacks,
    /// The store leads here by its observer.
    store: Weak<Store>,
    queue: Mutex<Queue>,
    /// Rings when something waits, when something is done, and at the end.
    changed: Condvar,
}

thread_local! {
    /// On a dispatcher's thread: the turn of the effects that run.
    static TURN: Cell<Option<u32>> = const { Cell::new(None) };
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dispatcher {
    pub fn new(callbacks: Callbacks, store: Weak<Store>) -> Self {
        let (queue, changed) = (Mutex::default(), Condvar::new());
        Self(Arc::new(Shared { callbacks, store, queue, changed }))
    }

    /// Begins a session: what is told through its notices is told for as long as it runs.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn begin_session(&self) -> Result<Notices> {
        let mut queue = self.0.queue();
        self.start(&mut queue)?;
        queue.sessions += 1;
        queue.session = Some(queue.sessions);
        Ok(Notices { dispatcher: self.clone(), session: queue.sessions })
    }

    /// Runs effects, soon.
    pub fn run(&self, due: Due) {
        if due.is_empty() {
            return;
        }
        let mut queue = self.0.queue();
        let here = queue.thread == Some(thread::current().id());
        let turn = if here { TURN.get().map_or(0, |turn| turn + 1) } else { 0 };
        if queue.closed {
            drop(queue);
            return drop(due);
        }
        if turn > MOST_TURNS {
            drop(queue);
            tracing::error!(
                "effects write what makes them run again, without end: they are not run before something else changes"
            );
            return drop(due);
        }
        if let Err(error) = self.start(&mut queue) {
            drop(queue);
            tracing::error!(%error, "effects cannot be run");
            return drop(due);
        }
        queue.add(Item::Run { due, turn });
        drop(queue);
        self.0.changed.notify_all();
    }

    /// Starts the thread, unless it runs.
    fn start(&self, queue: &mut Queue) -> Result<()> {
        if queue.thread.is_some() || queue.closed {
            return Ok(());
        }
        let shared = Arc::clone(&self.0);
        let spawned = thread::Builder::new().name("mizu-callbacks".to_owned()).spawn(move || shared.work());
        let thread = spawned.map_err(|error| Error::Thread { reason: error.to_string() })?;
        queue.thread = Some(thread.thread().id());
        Ok(())
    }

    /// No effect runs until [`Self::release`].
    pub fn hold(&self) {
        self.0.queue().held = true;
    }

    /// Effects run again.
    pub fn release(&self) {
        self.0.queue().held = false;
        self.0.changed.notify_all();
    }

    /// Nothing is told any more, for good. What runs is not waited for: it may be what closes.
    pub fn close(&self) {
        let mut queue = self.0.queue();
        queue.closed = true;
        let dropped = mem::take(&mut queue.waiting);
        drop(queue);
        self.0.changed.notify_all();
        dropped.into_iter().for_each(|(_, item)| item.forget());
    }

    /// Waits until everything that came before this call is done. Whether that came to pass.
    pub fn wait(&self, timeout: Duration) -> bool {
        let deadline = Instant::now().checked_add(timeout);
        let mut queue = self.0.queue();
        if queue.thread == Some(thread::current().id()) {
            // It would wait for itself.
            return queue.waiting.is_empty();
        }
        let goal = queue.came;
        while !queue.is_done(goal) && !queue.closed {
            queue = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => return false,
                Some(left) => {
                    self.0.changed.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.0.changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
            };
        }
        queue.is_done(goal)
    }
}

impl Item {
    fn forget(self) {
        if let Self::Run { due, .. } = self {
            drop(due);
        }
    }
}

/// What one session of the sync tells the app.
#[derive(Clone)]
pub struct Notices {
    dispatcher: Dispatcher,
    session: u64,
}

impl Notices {
    /// Tells the app, soon.
    pub fn notify(&self, notice: Notice) {
        self.tell(notice.into());
    }

    /// Tells the app of an error that is not the sync's.
    pub fn notify_error(&self, error: Error) {
        self.tell(Told::Error(Box::new(error)));
    }

    fn tell(&self, told: Told) {
        let shared = &self.dispatcher.0;
        let mut queue = shared.queue();
        if queue.session == Some(self.session) && !queue.closed {
            queue.add(Item::Tell(self.session, told));
            drop(queue);
            shared.changed.notify_all();
        }
    }

    /// From now on no callback of this session starts. One that runs is not waited for: it may be the one that stops.
    pub fn stop(&self) {
        let mut queue = self.dispatcher.0.queue();
        if queue.session == Some(self.session) {
            queue.session = None;
        }
    }
}

impl Shared {
    /// The thread's work.
    fn work(&self) {
        let mut queue = self.queue();
        while !queue.closed {
            // Taking the next orders this start against a stop. Nothing is locked while the app's code runs.
            let Some(item) = queue.next() else {
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let wanted = match &item {
                Item::Tell(session, _) => queue.session == Some(*session),
                Item::Run { .. } => true,
            };
            drop(queue);
            let rest = match item {
                Item::Tell(session, told) => {
                    if wanted {
                        self.tell(session, told);
                    }
                    None
                }
                Item::Run { due, turn } => run_next(due, turn),
            };
            queue = self.queue();
            let number = queue.doing.take();
            let Some((number, rest)) = number.zip(rest) else {
                self.changed.notify_all();
                continue;
            };
            if queue.closed {
                drop(queue);
                return rest.forget();
            }
            queue.waiting.push_front((number, rest));
        }
    }

    fn tell(&self, session: u64, told: Told) {
        match told {
            Told::Online => call(&self.callbacks.on_online, ()),
            Told::Offline => call(&self.callbacks.on_offline, ()),
            Told::Synced(cursor) => call(&self.callbacks.on_sync, cursor),
            Told::Error(error) => call(&self.callbacks.on_error, *error),
            Told::Rejected(seq) => self.tell_rejected(session, seq),
            Told::TokenNeeded => call(&self.callbacks.on_token_needed, ()),
        }
    }

    fn tell_rejected(&self, session: u64, seq: u64) {
        if self.callbacks.on_rejected.is_none() {
            return;
        }
        let Some(store) = self.store.upgrade() else { return };
        let found = store.rejected_at(seq);
        if self.queue().session != Some(session) {
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

/// Runs one effect, and gives the rest: it may have closed or paused the client.
fn run_next(mut due: Due, turn: u32) -> Option<Item> {
    TURN.set(Some(turn));
    due.run_next();
    TURN.set(None);
    (!due.is_empty()).then_some(Item::Run { due, turn })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

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
        let dispatcher = Dispatcher::new(callbacks, Arc::downgrade(&store));
        let notices = dispatcher.begin_session().unwrap();
        let cursor = |number| Notice::Synced(Cursor::new(number).unwrap());
        notices.notify(cursor(0));
        reached.recv_timeout(SOON).unwrap();
        for number in 1..=1000 {
            notices.notify(Notice::Online);
            notices
                .notify(Notice::Error(SyncError::LogKeepsChanging { url: "x".to_owned(), seconds: number }));
            notices.notify(cursor(number));
            notices.notify(Notice::Offline);
        }
        notices.notify(Notice::Error(SyncError::LogChanged));
        assert!(dispatcher.0.queue().waiting.len() <= BEHIND);
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
