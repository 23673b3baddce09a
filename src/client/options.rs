//! How a client is opened.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mizu_sync_protocol::Cursor;

use super::Client;
use super::callbacks::Callbacks;
use super::core::{Identity, Setup};
use super::log::LogLine;
use crate::collection::codec::Codec;
use crate::collection::upcast::Upcasters;
use crate::error::{Error, Result};
use crate::model::{Field, RejectedMutation, Versions};
use crate::net::{BaseUrl, HttpOptions, HttpTransport, Token, Tokens, Transport};
use crate::store::{Durability, Index, Location, Owner, Store};
use crate::sync::{Config, Dialect};

/// Makes the connection to the server anew at each start.
pub type TransportFactory = Arc<dyn Fn() -> Result<Arc<dyn Transport>> + Send + Sync>;

/// The options of a [`Client`], from [`Client::builder`].
#[must_use = "nothing is opened before `open`"]
pub struct Builder {
    base_url: String,
    scope: String,
    location: Option<Location>,
    principal: Option<String>,
    token: Option<String>,
    headers: Vec<(String, String)>,
    allow_cleartext: bool,
    durability: Durability,
    pull_interval: Duration,
    push_interval: Duration,
    live: bool,
    app_version: String,
    indexes: Vec<Index>,
    upcasters: Upcasters,
    dialect: Option<Arc<dyn Dialect>>,
    transport: Option<Arc<dyn Fn() -> Arc<dyn Transport> + Send + Sync>>,
    callbacks: Callbacks,
    #[cfg(feature = "planted-bugs")]
    bug: Option<crate::planted::Bug>,
}

impl Builder {
    pub(super) fn new(base_url: &str, scope: &str) -> Self {
        Self {
            base_url: base_url.to_owned(),
            scope: scope.to_owned(),
            location: None,
            principal: None,
            token: None,
            headers: Vec::new(),
            allow_cleartext: false,
            durability: Durability::Full,
            pull_interval: Duration::from_secs(30),
            push_interval: Duration::ZERO,
            live: true,
            app_version: String::new(),
            indexes: Vec::new(),
            upcasters: Upcasters::default(),
            dialect: None,
            transport: None,
            callbacks: Callbacks::default(),
            #[cfg(feature = "planted-bugs")]
            bug: None,
        }
    }

    /// The file that holds the data: one for each scope and user. It is made if it is not there, its folder
    /// is not. A relative path is one in the folder of the process as it is at [`Builder::open`]. Links are
    /// followed. Exclude it, and the files that stand beside it, from backups of the device.
    pub fn database(mut self, path: impl Into<PathBuf>) -> Self {
        self.location = Some(Location::File(path.into()));
        self
    }

    /// Keeps the data in memory only, for tests and previews.
    pub fn in_memory(mut self) -> Self {
        self.location = Some(Location::Memory);
        self
    }

    /// The user whose data this is. The file remembers it, and is refused to another one.
    pub fn principal(mut self, user: impl Into<String>) -> Self {
        self.principal = Some(user.into());
        self
    }

    /// What the server knows the user by; needs [`Builder::principal`], so that one user's writes are never
    /// sent as another's. Sent as `Authorization: Bearer …`. Never stored, never logged. It can be replaced later, see
    /// [`Client::set_token`].
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// A header for every request.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Allows `http://` to hosts other than this one. Everybody on the way can read and change what is sent.
    pub fn allow_cleartext(mut self, allow: bool) -> Self {
        self.allow_cleartext = allow;
        self
    }

    /// How hard a write is pressed onto the disk before it returns: [`Durability::Full`] unless told.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// How often the server is asked for changes when nothing else asks for them: 30 s unless told, and ten times that
    /// while the server hints at them.
    pub fn pull_interval(mut self, interval: Duration) -> Self {
        self.pull_interval = interval;
        self
    }

    /// The longest that a write is held back to send it together with later ones: not at all unless told.
    pub fn push_interval(mut self, interval: Duration) -> Self {
        self.push_interval = interval;
        self
    }

    /// Whether a live socket to the server is kept open while the app is seen, on which the server hints at changes:
    /// yes, unless told. Where there is none, or none gets through, the server is asked from time to time instead.
    pub fn live(mut self, live: bool) -> Self {
        self.live = live;
        self
    }

