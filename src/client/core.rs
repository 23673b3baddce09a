//! What a client, its collections and their entities share.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::callbacks::Callbacks;
use super::clock;
use super::dispatcher::Dispatcher;
use super::driver::{Parts, Session};
use super::lifecycle::Lifecycle;
use super::log::{LogLevel, LogLine};
use super::monitor::Monitor;
use super::observed::Observed;
use super::options::{TransportFactory, without_principal};
use super::platform::Platform;
use super::watches::Watches;
use crate::collection::codec::Codec;
use crate::error::{Error, Result};
use crate::model::{Edit, EntityKey, Intent, NewMutation, Object, Replica};
use crate::net::{Token, Tokens, Transport};
use crate::reactive;
use crate::store::{Store, StoreError};
use crate::sync::{Config, Dialect, Event};

/// What a client is made of beside its file.
pub struct Setup {
    pub config: Config,
    pub transport: TransportFactory,
    pub identity: Identity,
    pub dialect: Option<Arc<dyn Dialect>>,
    pub callbacks: Callbacks,
    pub codec: Codec,
}

pub struct Core {
    pub store: Arc<Store>,
    pub monitor: Arc<Monitor>,
    pub dispatcher: Dispatcher,
    pub watches: Arc<Watches>,
    pub observed: Observed,
    pub codec: Codec,
    pub lifecycle: Lifecycle,
    /// How often the app has asked for a sync.
    pub sync_requests: AtomicU64,
    pub config: Config,
    pub identity: Identity,
    /// The name of this file at servers.
    pub client_id: String,
    transport: TransportFactory,
    dialect: Option<Arc<dyn Dialect>>,
    platform: Mutex<Platform>,
    /// Entities that were reported as not fitting the app's type: each is told once.
    undecodable: Mutex<HashSet<EntityKey>>,
}

/// Who is syncing.
pub struct Identity {
    /// Whether it is known whose data this is: only then there may be a token.
    pub has_principal: bool,
    /// The newest token, whatever transport there is.
    pub tokens: Arc<Tokens>,
}

/// Refuses a write inside of a computed value.
pub fn may_write() -> Result<()> {
    if reactive::is_computing() { Err(Error::InComputed) } else { Ok(()) }
}

impl Core {
    pub fn new(store: Store, setup: Setup) -> Result<Self> {
        let Setup { config, transport, identity, dialect, callbacks, codec } = setup;
        let replica = store.replica()?;
        let monitor = Monitor::default();
        monitor.update(|seen| {
            seen.state.cursor = replica.cursor;
            seen.state.bootstrapped = replica.bootstrapped;
            seen.queue = store.counts();
        });
        let (store, monitor) = (Arc::new(store), Arc::new(monitor));
        let dispatcher = Dispatcher::new(callbacks, Arc::downgrade(&store));
        let watches = Arc::new(Watches::new());
        watches.origin.set_runner({
            let dispatcher = dispatcher.clone();
            move |due| dispatcher.run_again(due)
        });
        {
            let (watches, dispatcher) = (Arc::clone(&watches), dispatcher.clone());
            store.observe(Box::new(move |store, seen| {
                dispatcher.run(watches.origin.invalidate(&watches.copies(seen)));
                dispatcher.run(watches.origin.invalidate(&watches.changed(seen, store)));
            }));
        }
        {
            let (watches, dispatcher) = (Arc::clone(&watches), dispatcher.clone());
            monitor.observe(move || dispatcher.run(watches.origin.invalidate([&watches.status])));
        }
        let observed = Observed::new(&watches.status, &store, &monitor);
        Ok(Self {
            store,
            monitor,
            dispatcher,
            watches,
            observed,
            codec,
            config,
            identity,
            client_id: replica.client,
            transport,
            dialect,
            lifecycle: Lifecycle::default(),
            sync_requests: AtomicU64::new(0),
            platform: Mutex::default(),
            undecodable: Mutex::default(),
        })
    }

