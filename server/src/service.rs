//! The server without HTTP: one request in, one reply out.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use mizu_sync_protocol::limits::MAX_NAME;

use crate::auth::{Principal, Session, Unauthorized};
use crate::database::{Database, OpenError};
use crate::live::Hub;
use crate::message::{Endpoint, Reply, Request};
use crate::metrics::{Gauges, Metrics};
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
    pub(crate) hub: Arc<Hub>,
    pub(crate) metrics: Metrics,
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
            hub: Arc::default(),
            metrics: Metrics::default(),
            #[cfg(feature = "planted-bugs")]
            late_outcomes: crate::planted::LateOutcomes::default(),
        }
    }

    /// Answers a request. Whatever a 200 says is committed.
    ///
    /// A panic of [`Auth`](crate::Auth) comes through; nothing has been applied then.
    #[must_use]
    pub fn handle(&self, request: &Request<'_>) -> Reply {
        self.handle_if(request, |_| Ok(()))
    }

    /// The same, if `admit` lets this user in; it is given none where the token lets nobody in.
    pub(crate) fn handle_if(
        &self,
        request: &Request<'_>,
        admit: impl FnOnce(Option<&Principal>) -> Result<(), Refusal>,
    ) -> Reply {
        let result = self.admitted(request.token, admit).and_then(|session| match request.endpoint {
            Endpoint::Push => push(self, &*session, request),
            Endpoint::Pull => pull(self, &*session, request),
            Endpoint::Snapshot => snapshot(self, &*session, request),
        });
        result.unwrap_or_else(|refusal| Reply::refused(request, &refusal))
    }

    /// The session of a token, if `admit` lets its user in.
    pub(crate) fn admitted(
        &self,
        token: Option<&str>,
        admit: impl FnOnce(Option<&Principal>) -> Result<(), Refusal>,
    ) -> Result<Box<dyn Session + '_>, Refusal> {
        let session = self.session(token);
        admit(session.as_ref().ok().map(|session| session.principal()))?;
        Ok(session?)
    }

    /// What it has counted, and how large it is, in the text format of Prometheus. No scope, user or token is in it.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.metrics.to_text(&Gauges {
            live_sockets: self.hub.mailboxes(),
            subscriptions: self.hub.subscriptions(),
            database: self.database.size().ok(),
        })
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
        self.database.size().is_ok()
    }

    /// What the bearer of a token may do.
    pub(crate) fn session(&self, token: Option<&str>) -> Result<Box<dyn Session + '_>, Unauthorized> {
        self.options.auth.authenticate(token, self.now())
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.options.environment.now()
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
