//! What is watched: a listener is told that there is news, and asks for it when it has the time.
//!
//! # Idea
//! An effect keeps the latest state, and tells of it once until it is taken. A listener that is slow misses states in
//! between, never the last one, and nothing piles up.

use std::sync::{Arc, Mutex, PoisonError};

use super::error::ApiResult;
use super::{CallbackError, NativePending, NativeRejected, NativeRow, NativeStatus};
use crate::error::{Error, Result};
use crate::reactive::{self, Effect};
use crate::store::StoreError;

/// Told that there is news.
#[uniffi::export(foreign)]
pub trait Listener: Send + Sync {
    /// There is. To be quick: it is called on the thread that calls all of the app.
    fn ready(&self) -> std::result::Result<(), CallbackError>;
}

/// What is new.
#[derive(Clone, uniffi::Enum)]
pub enum News {
    /// Of an entity: `None` when it is not visible.
    Entity {
        /// It.
        row: Option<NativeRow>,
    },
    /// Of the number of a query's rows.
    Count {
        /// It.
        count: u64,
    },
    /// Of what the client is doing.
    Status {
        /// It.
        status: NativeStatus,
    },
    /// Of what waits to be sent.
    Pending {
        /// In order.
        mutations: Vec<NativePending>,
    },
    /// Of what was refused.
    Rejected {
        /// In order.
        mutations: Vec<NativeRejected>,
    },
}

/// Something for as long as somebody watches it.
#[derive(uniffi::Object)]
pub struct NativeFeed(Latest<News>);

impl NativeFeed {
    pub(super) fn new(
        read: impl Fn() -> Result<News> + Send + 'static,
        listener: Arc<dyn Listener>,
    ) -> Arc<Self> {
        Arc::new(Self(Latest::new(read, listener)))
    }
}

#[uniffi::export]
impl NativeFeed {
    /// What is new since the last call; `None` when nothing is.
    pub fn next(&self) -> ApiResult<Option<News>> {
        Ok(self.0.take()?)
    }

    /// Ends it: nobody is told any more.
    pub fn stop(&self) {
        self.0.stop();
    }
}

/// Tells a listener. One that fails has nobody to hear of it.
pub(super) fn tell(listener: &dyn Listener) {
    let _ = reactive::outside(|| listener.ready());
}

/// The latest state of what an effect reads.
pub(super) struct Latest<T> {
    state: Arc<Mutex<Option<Result<T>>>>,
    effect: Effect,
}

impl<T: Send + 'static> Latest<T> {
    pub(super) fn new(read: impl Fn() -> Result<T> + Send + 'static, listener: Arc<dyn Listener>) -> Self {
        let state: Arc<Mutex<Option<Result<T>>>> = Arc::default();
        let latest = Arc::clone(&state);
        // Whoever watches inside of an effect does so for longer than one run of it.
        let effect = reactive::outside(|| {
            Effect::new(move || {
                let now = match read() {
                    // There is news again when it is resumed; none when it is closed, which ends what is watched.
                    Err(Error::Store(StoreError::Paused | StoreError::Closed)) => return,
                    now => now,
                };
                let before = latest.lock().unwrap_or_else(PoisonError::into_inner).replace(now);
                // Told of it already, if it was not taken.
                if before.is_none() {
                    tell(&*listener);
                }
            })
        });
        Self { state, effect }
    }

    pub(super) fn take(&self) -> Result<Option<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).take().transpose()
    }

    pub(super) fn stop(&self) {
        self.effect.stop();
    }
}
