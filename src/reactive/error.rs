//! What becomes of errors and panics of effects.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use super::effect::BoxError;
use super::graph::node::Place;
use super::run::Payload;
use super::thread::Outside;

/// An effect returned an error.
#[derive(Debug)]
pub struct EffectError {
    error: BoxError,
    made_at: Place,
}

impl EffectError {
    /// Where the effect was made.
    #[must_use]
    pub fn made_at(&self) -> &'static Location<'static> {
        self.made_at
    }

    /// What it returned.
    #[must_use]
    pub fn into_inner(self) -> BoxError {
        self.error
    }
}

impl fmt::Display for EffectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the effect made at {} failed: {}", self.made_at, self.error)
    }
}

impl Error for EffectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.error)
    }
}

type Handler = Arc<dyn Fn(EffectError) + Send + Sync>;

static HANDLER: Mutex<Option<Handler>> = Mutex::new(None);

/// Says what becomes of errors that effects return, in the whole process. Unless told otherwise they go to
/// `tracing::error!`.
///
/// The handler is called on the thread that ran the effect, after the run.
pub fn set_error_handler(handler: impl Fn(EffectError) + Send + Sync + 'static) {
    let handler: Handler = Arc::new(handler);
    let old = HANDLER.lock().unwrap_or_else(PoisonError::into_inner).replace(handler);
    drop(old);
}

/// Hands an error to the handler. Gives the handler's panic.
pub fn handle(error: BoxError, made_at: Place) -> Option<Payload> {
    let error = EffectError { error, made_at };
    let handler = HANDLER.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let Some(handler) = handler else {
        tracing::error!("{error}");
        return None;
    };
    let _outside = Outside::enter();
    catch_unwind(AssertUnwindSafe(|| handler(error))).err()
}

/// The text of a panic, if it has one.
pub fn text_of(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&'static str>() {
        return (*text).to_owned();
    }
    panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "a panic without a text".to_owned())
}
