//! The server: our [`Service`] on a real file, with everything that can happen to a server around it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mizu_sync::net;
use mizu_sync_protocol::{Wire, limits};
use mizu_sync_server::{
    Durability, Endpoint, Environment, OpenError, Reply, Request, Service, ServiceOptions,
};
use serde_json::json;

use crate::history::History;
use crate::ledger::Ledger;
use crate::mutator::{App, SCOPE};
use crate::plain;
use crate::schedule::Moment;
use crate::violation::{Checked, Violation};

/// The beginning of a world, in milliseconds since 1970.
pub const GENESIS: i64 = 1_795_251_600_000;
/// The marks of mutations that no device made begin here.
const STRANGERS: u64 = 1 << 40;

/// The time and the random numbers of the server.
struct Surroundings {
    millis: AtomicI64,
    rng: Mutex<fastrand::Rng>,
}

impl Environment for Surroundings {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.millis.load(Ordering::Relaxed).unsigned_abs())
    }

    fn random(&self) -> u64 {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner).u64(..)
    }
}

/// What stands in the way of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// Nothing.
    Fair,
    /// Requests are refused with this status, unseen.
    Refuses(u16, Option<Duration>),
    /// The answer is lost behind a gateway, which says this instead.
    AnswersWith(u16),
    /// Pushes of more than this many bytes are refused.
    TakesAtMost(usize),
}

/// A copy of the server's files.
struct Backup {
    files: Vec<(PathBuf, Vec<u8>)>,
    /// How long the history was.
    length: usize,
}

/// How the server is set up.
pub struct Setup {
    /// The form that it speaks.
    pub wire: Wire,
    /// Rows of one page of a snapshot or a pull, at most.
    pub page: u32,
    /// Whether a plain server's snapshots say cursor 0.
    pub from_zero: bool,
    /// A known bug, awake.
    #[cfg(feature = "planted-bugs")]
    pub bug: Option<mizu_sync_server::Bug>,
}

/// The server.
pub struct Backend {
    path: PathBuf,
    app: App,
    surroundings: Arc<Surroundings>,
    options: ServiceOptions,
    /// None while it is down.
    service: Option<Service>,
    down_until: Moment,
    /// How it is set up.
    pub setup: Setup,
    /// By how many milliseconds its clock is wrong.
    pub clock_error: i64,
    /// What stands in the way of answers, and until when.
    pub weather: (Weather, Moment),
    /// Until when every mutation fails.
    pub outage_until: Moment,
    /// What it has applied.
    pub history: History,
    backup: Option<Backup>,
    strangers: u64,
}

impl Backend {
    /// A new server at `path`.
    ///
    /// # Errors
    /// When its database cannot be made.
    pub fn new(path: PathBuf, setup: Setup, rng: fastrand::Rng) -> Result<Self, OpenError> {
        let app = App::default();
        let surroundings = Arc::new(Surroundings { millis: AtomicI64::new(GENESIS), rng: Mutex::new(rng) });
        let options = ServiceOptions {
            mutator: Arc::new(app.clone()),
            environment: Arc::clone(&surroundings) as Arc<dyn Environment>,
            durability: Durability::Relaxed,
            keep_log: ServiceOptions::MIN_KEEP_LOG,
            #[cfg(feature = "planted-bugs")]
            planted_bug: setup.bug,
            ..ServiceOptions::default()
        };
        let service = Some(Service::open(&path, options.clone())?);
        Ok(Self {
            path,
            app,
            surroundings,
            options,
            service,
            down_until: Moment::ZERO,
            setup,
            clock_error: 0,
            weather: (Weather::Fair, Moment::ZERO),
            outage_until: Moment::ZERO,
            history: History::default(),
            backup: None,
            strangers: 0,
        })
    }

    /// The business logic.
    #[must_use]
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Its file.
    #[must_use]
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// The time by its own clock.
    pub fn clock(&mut self, now: Moment) -> SystemTime {
        let millis = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        self.surroundings.millis.store(GENESIS + millis + self.clock_error, Ordering::Relaxed);
        self.surroundings.now()
    }

    /// The service, started again if it was down and may be up now.
    fn service(&mut self, now: Moment) -> Checked<Option<&Service>> {
        self.clock(now);
        self.app.desk().outage = now < self.outage_until;
        if self.service.is_none() && now >= self.down_until {
            let service = Service::open(&self.path, self.options.clone());
            self.service = Some(service.map_err(|error| Violation::unsound("the server's file", error))?);
        }
        Ok(self.service.as_ref())
    }

    /// Whether the process lives, or may be started again.
    #[must_use]
    pub fn is_up(&self, now: Moment) -> bool {
        self.service.is_some() || now >= self.down_until
    }

    /// The process dies, and is started again at `until`.
    pub fn die(&mut self, until: Moment) {
        self.service = None;
        self.down_until = until;
    }

    /// Nothing stands in the way any more.
    pub fn heal(&mut self) {
        self.down_until = Moment::ZERO;
        self.weather = (Weather::Fair, Moment::ZERO);
        self.outage_until = Moment::ZERO;
    }