    /// Queues mutations: on disk when this returns.
    ///
    /// # Errors
    /// [`Error::InComputed`], and what the store says.
    pub fn write(&self, intents: Vec<Intent>) -> Result<Vec<String>> {
        may_write()?;
        let created_at = clock::wall();
        let mutation = |intent| NewMutation { id: crate::new_id(), created_at, intent };
        let write: Vec<NewMutation> = intents.into_iter().map(mutation).collect();
        let ids = write.iter().map(|mutation| mutation.id.clone()).collect();
        self.store.write(write)?;
        self.queue_changed();
        Ok(ids)
    }

    /// Writes to an entity what `change` says of it as it is, again and again until nobody else has changed it meanwhile.
    /// Nothing where it says `None`.
    ///
    /// # Errors
    /// As [`Self::write`], and those of `change`.
    pub fn update(
        &self,
        key: &EntityKey,
        mut change: impl FnMut(Option<&Object>) -> Result<Option<(Object, Vec<String>)>>,
    ) -> Result<()> {
        loop {
            // As it is stored: nobody has to be woken by that.
            let seen = self.store.get(key)?.map(|row| row.data);
            let Some((set, unset)) = change(seen.as_ref())? else { return Ok(()) };
            let edit = Edit::Update { set, unset, seen };
            match self.write(vec![Intent::Entity(key.clone(), edit)]) {
                Err(Error::Store(StoreError::Changed { .. })) => {}
                result => return result.map(drop),
            }
        }
    }

    /// Tells the engine that the queue is another one.
    pub fn queue_changed(&self) {
        self.send(Event::Queued);
    }

    /// Tells the engine, if the sync runs. Whether it does.
    pub fn send(&self, event: Event) -> bool {
        self.lifecycle.with_session(|session| session.send(event)).is_some()
    }

    /// An entity that does not fit the app's type: told once, and passed over. While nobody can be told, because
    /// the sync does not run, it does not count as told.
    pub fn report_undecodable(&self, error: &Error, entity: EntityKey) {
        if self.lifecycle.with_session(|_| ()).is_none() {
            return;
        }
        let new = self.undecodable.lock().unwrap_or_else(PoisonError::into_inner).insert(entity);
        if !new {
            return;
        }
        self.dispatcher.log(LogLine::new(
            LogLevel::Warn,
            "data",
            format_args!("an entity is passed over: {error}"),
        ));
        self.lifecycle.with_session(|session| session.notify_error(error.clone()));
    }

    /// A way to the server for one session. The app's own code may make it, so nothing is locked meanwhile.
    pub fn transport(&self) -> Result<Arc<dyn Transport>> {
        (self.transport)()
    }

    /// What the platform said last. Held while a sync begins and while one is told, so that none misses anything.
    pub fn platform(&self) -> MutexGuard<'_, Platform> {
        self.platform.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a token for everything that is sent from now on, in this session and those to come.
    pub fn set_token(&self, token: Token) -> Result<()> {
        if !self.identity.has_principal {
            return Err(without_principal());
        }
        // Held, as for the platform's signals, so that a session that is just beginning misses nothing.
        let _told = self.platform();
        self.identity.tokens.set(Some(token));
        if self.send(Event::TokenSet) {
            self.monitor.token_set();
        }
        Ok(())
    }

    /// Starts the threads of a session.
    pub fn session(
        &self,
        transport: Arc<dyn Transport>,
        platform: Platform,
        replica: Replica,
    ) -> Result<Session> {
        Session::start(Parts {
            store: Arc::clone(&self.store),
            transport,
            tokens: Arc::clone(&self.identity.tokens),
            dialect: self.dialect.clone(),
            monitor: Arc::clone(&self.monitor),
            notices: self.dispatcher.begin_session()?,
            config: self.config.clone(),
            platform,
            sync_request: self.sync_requests.load(Ordering::SeqCst),
            replica,
        })
    }
}
