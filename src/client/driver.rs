//! The thread that drives the engine, and one thread a lane that talks to the server.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use super::clock;
use super::dispatcher::Notices;
use super::exchange::Exchanger;
use super::execute::execute;
use super::listener::Listener;
use super::log::{LogLevel, LogLine};
use super::monitor::{Monitor, Running, Seen};
use super::platform::Platform;
use crate::error::{Error, Result};
use crate::model::Replica;
use crate::net::{Lane, Tokens, Transport};
use crate::store::Store;
use crate::sync::{Action, Command, Config, Dialect, Engine, Event, Exchange, Moment};

/// Everything that a running sync uses.
pub struct Parts {
    pub store: Arc<Store>,
    pub transport: Arc<dyn Transport>,
    pub tokens: Arc<Tokens>,
    pub dialect: Option<Arc<dyn Dialect>>,
    pub monitor: Arc<Monitor>,
    pub notices: Notices,
    pub config: Config,
    pub platform: Platform,
    /// The number of the app's last request to sync: the first pull comes after it.
    pub sync_request: u64,
    /// From [`Store::begin_session`].
    pub replica: Replica,
}

/// A sync that runs. Dropping it stops it.
pub struct Session {
    events: Sender<Event>,
    transport: Arc<dyn Transport>,
    notices: Notices,
    monitor: Arc<Monitor>,
    stopping: Arc<AtomicBool>,
    ended: Arc<Ended>,
}

/// How long a stop waits for a transaction that is under way.
const STOP_WAIT: Duration = Duration::from_millis(900);

/// How long the next start waits for it.
const START_WAIT: Duration = Duration::from_secs(10);

/// Where the driver says that it is done with the store.
#[derive(Default)]
pub struct Ended {
    done: Mutex<bool>,
    changed: Condvar,
    /// The driver's.
    thread: OnceLock<ThreadId>,
}

