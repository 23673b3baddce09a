//! The client: what the app opens, the threads that drive the engine, the callbacks.
//!
//! # Idea
//! A [`Client`] owns the local database and, once started, a sync that goes on in the background. Reads and
//! writes never wait for the network. One thread drives the engine and executes what it asks for; one thread
//! for each direction talks to the server; one calls the app back. All of them are parked when there is
//! nothing to do.
//!
//! # Limits
//! One client a file. A client syncs one scope of one user; several scopes are several clients.

mod batch;
mod callbacks;
mod clock;
mod core;
mod decisions;
mod dispatcher;
mod driver;
mod edits;
pub(crate) mod exchange;
pub(crate) mod execute;
mod lifecycle;
mod listener;
mod log;
mod monitor;
mod observed;
mod options;
mod platform;
mod status;
mod waiting;
pub(crate) mod watches;

use std::fmt;
use std::sync::Arc;

use mizu_sync_protocol::Cursor;
use serde::Serialize;

pub use batch::Batch;
pub use edits::Edits;
pub use log::{LogLevel, LogLine};
pub use options::Builder;
pub use status::{Authorization, Connectivity, Progress, Status};

pub(crate) use self::core::Core;
#[cfg(feature = "ffi")]
pub(crate) use self::core::may_write;
#[cfg(feature = "ffi")]
pub(crate) use self::edits::Gathered;
#[cfg(feature = "ffi")]
pub(crate) use self::monitor::{Wait, Waker};

use self::core::Setup;
use crate::collection::Collection;
use crate::collection::codec;
use crate::error::Result;
use crate::model::Intent;
use crate::net::Token;
use crate::reactive::Computed;
use crate::store::Store;
use crate::sync::Event;

/// What [`Client::wipe`] does with writes that the server has not confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsent {
    /// Refuses to wipe while there are any.
    Refuse,
    /// Wipes all the same: they are lost.
    Lose,
}

/// A local database that syncs one scope with a server.
///
/// It is the owner: dropping it stops the sync and frees the file. Share it in an [`Arc`]. All of its
/// functions can be called from any thread, from callbacks too.
pub struct Client {
    core: Arc<Core>,
}

impl Client {
    /// Options for a client that syncs `scope` with the server at `base_url`, such as
    /// `https://api.example.com/_sync`.
    pub fn builder(base_url: &str, scope: &str) -> Builder {
        Builder::new(base_url, scope)
    }

    fn new(store: Store, setup: Setup) -> Result<Self> {
        Ok(Self { core: Arc::new(Core::new(store, setup)?) })
    }

    /// The collection of this name. Asking for it costs nothing and makes nothing.
    pub fn collection<T>(&self, name: &str) -> Collection<T> {
        Collection::new(Arc::clone(&self.core), name)
    }

    /// Starts the sync, which goes on in the background. Never waits for the network; if the file is just being written, it
    /// waits for that. Also after the sync has ended by a panic.
    ///
    /// # Errors
    /// [`Error::AlreadyStarted`](crate::Error::AlreadyStarted); that the client is paused or closed; that the file cannot be written.
    /// [`Error::TimedOut`](crate::Error::TimedOut) when a sync that was stopped before is still in the midst of something.
    pub fn start(&self) -> Result<()> {
        self.core.start()
    }

    /// Stops the sync, within a second, whatever the server, the file or the app's own code are in the midst of. No callback
    /// starts after it, one that has begun is not waited for; nothing is sent. Reads and writes go on working, as do
    /// effects and listeners on them, and [`Client::start`] begins again. Of a paused client it stops what
    /// [`Client::resume`] would start.
    pub fn stop(&self) {
        self.core.stop();
    }

    /// Stops the sync if it runs, and releases the file with all its locks: for an app that is about to be
    /// suspended. Returns when the writes that are under way are on disk. Reads and writes fail until it is resumed, and
    /// no effect on its data starts before that. A client in memory has no file to release: only its sync and its effects
    /// pause. What is paused already stays so.
    ///
    /// # Errors
    /// When the client is closed.
    pub fn pause(&self) -> Result<()> {
        self.core.pause()
    }

    /// Takes the file again after [`Client::pause`], and starts the sync if it ran and was not stopped since. Does nothing
    /// when the client is not paused.
    ///
    /// # Errors
    /// When the client is closed, or another one has the file.
    pub fn resume(&self) -> Result<()> {
        self.core.resume()
    }

