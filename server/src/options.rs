//! What a service is made of.

use std::sync::Arc;
use std::time::Duration;

use mizu_sync_protocol::limits::LOG_KEPT_DAYS;

use crate::auth::{Auth, OpenAuth};
use crate::crud::Crud;
use crate::environment::{Environment, SystemEnvironment};
use crate::mutator::Mutator;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The parts and settings of a [`Service`](crate::Service). The default serves any app to anybody.
#[derive(Clone)]
pub struct ServiceOptions {
    /// The business logic. Default: [`Crud`].
    pub mutator: Arc<dyn Mutator>,
    /// Who may do what. Default: [`OpenAuth`].
    pub auth: Arc<dyn Auth>,
    /// The time and random numbers. Default: [`SystemEnvironment`].
    pub environment: Arc<dyn Environment>,
    /// What a reply promises about a power cut. Default: [`Durability::Full`].
    pub durability: Durability,
    /// For how long changes can be pulled; a client that was away for longer takes a snapshot. At least
    /// [`ServiceOptions::MIN_KEEP_LOG`]. Default: 30 days.
    pub keep_log: Duration,
    /// How long a request waits for another process that holds the file's lock, before it is answered 503.
    /// Default: 5 s.
    pub busy_timeout: Duration,
    /// The known bug that is awake.
    #[cfg(feature = "planted-bugs")]
    pub planted_bug: Option<crate::planted::Bug>,
}

impl ServiceOptions {
    /// The least that `keep_log` may be: 7 days.
    pub const MIN_KEEP_LOG: Duration = DAY.saturating_mul(LOG_KEPT_DAYS as u32);
}

impl Default for ServiceOptions {
    fn default() -> Self {
        Self {
            mutator: Arc::new(Crud),
            auth: Arc::new(OpenAuth::new()),
            environment: Arc::new(SystemEnvironment::new()),
            durability: Durability::Full,
            keep_log: DAY * 30,
            busy_timeout: Duration::from_secs(5),
            #[cfg(feature = "planted-bugs")]
            planted_bug: None,
        }
    }
}

/// What a reply promises about a power cut. A crash of the process alone loses nothing with either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// What was answered is on the disk.
    #[default]
    Full,
    /// The last moments before a power cut may be lost, and clients will notice. Faster.
    Relaxed,
}
