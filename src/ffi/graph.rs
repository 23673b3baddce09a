//! Nodes of the reactive graph whose values and closures are on the other side.
//!
//! # Idea
//! A closure of the other side that is tracked is called from here, so that what it reads on its way, in both languages,
//! links to the node that runs on this thread. Effects do not run here: their listener is told that one is due, and the
//! other side runs it on the thread that it belongs to.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};

use super::CallbackError;
use super::error::{ApiResult, misuse};
use super::feed::{Listener, tell};
use crate::client::may_write;
use crate::reactive::{self, Computed, Effect, Signal};

/// Code of the other side.
#[uniffi::export(foreign)]
pub trait Body: Send + Sync {
    /// Runs it. Keeps what it throws for itself.
    fn run(&self) -> Result<(), CallbackError>;
}

/// Computes a value on the other side.
#[uniffi::export(foreign)]
pub trait Compute: Send + Sync {
    /// Computes, keeps the value, and gives the number by which it is known: the same as before if it is equal to that.
    /// Keeps what it throws as a value.
    fn compute(&self) -> Result<u64, CallbackError>;

    /// A value that was given is not asked for any more. One that was given twice is forgotten twice.
    fn forget(&self, number: u64) -> Result<(), CallbackError>;
}

/// The node of a signal.
#[derive(uniffi::Object)]
pub struct NativeSignal(Signal<u64>);

#[uniffi::export]
impl NativeSignal {
    /// A signal.
    #[uniffi::constructor]
    #[allow(clippy::new_without_default, reason = "made by the other side only")]
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Signal::new(0)))
    }

    /// Notes that what runs on this thread reads it. To be called before the value is read.
    pub fn track(&self) {
        self.0.with(|_| ());
    }

    /// Its value, which is there already, is another one.
    pub fn changed(&self) -> ApiResult<()> {
        may_write()?;
        misuse(|| self.0.update(|version| *version = version.wrapping_add(1)))
    }
}

/// A value that is kept on the other side.
struct Kept {
    number: u64,
    keeper: Arc<dyn Compute>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = self.keeper.forget(self.number);
    }
}

/// The node of a computed value, whose number the other side may keep.
#[derive(uniffi::Object)]
pub struct NativeComputed(Computed<Kept>);

#[uniffi::export]
impl NativeComputed {
    /// A computed value. `recall` is told when a lease ends.
    #[uniffi::constructor]
    pub fn new(compute: Arc<dyn Compute>, recall: Arc<dyn Listener>) -> Arc<Self> {
        let run = move || match compute.compute() {
            Ok(number) => Kept { number, keeper: Arc::clone(&compute) },
            Err(error) => resume_unwind(Box::new(error.to_string())),
        };
        let is_same = |one: &Kept, other: &Kept| one.number == other.number;
        Arc::new(Self(Computed::new_with_leases(run, is_same, move || tell(&*recall))))
    }

    /// The number of its value now.
    pub fn get(&self) -> ApiResult<u64> {
        misuse(|| self.0.with(|kept| kept.number))
    }

    /// As [`Self::get`], on a lease: it is the number of its value until `recall` is told, which may be during this call.
    pub fn lease(&self) -> ApiResult<u64> {
        misuse(|| self.0.lease(|kept| kept.number))
    }
}

/// The node of an effect that the other side runs.
#[derive(uniffi::Object)]
pub struct NativeEffect {
    listener: Arc<dyn Listener>,
    /// The links of the last run, until something there has changed.
    last: Mutex<Option<Effect>>,
}

#[uniffi::export]
impl NativeEffect {
    /// An effect whose listener is told when it is due.
    #[uniffi::constructor]
    pub fn new(listener: Arc<dyn Listener>) -> Arc<Self> {
        Arc::new(Self { listener, last: Mutex::default() })
    }

    /// Runs it on this thread: what it reads makes it due once.
    pub fn run(&self, body: Arc<dyn Body>) -> ApiResult<()> {
        let listener = Arc::clone(&self.listener);
        let mut body = Some(body);
        // What it reads belongs to this effect, and not to one that runs around it.
        let effect = misuse(|| {
            reactive::outside(|| {
                Effect::new(move || match body.take() {
                    Some(body) => drop(body.run()),
                    None => tell(&*listener),
                })
            })
        })?;
        let before = self.last.lock().unwrap_or_else(PoisonError::into_inner).replace(effect);
        drop(before);
        Ok(())
    }

    /// Ends it: nobody is told any more.
    pub fn stop(&self) {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(last);
    }
}

/// Runs code whose writes of signals make effects due once, at its end.
#[uniffi::export]
pub fn batch(body: Arc<dyn Body>) -> ApiResult<()> {
    misuse(|| reactive::batch(|| drop(body.run())))
}

/// Runs code of which nothing is tracked.
#[uniffi::export]
pub fn untrack(body: Arc<dyn Body>) {
    let _ = reactive::untrack(|| body.run());
}

/// How many nodes there are in the graph of this process: for tests that look for leaks.
#[uniffi::export]
#[must_use]
pub fn graph_counts() -> u64 {
    reactive::counts().nodes as u64
}
