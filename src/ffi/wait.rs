//! Waiting without a thread: the other side is told when it is worth looking again.

use std::sync::Arc;
use std::time::Duration;

use super::error::{ApiError, ApiResult};
use super::feed::{Listener, tell};
use crate::client::{Client, Wait, Waker};

/// What somebody waits for.
#[derive(Clone, Copy, Debug, uniffi::Enum)]
pub enum Goal {
    /// That everything is sent, and the server's changes up to now are here.
    Synced,
    /// That everything is sent, and its effects are seen.
    Sent,
    /// That the server's data has been here once.
    FirstSync,
}

/// A wait that goes on until it is dropped.
#[derive(uniffi::Object)]
pub struct NativeWait {
    client: Arc<Client>,
    /// `None` where there is nothing to wait for.
    wait: Option<Wait>,
    /// The monitor wakes it for as long as this has it.
    _waker: Arc<Waker>,
}

impl NativeWait {
    pub(super) fn begin(
        client: Arc<Client>,
        goal: Goal,
        listener: Arc<dyn Listener>,
    ) -> ApiResult<Arc<Self>> {
        let waker: Arc<Waker> = Arc::new(move || tell(&*listener));
        // Before the goal is set: nothing of what comes after is missed.
        client.core().monitor.wake(&waker);
        let wait = match goal {
            Goal::Synced => Some(client.begin_sync()?),
            Goal::Sent => Some(client.begin_flush()?),
            Goal::FirstSync => client.begin_first_sync()?,
        };
        Ok(Arc::new(Self { client, wait, _waker: waker }))
    }
}

#[uniffi::export]
impl NativeWait {
    /// Whether it has happened; fails when it cannot happen by itself.
    pub fn is_done(&self) -> ApiResult<bool> {
        let Some(wait) = &self.wait else { return Ok(true) };
        let core = self.client.core();
        let done = core.monitor.look(&core.store).is_done(wait);
        Ok(done.map_err(|error| self.client.explained(error))?)
    }

    /// That it has not happened for so many milliseconds, and why.
    pub fn timed_out(&self, after: u64) -> Option<ApiError> {
        let core = self.client.core();
        let error =
            self.wait.as_ref()?.timed_out(Duration::from_millis(after), &core.monitor.look(&core.store));
        Some(self.client.explained(error).into())
    }
}
