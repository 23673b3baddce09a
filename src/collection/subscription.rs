//! What a listener holds for as long as it listens.

use std::fmt;

use crate::reactive::{Effect, EffectResult};

/// A listener that is told of changes until this is dropped.
#[must_use = "it ends when it is dropped"]
pub struct Subscription(Effect);

impl Subscription {
    /// Runs `tell` now, and again whenever what it reads is different.
    pub(super) fn new<R: EffectResult>(tell: impl FnMut() -> R + Send + 'static) -> Self {
        Self(Effect::new(tell))
    }

    /// Ends it: the listener is not called any more. One that runs is not waited for.
    pub fn stop(&self) {
        self.0.stop();
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").finish_non_exhaustive()
    }
}
