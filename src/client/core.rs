//! What a client, its collections and their entities share.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::clock;
use super::dispatcher::{Callbacks, Dispatcher};
use super::driver::{Ended, Parts, Session};
use super::monitor::Monitor;
use super::options::TransportFactory;
use crate::error::{Error, Result};
use crate::model::{Counts, EntityKey, Intent, NewMutation};
use crate::store::{Store, StoreError};
use crate::sync::{Config, Dialect, Event};

pub struct Core {
    pub store: Arc<Store>,
    pub monitor: Arc<Monitor>,
    pub config: Config,
    /// The file's name at servers.
    pub client_id: String,
    transport: TransportFactory,
    dialect: Option<Arc<dyn Dialect>>,
    callbacks: Arc<Callbacks>,
    lifecycle: Mutex<Lifecycle>,
    /// Entities that were reported as not fitting the app's type: each is told once.
    undecodable: Mutex<HashSet<EntityKey>>,
}

#[derive(Default)]
struct Lifecycle {
    state: State,
    /// A driver that had not ended when it was stopped.
    lingering: Option<Arc<Ended>>,
}

#[derive(Default)]
enum State {
    #[default]
    Stopped,
    /// A session is being made, with the lock released.
    Starting,
    Running(Session),
    Paused {
        was_running: bool,
    },
    Closed,
}

impl Core {
    pub fn new(
        store: Store,
        config: Config,
        transport: TransportFactory,
        dialect: Option<Arc<dyn Dialect>>,
        callbacks: Callbacks,
    ) -> Result<Self> {
        let replica = store.replica()?;
        let monitor = Monitor::default();
        monitor.update(|seen| {
            seen.state.cursor = replica.cursor;
            seen.state.bootstrapped = replica.bootstrapped;
            seen.queue = store.counts();
        });
        Ok(Self {
            store: Arc::new(store),
            monitor: Arc::new(monitor),
            config,
            client_id: replica.client,
            transport,
            dialect,
            callbacks: Arc::new(callbacks),
            lifecycle: Mutex::default(),
            undecodable: Mutex::default(),
        })
    }

    fn lifecycle(&self) -> MutexGuard<'_, Lifecycle> {
        self.lifecycle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues mutations: on disk when this returns.
    pub fn write(&self, intents: Vec<Intent>) -> Result<Vec<String>> {
        let created_at = clock::wall();
        let mutation = |intent| NewMutation { id: crate::new_id(), created_at, intent };
        let write: Vec<NewMutation> = intents.into_iter().map(mutation).collect();
        let ids = write.iter().map(|mutation| mutation.id.clone()).collect();
        self.store.write(write)?;
        self.queue_changed();
        Ok(ids)
    }

    /// Tells the engine that the queue is another one.
    pub fn queue_changed(&self) {
        self.send(Event::Queued);
    }

    /// Tells the engine, if the sync runs. Whether it does.
    pub fn send(&self, event: Event) -> bool {
        match &self.lifecycle().state {
            State::Running(session) => {
                session.send(event);
                true
            }
            State::Stopped | State::Starting | State::Paused { .. } | State::Closed => false,
        }
    }

    /// An entity that does not fit the app's type: told once, and passed over.
    pub fn report_undecodable(&self, error: &Error, entity: EntityKey) {
        let new = self.undecodable.lock().unwrap_or_else(PoisonError::into_inner).insert(entity);
        if !new {
            return;
        }
        tracing::warn!(%error, "an entity was passed over");
        if let State::Running(session) = &self.lifecycle().state {
            session.notify_error(error.clone());
        }
    }

    pub fn start(&self) -> Result<()> {
        {
            let mut lifecycle = self.lifecycle();
            match lifecycle.state {
                State::Running(_) | State::Starting => return Err(Error::AlreadyStarted),
                State::Paused { .. } => return Err(StoreError::Paused.into()),
                State::Closed => return Err(StoreError::Closed.into()),
                State::Stopped => lifecycle.state = State::Starting,
            }
        }
        self.begin()
    }