    /// Answers a request; none while it is down.
    ///
    /// # Errors
    /// When what it did violates a promise.
    pub fn handle(
        &mut self,
        request: &net::Request,
        now: Moment,
        ledger: &mut Ledger,
    ) -> Checked<Option<Reply>> {
        let endpoint = match request.endpoint {
            net::Endpoint::Push => Endpoint::Push,
            net::Endpoint::Pull => Endpoint::Pull,
            net::Endpoint::Snapshot => Endpoint::Snapshot,
        };
        let (page, from_zero, wire) = (self.setup.page, self.setup.from_zero, self.setup.wire);
        let Some(service) = self.service(now)? else { return Ok(None) };
        let body = in_small_pages(&request.body, page);
        let reply = match wire {
            Wire::Plain => plain::handle(service, endpoint, &body, from_zero),
            Wire::Extended => service.handle(&Request {
                endpoint,
                extended: true,
                log: request.log.as_deref(),
                token: None,
                body: &body,
            }),
        };
        self.settle_desk(reply.status == 200, ledger)?;
        Ok(Some(reply))
    }

    /// Takes over what the mutator wrote down, if it was committed.
    fn settle_desk(&mut self, committed: bool, ledger: &mut Ledger) -> Checked {
        let mut desk = self.app.desk();
        for (id, _) in &desk.failed {
            if let Some(written) = ledger.by_id(id) {
                written.failed = true;
            }
        }
        let applied = std::mem::take(&mut desk.applied);
        drop(desk);
        // A plain server commits one by one, whatever becomes of the rest.
        if committed || self.setup.wire == Wire::Plain {
            self.history.commit(applied, ledger, self.setup.wire == Wire::Extended)?;
        }
        Ok(())
    }

    /// Other clients, with a perfect network, make these mutations. Gives the head of the log after them.
    ///
    /// # Errors
    /// When the server does not take them.
    pub fn strangers_push(
        &mut self,
        now: Moment,
        ledger: &mut Ledger,
        mutations: &[(&str, String)],
    ) -> Checked<u64> {
        let first = self.strangers;
        self.strangers += mutations.len() as u64;
        let mutations = (first..).zip(mutations).map(|(number, (name, args))| {
            let args = args.replace("$rev", &(STRANGERS + number).to_string());
            let args: serde_json::Value = serde_json::from_str(&args).unwrap_or_default();
            json!({"id": format!("s{number}"), "name": name, "scope": SCOPE, "args": args})
        });
        let body = json!({"mutations": mutations.collect::<Vec<_>>()}).to_string();
        let outage_until = std::mem::take(&mut self.outage_until);
        let Some(service) = self.service(now)? else { return Ok(0) };
        let request = Request {
            endpoint: Endpoint::Push,
            extended: true,
            log: None,
            token: None,
            body: body.as_bytes(),
        };
        let reply = service.handle(&request);
        self.outage_until = outage_until;
        self.settle_desk(reply.status == 200, ledger)?;
        let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let results = body["results"].as_array();
        Ok(results.and_then(|results| results.last()?["cursor"].as_u64()).unwrap_or_default())
    }

    /// Forgets what is old by its own clock. How many changes.
    ///
    /// # Errors
    /// When the database fails.
    pub fn trim(&mut self, now: Moment) -> Checked<usize> {
        let clock = self.clock(now);
        let Some(service) = self.service(now)? else { return Ok(0) };
        let trimmed = service.trim(clock);
        Ok(trimmed.map_err(|error| Violation::unsound("trimming", error))?.changes)
    }

    /// Copies its files as they are.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn back_up(&mut self) -> std::io::Result<()> {
        let mut files = Vec::new();
        for path in self.files() {
            if path.exists() {
                files.push((path.clone(), std::fs::read(path)?));
            }
        }
        self.backup = Some(Backup { files, length: self.history.len() });
        Ok(())
    }

    /// Puts the copy back. How many mutations were lost; none where there is no copy.
    ///
    /// # Errors
    /// When the files cannot be written.
    pub fn restore(&mut self, ledger: &Ledger) -> std::io::Result<Option<usize>> {
        let Some(backup) = &self.backup else { return Ok(None) };
        self.service = None;
        for path in self.files() {
            if path.exists() {
                std::fs::remove_file(path)?;
            }
        }
        for (path, bytes) in &backup.files {
            std::fs::write(path, bytes)?;
        }
        let lost = self.history.len() - backup.length;
        self.history.restore(backup.length, ledger);
        Ok(Some(lost))
    }

    /// Whether there is a copy to be put back.
    #[must_use]
    pub fn has_backup(&self) -> bool {
        self.backup.is_some()
    }

    /// The database and its log; the index of the log is made anew.
    fn files(&self) -> [PathBuf; 2] {
        let mut wal = self.path.clone().into_os_string();
        wal.push("-wal");
        [self.path.clone(), wal.into()]
    }
}

/// The request as if it had asked for small pages: a server may give less than it is asked for, and with few
/// rows only that makes pages.
fn in_small_pages(body: &[u8], page: u32) -> Vec<u8> {
    let text = String::from_utf8_lossy(body);
    let mut text = text.into_owned();
    for asked in [limits::PULL_LIMIT, limits::SNAPSHOT_LIMIT] {
        text = text.replace(&format!("\"limit\":{asked}"), &format!("\"limit\":{page}"));
    }
    text.into_bytes()
}