    /// The app's own version. When it changes, changes that the former one could not read are fetched again.
    pub fn app_version(mut self, version: impl Into<String>) -> Self {
        self.app_version = version.into();
        self
    }

    /// An index on fields of a collection, the most important first: queries that compare or order by the first of them,
    /// or by the first and the next, are answered without looking at all entities. Made when the client is opened, kept
    /// in the file, and dropped when it is not declared any more.
    ///
    /// ```
    /// # use mizu_sync::Client;
    /// let client = Client::builder("https://api.example.com/_sync", "user:1")
    ///     .in_memory()
    ///     .index("todo", ["done", "title"])
    ///     .open()?;
    /// # Ok::<(), mizu_sync::Error>(())
    /// ```
    pub fn index<F: Into<Field>>(mut self, collection: &str, fields: impl IntoIterator<Item = F>) -> Self {
        let fields = fields.into_iter().map(Into::into).collect();
        self.indexes.push(Index { collection: collection.to_owned(), fields });
        self
    }

    /// Brings entities that older versions of the app have written to version `to` of a collection's model, when they
    /// are read. What had no versions is of version 1. What this app writes says of which version it is, in the field
    /// `$version`; an entity of a later version, of a newer app, is read as it is.
    ///
    /// Where a new field with a default will do, serde's `#[serde(default)]` is simpler. Queries compare what is stored.
    ///
    /// ```
    /// # use mizu_sync::Client;
    /// // Version 2 has `title` where version 1 had `text`.
    /// let client = Client::builder("https://api.example.com/_sync", "user:1")
    ///     .in_memory()
    ///     .upcast("todo", 2, |fields| {
    ///         if let Some(text) = fields.remove("text") {
    ///             fields.insert("title".into(), text);
    ///         }
    ///     })
    ///     .open()?;
    /// # Ok::<(), mizu_sync::Error>(())
    /// ```
    pub fn upcast(
        mut self,
        collection: &str,
        to: u32,
        change: impl Fn(&mut serde_json::Map<String, serde_json::Value>) + Send + Sync + 'static,
    ) -> Self {
        self.upcasters.add(collection, to, Arc::new(change));
        self
    }

    /// For a server that has shapes of its own.
    pub fn dialect(mut self, dialect: impl Dialect) -> Self {
        self.dialect = Some(Arc::new(dialect));
        self
    }

    /// Another way to the server than HTTP. It is asked for at each start, and may use the client, but for
    /// [`Transport::shutdown`]: that is called while the client is being stopped, and must neither stop nor start it.
    pub fn transport(mut self, make: impl Fn() -> Arc<dyn Transport> + Send + Sync + 'static) -> Self {
        self.transport = Some(Arc::new(make));
        self
    }

    /// Called when a sync has caught up with the server and its cursor has moved, and after the first sync.
    pub fn on_sync(mut self, callback: impl Fn(Cursor) + Send + Sync + 'static) -> Self {
        self.callbacks.on_sync = Some(Box::new(callback));
        self
    }

    /// Called when something is in the way of the sync: once, until it is over or something else is. Also when the
    /// sync has ended by a panic, see [`Error::Panicked`].
    pub fn on_error(mut self, callback: impl Fn(Error) + Send + Sync + 'static) -> Self {
        self.callbacks.on_error = Some(Box::new(callback));
        self
    }

    /// Called when the server begins to answer.
    pub fn on_online(mut self, callback: impl Fn() + Send + Sync + 'static) -> Self {
        self.callbacks.on_online = Some(Box::new(move |()| callback()));
        self
    }

    /// Called when the server ceases to answer.
    pub fn on_offline(mut self, callback: impl Fn() + Send + Sync + 'static) -> Self {
        self.callbacks.on_offline = Some(Box::new(move |()| callback()));
        self
    }

    /// Called for each write that the server refuses. It is also in [`Client::rejected`] until it is retried
    /// or discarded: then nothing is told of it any more.
    pub fn on_rejected(mut self, callback: impl Fn(RejectedMutation) + Send + Sync + 'static) -> Self {
        self.callbacks.on_rejected = Some(Box::new(callback));
        self
    }