    /// Makes a session and lets it run. The state is [`State::Starting`], and the lock is not held: the app's
    /// own code may be asked for a transport.
    fn begin(&self) -> Result<()> {
        let lingering = self.lifecycle().lingering.take();
        if let Some(ended) = lingering {
            ended.join();
        }
        let session = self.session();
        let mut lifecycle = self.lifecycle();
        if !matches!(lifecycle.state, State::Starting) {
            // Somebody stopped or closed the client meanwhile; dropping the session stops it.
            drop(lifecycle);
            return session.map(drop);
        }
        let (state, result) = match session {
            Ok(session) => {
                // Of what was written while it was made it has not been told.
                session.send(Event::Queued);
                (State::Running(session), Ok(()))
            }
            Err(error) => (State::Stopped, Err(error)),
        };
        lifecycle.state = state;
        result
    }

    fn session(&self) -> Result<Session> {
        Session::start(Parts {
            store: Arc::clone(&self.store),
            transport: (self.transport)()?,
            dialect: self.dialect.clone(),
            monitor: Arc::clone(&self.monitor),
            dispatcher: Dispatcher::start(Arc::clone(&self.callbacks))?,
            config: self.config.clone(),
        })
    }

    pub fn stop(&self) {
        self.leave(State::Stopped, |state| matches!(state, State::Running(_) | State::Starting));
    }

    /// Changes the state if `from` says so, and stops what ran, without holding the lock meanwhile: a callback
    /// that is running may want it.
    fn leave(&self, to: State, from: impl FnOnce(&State) -> bool) -> bool {
        let former = {
            let mut lifecycle = self.lifecycle();
            if !from(&lifecycle.state) {
                return false;
            }
            std::mem::replace(&mut lifecycle.state, to)
        };
        if let State::Running(session) = former {
            let ended = session.stop();
            self.lifecycle().lingering = Some(ended);
        }
        true
    }

    pub fn pause(&self) -> Result<()> {
        let was_running = match self.lifecycle().state {
            State::Running(_) | State::Starting => true,
            State::Stopped => false,
            State::Paused { .. } => return Ok(()),
            State::Closed => return Err(StoreError::Closed.into()),
        };
        if self.leave(State::Paused { was_running }, |state| !matches!(state, State::Closed)) {
            self.store.pause();
        }
        Ok(())
    }

    pub fn resume(&self) -> Result<()> {
        let was_running = match self.lifecycle().state {
            State::Paused { was_running } => was_running,
            State::Running(_) | State::Starting | State::Stopped => return Ok(()),
            State::Closed => return Err(StoreError::Closed.into()),
        };
        self.store.resume()?;
        let to = if was_running { State::Starting } else { State::Stopped };
        self.leave(to, |state| matches!(state, State::Paused { .. }));
        if was_running { self.begin() } else { Ok(()) }
    }

    pub fn close(&self) {
        if self.leave(State::Closed, |state| !matches!(state, State::Closed)) {
            self.store.close();
        }
    }

    /// Closes the client and deletes its file.
    pub fn wipe(&self, drop_unsent: bool) -> Result<()> {
        if matches!(self.lifecycle().state, State::Closed) {
            return Err(StoreError::Closed.into());
        }
        let allowed = |queue: Counts| drop_unsent || queue.pending == 0 && queue.rejected == 0;
        let refused = |queue: Counts| Error::Unsent { pending: queue.pending, rejected: queue.rejected };
        let queue = self.store.counts();
        if !allowed(queue) {
            return Err(refused(queue));
        }
        let was_running =
            self.leave(State::Stopped, |state| matches!(state, State::Running(_) | State::Starting));
        // Judged once more, since the app may have written meanwhile.
        match self.store.destroy(allowed)? {
            Ok(()) => {
                self.lifecycle().state = State::Closed;
                Ok(())
            }
            Err(queue) => {
                if was_running {
                    self.start()?;
                }
                Err(refused(queue))
            }
        }
    }
}
