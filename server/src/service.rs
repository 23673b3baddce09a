//! The server without HTTP: one request in, one reply out.

use std::path::Path;
use std::time::SystemTime;

use mizu_sync_protocol::limits::MAX_NAME;

use crate::auth::Session;
use crate::database::{Database, OpenError};
use crate::message::{Endpoint, Reply, Request};
use crate::options::ServiceOptions;
use crate::pull::pull;
use crate::push::push;
use crate::refusal::Refusal;
use crate::snapshot::snapshot;
use crate::trim::{TrimError, Trimmed, trim};

/// The server without HTTP. Its methods block, and may be called from any thread.
///
/// ```
/// use mizu_sync_server::{Endpoint, Request, Service, ServiceOptions};
///
/// let service = Service::in_memory(ServiceOptions::default())?;
/// let body = br#"{"mutations":[{"id":"m1","name":"todo.create","scope":"user:1",
///                               "args":{"id":"t1","data":{"title":"Milk"}}}]}"#;
/// let reply =
///     service.handle(&Request { endpoint: Endpoint::Push, extended: false, log: None, token: None, body });
/// assert_eq!(reply.status, 200);
/// assert_eq!(reply.body, br#"{"results":[{"ok":true}]}"#);
/// # Ok::<(), mizu_sync_server::OpenError>(())
/// ```
pub struct Service {
    pub(crate) database: Database,
    pub(crate) options: ServiceOptions,
    #[cfg(feature = "planted-bugs")]
    pub(crate) late_outcomes: crate::planted::LateOutcomes,
}

impl Service {
    /// Opens a database file, or makes it.
    ///
    /// # Errors
    /// When the file is not ours, is from a newer version, or cannot be opened; when an option is out of range.
    pub fn open(path: impl AsRef<Path>, options: ServiceOptions) -> Result<Self, OpenError> {
        let path = path.as_ref();
        check(&options)?;
        let database = Database::open(path, options.durability, options.busy_timeout, &*options.environment)?;
        Ok(Self::new(database, options))
    }

    /// A database in memory, gone with the service.
    ///
    /// # Errors
    /// When SQLite fails, or an option is out of range.
    pub fn in_memory(options: ServiceOptions) -> Result<Self, OpenError> {
        check(&options)?;
        let database = Database::in_memory(&*options.environment)?;
        Ok(Self::new(database, options))
    }

    fn new(database: Database, options: ServiceOptions) -> Self {
        Self {
            database,
            options,
            #[cfg(feature = "planted-bugs")]
            late_outcomes: crate::planted::LateOutcomes::default(),
        }
    }

    /// Answers a request. Whatever a 200 says is committed.
    ///
    /// A panic of [`Auth`](crate::Auth) comes through; nothing has been applied then.
    #[must_use]
    pub fn handle(&self, request: &Request<'_>) -> Reply {
        let result = match request.endpoint {
            Endpoint::Push => push(self, request),
            Endpoint::Pull => pull(self, request),
            Endpoint::Snapshot => snapshot(self, request),
        };
        result.unwrap_or_else(|refusal| Reply::refused(request, &refusal))
    }

    /// Forgets what is older, at `now`, than `keep_log` (changes, but the newest of each scope) or 90 days
    /// (outcomes). To be called every few hours.
    ///
    /// # Errors
    /// When the database fails; what was deleted until then stays deleted.
    pub fn trim(&self, now: SystemTime) -> Result<Trimmed, TrimError> {
        trim(self, now)
    }

    /// Whether the database answers: for health checks.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        let read = |connection: &rusqlite::Connection| {
            connection.query_row("SELECT last_cursor FROM log_state", [], |row| row.get::<_, i64>(0))
        };
        self.database.read(read).is_ok()
    }

    pub(crate) fn authenticate(&self, request: &Request<'_>) -> Result<Box<dyn Session + '_>, Refusal> {
        self.session(request.token)
    }

    /// What every request is asked first, for who must know before there is a whole request.
    pub(crate) fn check_token(&self, token: Option<&str>) -> Result<(), Refusal> {
        self.session(token).map(drop)
    }

    fn session(&self, token: Option<&str>) -> Result<Box<dyn Session + '_>, Refusal> {
        Ok(self.options.auth.authenticate(token, self.options.environment.now())?)
    }

    pub(crate) fn check_scope(&self, session: &dyn Session, scope: &str) -> Result<(), Refusal> {
        if scope.is_empty() {
            return Err(Refusal::invalid("the scope is missing"));
        }
        if scope.len() > MAX_NAME {
            return Err(Refusal::invalid(format!("the scope has more than {MAX_NAME} bytes")));
        }
        if !session.allows(scope) {
            return Err(Refusal::forbidden());
        }
        Ok(())
    }

    #[cfg(feature = "planted-bugs")]
    pub(crate) fn has_bug(&self, bug: crate::planted::Bug) -> bool {
        self.options.planted_bug == Some(bug)
    }
}

fn check(options: &ServiceOptions) -> Result<(), OpenError> {
    if options.keep_log < ServiceOptions::MIN_KEEP_LOG {
        return Err(OpenError::LogKeptTooShortly);
    }
    Ok(())
}