impl Ended {
    fn set(&self) {
        *self.done.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    fn wait(&self, timeout: Duration) -> bool {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(done, timeout, |done| !*done);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Session {
    /// Starts the threads. Returns at once; the network is not waited for.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(parts: Parts) -> Result<Self> {
        let (events, received) = mpsc::channel();
        let session = Self {
            events: events.clone(),
            transport: Arc::clone(&parts.transport),
            notices: parts.notices.clone(),
            monitor: Arc::clone(&parts.monitor),
            stopping: Arc::default(),
            ended: Arc::default(),
        };
        let push = spawn_lane("mizu-push", &parts, &events)?;
        let pull = spawn_lane("mizu-pull", &parts, &events)?;
        let listener = Listener::new(
            Arc::clone(&parts.transport),
            (&parts.config.scope, &parts.config.base_url),
            events.clone(),
            parts.notices.clone(),
        );
        parts.monitor.update(|seen| *seen = Seen::starting(&parts.replica, parts.store.counts()));
        session.send(Event::Started(Box::new(parts.replica)));
        let mut engine = Engine::new(parts.config, fastrand::Rng::new());
        session.send(Event::SyncRequested(parts.sync_request));
        for event in parts.platform.events() {
            // Before it begins an engine asks for nothing, and has nothing to show.
            drop(engine.handle(event, clock::now(), parts.store.counts()));
        }
        let driver = Driver {
            engine,
            store: parts.store,
            transport: parts.transport,
            tokens: parts.tokens,
            listener,
            monitor: parts.monitor,
            notices: parts.notices,
            received,
            push,
            pull,
            wake: None,
            stored: VecDeque::new(),
            later: None,
            stopping: Arc::clone(&session.stopping),
        };
        let end = EndOnDrop {
            ended: Arc::clone(&session.ended),
            monitor: Arc::clone(&session.monitor),
            notices: session.notices.clone(),
        };
        spawn("mizu-sync", move || {
            // Also when the engine panics: nobody must wait for a thread that is gone.
            let end = end;
            // Nobody else says it.
            let _ = end.ended.thread.set(thread::current().id());
            driver.run();
        })?;
        Ok(session)
    }

    /// Whether it has ended though nobody has stopped it: by a panic. So from when the app may know of it.
    pub fn has_panicked(&self) -> bool {
        self.monitor.seen().running == Running::Panicked
    }

    /// Tells the engine.
    pub fn send(&self, event: Event) {
        // Only a driver that has ended does not listen.
        let _ = self.events.send(event);
    }

    /// Tells the app of an error that is not the sync's.
    pub fn notify_error(&self, error: Error) {
        self.notices.notify_error(error);
    }

    /// Ends everything that is under way, within a second. After this no callback starts and nothing is sent.
    /// Gives what says when the last transaction has ended, should that take longer.
    pub fn stop(&self) -> Arc<Ended> {
        if self.stopping.swap(true, Ordering::SeqCst) {
            return Arc::clone(&self.ended);
        }
        self.notices.stop();
        // Whatever the app's own transport does then, the driver has to end.
        if catch_unwind(AssertUnwindSafe(|| self.transport.shutdown())).is_err() {
            tracing::error!("the app's transport panicked when it was shut down");
        }
        // Wakes the driver, which then sees that it is to stop.
        self.send(Event::Due);
        if !self.ended.is_own_thread() {
            self.ended.wait(STOP_WAIT);
        }
        self.monitor.update(|seen| seen.running = Running::Stopped);
        Arc::clone(&self.ended)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Ended {
    /// Waits for a driver that had not ended when it was stopped.
    ///
    /// # Errors
    /// [`Error::TimedOut`] when it does not end; at once on its own thread, where the app's own transport may run.
    pub fn join(&self) -> Result<()> {
        let after = if self.is_own_thread() { Duration::ZERO } else { START_WAIT };
        if self.wait(after) {
            return Ok(());
        }
        let reason = "the sync that was stopped before has not ended yet; start again later".to_owned();
        Err(Error::TimedOut { waiting_for: "started", after, reason })
    }

    fn is_own_thread(&self) -> bool {
        self.thread.get() == Some(&thread::current().id())
    }
}

/// Says that the driver has ended, and how.
struct EndOnDrop {
    ended: Arc<Ended>,
    monitor: Arc<Monitor>,
    notices: Notices,
}

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        let panicked = thread::panicking();
        if panicked {
            let text = "the sync ended by a panic: start the client again";
            self.notices.log(LogLine::new(LogLevel::Error, "sync", text));
            // Before the next session can begin, which waits for the end of this one.
            self.monitor.update(|seen| {
                if seen.running == Running::Started {
                    seen.running = Running::Panicked;
                }
            });
            // Before a new session ends the notices of this one.
            self.notices.notify_error(Error::Panicked);
        }
        self.ended.set();
    }
}

struct Driver {
    engine: Engine,
    store: Arc<Store>,
    transport: Arc<dyn Transport>,
    tokens: Arc<Tokens>,
    listener: Listener,
    monitor: Arc<Monitor>,
    notices: Notices,
    received: Receiver<Event>,
    push: Sender<Exchange>,
    pull: Sender<Exchange>,
    wake: Option<Moment>,
    /// Answers of the store, which the engine hears before anything else.
    stored: VecDeque<Event>,
    /// An answer of the store that can wait.
    later: Option<Event>,
    stopping: Arc<AtomicBool>,
}

impl Driver {
    fn run(mut self) {
        self.transport.set_token(self.tokens.current());
        while let Some(event) = self.next_event() {
            if self.stopping.load(Ordering::SeqCst) {
                return;
            }
            self.listener.heard(&event);
            if matches!(event, Event::TokenSet) {
                self.transport.set_token(self.tokens.current());
            }
            let actions = self.engine.handle(event, clock::now(), self.store.counts());
            for action in actions {
                self.act(action);
            }
            // With the state that belongs to it: not while the engine has yet to hear what was stored.
            if self.stored.is_empty() {
                self.monitor.update(|seen| seen.queue = self.store.counts());
            }
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Store(command) => {
                // Deleting what is old can wait for everything else.
                let idle = matches!(command, Command::Sweep);
                let stored = Event::Stored(execute(&self.store, command));
                if idle { self.later = Some(stored) } else { self.stored.push_back(stored) }
            }
            Action::Exchange(exchange) => {
                let lane = match exchange.plan.lane() {
                    Lane::Push => &self.push,
                    Lane::Pull => &self.pull,
                };
                // A lane listens for as long as its sender lives.
                let _ = lane.send(*exchange);
            }
            Action::Interrupt(lane) => self.transport.interrupt(lane),
            Action::OpenLive(ticket) => self.listener.open(ticket),
            Action::CloseLive => self.listener.close(),
            Action::WakeAt(wake) => self.wake = wake,
            Action::Notify(notice) => self.notices.notify(notice),
            Action::Publish(state) => self.monitor.update(|seen| seen.state = *state),
        }
    }

    /// The next thing that happens; none once nobody can send anything any more.
    fn next_event(&mut self) -> Option<Event> {
        if let Some(stored) = self.stored.pop_front() {
            return Some(stored);
        }
        if self.later.is_some() {
            return self.received.try_recv().ok().or_else(|| self.later.take());
        }
        let Some(wake) = self.wake else { return self.received.recv().ok() };
        let left = wake.saturating_sub(clock::now().now).max(Duration::from_millis(1));
        match self.received.recv_timeout(left) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => Some(Event::Due),
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }
}

/// A thread that makes one exchange after the other.
fn spawn_lane(name: &str, parts: &Parts, events: &Sender<Event>) -> Result<Sender<Exchange>> {
    let (sender, exchanges) = mpsc::channel();
    let (store, transport) = (Arc::clone(&parts.store), Arc::clone(&parts.transport));
    let (dialect, events) = (parts.dialect.clone(), events.clone());
    let (scope, base_url) = (parts.config.scope.clone(), parts.config.base_url.clone());
    let session = parts.store.session();
    spawn(name, move || {
        let exchanger = Exchanger {
            scope: &scope,
            base_url: &base_url,
            dialect: dialect.as_deref(),
            store: &store,
            session,
        };
        while let Ok(exchange) = exchanges.recv() {
            let answer = exchanger.run(exchange, &*transport);
            if events.send(Event::Answered(Box::new(answer))).is_err() {
                return;
            }
        }
    })?;
    Ok(sender)
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<()> {
    let spawned = thread::Builder::new().name(name.to_owned()).spawn(work);
    spawned.map(drop).map_err(|error| Error::Thread { reason: error.to_string() })
}