    /// Called when the server does not accept the token, for the app to get another one, in its own time, and to give
    /// it to [`Client::set_token`]. Until then nothing is sent; nothing counts as failed. Called once: if the next token is
    /// refused too, the sync says so, as [`SyncError::NeedsAuth`](crate::SyncError::NeedsAuth). Called again when a
    /// token is needed after one was good, and after a start, in the foreground and when the network is back while
    /// there is still none. Without this callback the sync says so at once.
    pub fn on_token_needed(mut self, callback: impl Fn() + Send + Sync + 'static) -> Self {
        self.callbacks.on_token_needed = Some(Box::new(move |()| callback()));
        self
    }

    /// Called with what the SDK says for developers, for an app that keeps a log of its own: for Logcat or the console,
    /// say. Whoever listens to `tracing` hears the same there. Never a token, and nothing of the user's data.
    pub fn on_log(mut self, callback: impl Fn(LogLine) + Send + Sync + 'static) -> Self {
        self.callbacks.on_log = Some(Box::new(callback));
        self
    }

    /// Wakes a known bug.
    #[cfg(feature = "planted-bugs")]
    pub fn planted_bug(mut self, bug: crate::planted::Bug) -> Self {
        self.bug = Some(bug);
        self
    }

    /// Opens the database. Reads and writes work from now on; nothing is sent before [`Client::start`].
    ///
    /// # Errors
    /// When an option is not valid or the file cannot be used, see [`crate::StoreError`].
    pub fn open(self) -> Result<Client> {
        let invalid = |option, reason| Err(Error::InvalidOption { option, reason });
        if self.scope.is_empty() || self.scope.len() > mizu_sync_protocol::limits::MAX_NAME {
            return invalid("scope", "it must have 1 to 1024 bytes, such as \"user:123\"");
        }
        if self.token.is_some() && self.principal.is_none() {
            return Err(without_principal());
        }
        if self.indexes.iter().any(|index| index.fields.is_empty() || index.fields.len() > Index::MOST_FIELDS)
        {
            return invalid("index", "it needs 1 to 32 fields");
        }
        if self.upcasters.has_idle_steps() {
            return invalid(
                "upcast",
                "it must lead to version 2 or a later one, for what has no version is of version 1",
            );
        }
        if self.pull_interval.is_zero() {
            return invalid("pull_interval", "it must not be zero");
        }
        let Some(location) = self.location else {
            return invalid("database", "none was given: name a file, or keep the data in memory for a test");
        };
        let base = BaseUrl::parse(&self.base_url, self.allow_cleartext)?;
        let dialect_version = self.dialect.as_ref().map(|dialect| dialect.version()).unwrap_or_default();
        let config = Config {
            scope: self.scope.clone(),
            base_url: base.as_str().trim_end_matches('/').to_owned(),
            versions: Versions { app: self.app_version, dialect: dialect_version },
            whole_objects: self.dialect.is_some(),
            live: self.live,
            asks_for_token: self.callbacks.on_token_needed.is_some(),
            pull_interval: self.pull_interval,
            push_interval: self.push_interval,
            #[cfg(feature = "planted-bugs")]
            bug: self.bug,
        };
        let mut http = HttpOptions::new(base);
        let tokens = Arc::new(Tokens::new(self.token.as_deref().map(Token::new).transpose()?));
        http.headers = self.headers;
        // A header that cannot be sent is an error now, not at the start.
        HttpTransport::new(http.clone())?;
        let transport: TransportFactory = match self.transport {
            Some(make) => Arc::new(move || Ok(make())),
            None => {
                let tokens = Arc::clone(&tokens);
                Arc::new(move || {
                    let transport = HttpTransport::with_tokens(http.clone(), Arc::clone(&tokens))?;
                    Ok(Arc::new(transport) as Arc<dyn Transport>)
                })
            }
        };
        let identity = Identity { has_principal: self.principal.is_some(), tokens };
        let owner = Owner { scope: self.scope, principal: self.principal, client: crate::new_id() };
        let store = Store::open(location, owner, self.durability)?;
        store.declare(self.indexes)?;
        let setup = Setup {
            config,
            transport,
            identity,
            dialect: self.dialect,
            callbacks: self.callbacks,
            codec: Codec::new(self.upcasters),
        };
        Client::new(store, setup)
    }
}

/// A token without the user that it is for.
pub(super) fn without_principal() -> Error {
    let reason = "a token needs the user that it is for: give that too";
    Error::InvalidOption { option: "principal", reason }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("base_url", &self.base_url)
            .field("scope", &self.scope)
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}