    /// Stops the sync and frees the file for good, as dropping the client does; waits for reads and writes that are under
    /// way. Whatever is called later fails with an error that says so. No callback, and no effect on its data, starts
    /// after it; one that has begun is not waited for, since it may be what closes.
    pub fn close(&self) {
        self.core.close();
    }

    /// Closes the client and deletes its file, for a user who signs out. Of a paused client the file is taken
    /// again for that.
    ///
    /// # Errors
    /// [`Error::Unsent`](crate::Error::Unsent) when writes would be lost and `unsent` does not say that they may; then nothing has
    /// happened. When the file cannot be deleted, or not be taken again: the client is paused then, and can be
    /// wiped again.
    pub fn wipe(&self, unsent: Unsent) -> Result<()> {
        self.core.wipe(unsent == Unsent::Lose)
    }

    /// Several writes that are kept together or not at all, consecutive in the queue. Inside, reads through
    /// the batch see its writes; everybody else sees them when this returns. An error of the closure undoes
    /// all of them. At the server each write is atomic on its own, the batch is not.
    ///
    /// Write through the batch that the closure is given: a write through a [`Collection`] or [`Entity`](crate::Entity) is one of its
    /// own, on disk whatever becomes of the batch.
    ///
    /// ```
    /// # use mizu_sync::Client;
    /// # #[derive(serde::Serialize, serde::Deserialize)]
    /// # struct Account { cents: i64 }
    /// # let client = Client::builder("https://api.example.com/_sync", "user:1").in_memory().open()?;
    /// let accounts = client.collection::<Account>("account");
    /// client.batch(|batch| {
    ///     batch.create(&accounts, "purse", &Account { cents: 500 })?;
    ///     batch.create(&accounts, "bank", &Account { cents: 90_000 })
    /// })?;
    /// assert_eq!(accounts.count()?, 2);
    /// # Ok::<(), mizu_sync::Error>(())
    /// ```
    ///
    /// # Errors
    /// The closure's, and those of its writes. [`crate::StoreError::Changed`] when somebody else, the sync for
    /// instance, has meanwhile changed an entity that the closure updates: nothing was written then, and the call
    /// can be made again.
    pub fn batch<R>(&self, work: impl FnOnce(&mut Batch<'_>) -> Result<R>) -> Result<R> {
        let mut batch = Batch::new(&self.core);
        let result = work(&mut batch)?;
        let intents = batch.into_intents();
        if !intents.is_empty() {
            self.core.write(intents)?;
        }
        Ok(result)
    }

    /// Queues a mutation of the application's own, with no effect here before the server's changes arrive.
    /// Gives its id.
    ///
    /// # Errors
    /// When the arguments cannot be serialised or are too large, or the file cannot be written.
    pub fn mutate(&self, name: &str, args: &impl Serialize) -> Result<String> {
        self.mutate_expecting(name, args, |_| Ok(()))
    }

    /// As [`Client::mutate`], where `expect` does to entities here what the server is expected to do: shown
    /// at once, and replaced by the server's own changes when they arrive, or undone when it refuses. At most 4 MiB
    /// of entities.
    ///
    /// ```
    /// # use mizu_sync::Client;
    /// # use serde_json::json;
    /// # #[derive(serde::Serialize, serde::Deserialize)]
    /// # struct Account { cents: i64 }
    /// # let client = Client::builder("https://api.example.com/_sync", "user:1").in_memory().open()?;
    /// # let accounts = client.collection::<Account>("account");
    /// # accounts.create("purse", Account { cents: 500 })?;
    /// # accounts.create("bank", Account { cents: 90_000 })?;
    /// // The server knows what `account.transfer` means: it may find that the bank has less.
    /// let args = json!({ "from": "bank", "to": "purse", "cents": 1_000 });
    /// client.mutate_expecting("account.transfer", &args, |expected| {
    ///     expected.update(&accounts, "bank", |account| account.cents -= 1_000)?;
    ///     expected.update(&accounts, "purse", |account| account.cents += 1_000)
    /// })?;
    /// # Ok::<(), mizu_sync::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Client::mutate`], those of `expect`, and [`crate::StoreError::Changed`] as [`Client::batch`].
    pub fn mutate_expecting(
        &self,
        name: &str,
        args: &impl Serialize,
        expect: impl FnOnce(&mut Edits<'_>) -> Result<()>,
    ) -> Result<String> {
        let args = codec::args(name, args)?;
        let mut edits = Edits::new(&self.core);
        expect(&mut edits)?;
        let expected = edits.gathered.into_edits();
        let ids = self.core.write(vec![Intent::Custom { name: name.to_owned(), args, expected }])?;
        Ok(ids.into_iter().next().unwrap_or_default())
    }

    /// The scope that it syncs, from [`Client::builder`].
    pub fn scope(&self) -> &str {
        &self.core.config.scope
    }

    /// The name under which its file is known to servers, made with the file: for support, to find this
    /// device's mutations in a server's log.
    pub fn client_id(&self) -> &str {
        &self.core.client_id
    }

    /// What the client is doing: read it now, or let an effect show it whenever it is different.
    ///
    /// ```
    /// use mizu_sync::{Client, Effect};
    ///
    /// let client = Client::builder("https://api.example.com/_sync", "user:1").in_memory().open()?;
    /// let status = client.status();
    /// let _line = Effect::new(move || println!("{}", status.get())); // not syncing
    /// # Ok::<(), mizu_sync::Error>(())
    /// ```
    pub fn status(&self) -> Computed<Status> {
        self.core.observed.status.clone()
    }

    /// How far the server's log has been pulled.
    pub fn cursor(&self) -> Cursor {
        self.core.observed.cursor()
    }

    /// Whether the server answers.
    pub fn is_online(&self) -> bool {
        self.core.observed.online()
    }

    /// What the server says of a write that keeps failing, and with which those wait that touch the same
    /// entities; none when there is no such write. The others go on.
    pub fn blocked(&self) -> Option<String> {
        self.core.observed.blocked()
    }

    /// What the platform says of the network; remembered while the sync does not run. Gone: nothing is sent. Back:
    /// everything that waits is tried at once, and a request from before that is older than two seconds is given up.
    /// When the device changes from one network to another, say `false` first: connections do not move.
    pub fn set_network(&self, up: bool) {
        let mut platform = self.core.platform();
        platform.network_up = up;
        self.core.send(Event::Network(up));
    }

    /// Whether the app is seen; remembered while the sync does not run. In the background no timer runs and the
    /// live socket is closed; the queue is sent once.
    pub fn set_foreground(&self, foreground: bool) {
        let mut platform = self.core.platform();
        platform.foreground = foreground;
        self.core.send(Event::Foreground(foreground));
    }
}

impl Client {
    /// Replaces the token, from any thread and in any state, also before the start and in callbacks. It is for the
    /// principal that the client was opened for. Requests to come have it, the live socket is opened anew with it, and
    /// a sync that waits for a token goes on; also with the same one, which is tried once more then. It is kept in
    /// memory only, for as long as the client is.
    ///
    /// # Errors
    /// When it cannot be a token, or there is no [`Builder::principal`].
    pub fn set_token(&self, token: impl AsRef<str>) -> Result<()> {
        self.core.set_token(Token::new(token.as_ref())?)
    }

    /// For an app that hears of changes by itself, by a push notification or a socket of its own: the server's log of
    /// this scope has grown up to here. Pulls at once if that is news. While the sync does not run it does nothing:
    /// every start pulls.
    pub fn notify_live(&self, cursor: Cursor) {
        self.core.send(Event::Hint(cursor));
    }
}

#[cfg(feature = "ffi")]
impl Client {
    /// What it is made of, for the bindings.
    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }
}

#[cfg(feature = "testing")]
impl Client {
    /// The data itself, for previews.
    pub(crate) fn store(&self) -> &Store {
        &self.core.store
    }

    /// Shows what was done to the store behind its back.
    pub(crate) fn look_again(&self) -> Result<(), crate::StoreError> {
        let replica = self.core.store.replica()?;
        self.core.monitor.update(|seen| {
            seen.state.cursor = replica.cursor;
            seen.state.bootstrapped = replica.bootstrapped;
            seen.queue = self.core.store.counts();
        });
        Ok(())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.core.close();
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = self.core.monitor.seen();
        f.debug_struct("Client")
            .field("cursor", &seen.state.cursor)
            .field("queue", &seen.queue)
            .finish_non_exhaustive()
    }
}
