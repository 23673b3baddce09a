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
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use super::callbacks::{Callback, Callbacks, Told, called};
use super::log::{LogLevel, LogLine};
use crate::error::{Error, Result};
use crate::reactive::Due;
use crate::store::Store;
use crate::sync::Notice;

/// An app for which so much waits is behind.
const BEHIND: usize = 64;

/// Effects that write what makes effects run, in so many turns, do so without end.
const MOST_TURNS: u32 = 100;

/// What the thread does next.
enum Item {
    /// Tells the app, as long as the session of this number runs.
    Tell(u64, Told),
    /// Tells whoever keeps a log.
    Log(LogLine),
    /// Runs effects. `turn`: how many effects before it led to it, each by a write of its own.
    Run { due: Due, turn: u32 },
    /// Tells somebody that everything before it is done.
    #[cfg(feature = "ffi")]
    Reached(Box<dyn FnOnce() + Send>),
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
            Item::Tell(..) | Item::Log(_) => true,
            Item::Run { .. } => !self.held,
            #[cfg(feature = "ffi")]
            Item::Reached(_) => true,
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
    /// Whether anything was changed in it.
    static CHANGED: Cell<bool> = const { Cell::new(false) };
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

    /// Runs effects that a change has made due, soon.
    pub fn run(&self, due: Due) {
        CHANGED.set(true);
        self.enqueue(due);
    }

    /// Runs effects, soon, that were running or not known to be due when their turn came.
    pub fn run_again(&self, due: Due) {
        self.enqueue(due);
    }

    fn enqueue(&self, due: Due) {
        if due.is_empty() {
            return;
        }
        let mut queue = self.0.queue();
        let here = queue.thread == Some(thread::current().id());
        // An effect that has changed nothing may be overtaken as often as others like.
        let turn = if here { TURN.get().map_or(0, |turn| turn + u32::from(CHANGED.get())) } else { 0 };
        if queue.closed {
            drop(queue);
            return drop(due);
        }
        if turn > MOST_TURNS {
            drop(queue);
            let text = "effects write what makes them run again, without end: they are not run before something else \
                        changes";
            self.log(LogLine::new(LogLevel::Error, "data", text));
            return drop(due);
        }
        if let Err(error) = self.start(&mut queue) {
            drop(queue);
            self.log(LogLine::new(LogLevel::Error, "data", format_args!("effects cannot be run: {error}")));
            return drop(due);
        }
        queue.add(Item::Run { due, turn });
        drop(queue);
        self.0.changed.notify_all();
    }

    /// Says it to the developers, and to the app if it keeps a log.
    pub fn log(&self, line: LogLine) {
        self.0.log(line);
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
        // Who waits for an effect does not any more.
        self.0.changed.notify_all();
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
        // Outside of the lock: what is not told may be the app's.
        drop(dropped);
    }

    /// Calls `tell` when everything that came before this call is done. Not at all once this is closed.
    #[cfg(feature = "ffi")]
    pub fn when_done(&self, tell: impl FnOnce() + Send + 'static) -> Result<()> {
        let mut queue = self.0.queue();
        self.start(&mut queue)?;
        if !queue.closed {
            queue.add(Item::Reached(Box::new(tell)));
        }
        drop(queue);
        self.0.changed.notify_all();
        Ok(())
    }

    /// Waits until everything that came before this call is done, for as long as anything may get done. Whether that
    /// came to pass.
    pub fn wait(&self, timeout: Duration) -> bool {
        let deadline = Instant::now().checked_add(timeout);
        let mut queue = self.0.queue();
        if queue.thread == Some(thread::current().id()) {
            // It would wait for itself.
            return false;
        }
        let goal = queue.came;
        while !queue.is_done(goal) && !queue.held && !queue.closed {
            queue = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => return false,
                Some(left) => {
                    self.0.changed.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.0.changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
            };
        }
        queue.is_done(goal) && !queue.closed
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

    /// Says it to the developers, and to the app if it keeps a log.
    pub fn log(&self, line: LogLine) {
        self.dispatcher.log(line);
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
                Item::Log(_) | Item::Run { .. } => true,
                #[cfg(feature = "ffi")]
                Item::Reached(_) => true,
            };
            drop(queue);
            let rest = match item {
                Item::Tell(session, told) => {
                    if wanted {
                        self.tell(session, told);
                    }
                    None
                }
                Item::Log(line) => {
                    called(&self.callbacks.on_log, line);
                    None
                }
                Item::Run { due, turn } => self.run_next(due, turn),
                #[cfg(feature = "ffi")]
                Item::Reached(tell) => {
                    tell();
                    None
                }
            };
            queue = self.queue();
            let number = queue.doing.take();
            let Some((number, rest)) = number.zip(rest) else {
                self.changed.notify_all();
                continue;
            };
            if queue.closed {
                drop(queue);
                return drop(rest);
            }
            queue.waiting.push_front((number, rest));
        }
    }

    fn tell(&self, session: u64, told: Told) {
        match told {
            Told::Online => self.call(&self.callbacks.on_online, ()),
            Told::Offline => self.call(&self.callbacks.on_offline, ()),
            Told::Synced(cursor) => self.call(&self.callbacks.on_sync, cursor),
            Told::Error(error) => self.call(&self.callbacks.on_error, *error),
            Told::Rejected(seq) => self.tell_rejected(session, seq),
            Told::TokenNeeded => self.call(&self.callbacks.on_token_needed, ()),
        }
    }

    fn call<T>(&self, callback: &Callback<T>, argument: T) {
        if called(callback, argument) {
            self.log(LogLine::new(
                LogLevel::Error,
                "callbacks",
                "a callback of the app panicked; the sync goes on",
            ));
        }
    }

    /// Says it to the developers, and to the app if it keeps a log.
    fn log(&self, line: LogLine) {
        line.trace();
        if self.callbacks.on_log.is_none() {
            return;
        }
        let mut queue = self.queue();
        let waiting = queue.waiting.iter().filter(|(_, item)| matches!(item, Item::Log(_))).count();
        if waiting < BEHIND && !queue.closed {
            queue.add(Item::Log(line));
        }
        drop(queue);
        self.changed.notify_all();
    }

    /// Runs one effect, and gives the rest: it may have closed or paused the client.
    fn run_next(&self, mut due: Due, turn: u32) -> Option<Item> {
        TURN.set(Some(turn));
        CHANGED.set(false);
        let ran = due.run_next();
        TURN.set(None);
        if let Some(panic) = ran.panic {
            let text = format!("an effect or a listener panicked: {panic}");
            self.log(LogLine::new(LogLevel::Error, "data", text));
        }
        (!due.is_empty()).then_some(Item::Run { due, turn })
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
            Ok(Some(mutation)) => self.call(&self.callbacks.on_rejected, mutation),
            // The app has decided about it already.
            Ok(None) => {}
            Err(error) => self.call(&self.callbacks.on_error, error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use mizu_sync_protocol::Cursor;

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
            on_log: None,
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
