//! What the app wants to be told, by traits that it implements in its own language.

use std::panic::resume_unwind;
use std::sync::Arc;

use thiserror::Error;

use super::{NativeRejected, Problem};
use crate::client::{Builder, LogLevel};

/// Code of the app failed. What it said stays on the other side, for it may be the user's data.
#[derive(Clone, Debug, PartialEq, Eq, Error, uniffi::Error)]
pub enum CallbackError {
    /// It threw.
    #[error("{reason}")]
    Thrown {
        /// What the bindings say of it.
        reason: String,
    },
}

impl From<uniffi::UnexpectedUniFFICallbackError> for CallbackError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Thrown { reason: "it threw something that is no exception of the SDK".to_owned() }
    }
}

/// Told when a sync has caught up and the cursor has moved.
#[uniffi::export(foreign)]
pub trait OnSync: Send + Sync {
    /// How far the server's log has been pulled.
    fn on_sync(&self, cursor: u64) -> Result<(), CallbackError>;
}

/// Told when something is in the way of the sync.
#[uniffi::export(foreign)]
pub trait OnError: Send + Sync {
    /// What.
    fn on_error(&self, problem: Problem) -> Result<(), CallbackError>;
}

/// Told when the server begins to answer.
#[uniffi::export(foreign)]
pub trait OnOnline: Send + Sync {
    /// It does.
    fn on_online(&self) -> Result<(), CallbackError>;
}

/// Told when the server ceases to answer.
#[uniffi::export(foreign)]
pub trait OnOffline: Send + Sync {
    /// It does.
    fn on_offline(&self) -> Result<(), CallbackError>;
}

/// Told of each write that the server refuses.
#[uniffi::export(foreign)]
pub trait OnRejected: Send + Sync {
    /// Which, and why.
    fn on_rejected(&self, mutation: NativeRejected) -> Result<(), CallbackError>;
}

/// Told when the server does not accept the token.
#[uniffi::export(foreign)]
pub trait OnTokenNeeded: Send + Sync {
    /// Another one is needed.
    fn on_token_needed(&self) -> Result<(), CallbackError>;
}

/// Told what the SDK says for developers.
#[uniffi::export(foreign)]
pub trait OnLog: Send + Sync {
    /// A line of it.
    fn on_log(&self, level: NativeLevel, target: String, text: String) -> Result<(), CallbackError>;
}

/// How much a line of the log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum NativeLevel {
    /// Something is wrong.
    Error,
    /// Something is worth a look.
    Warn,
    /// What goes on.
    Debug,
}

impl From<LogLevel> for NativeLevel {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::Error,
            LogLevel::Warn => Self::Warn,
            LogLevel::Debug => Self::Debug,
        }
    }
}

/// What the app wants to be told.
#[derive(Default, uniffi::Record)]
pub struct Callbacks {
    /// A sync has caught up.
    pub on_sync: Option<Arc<dyn OnSync>>,
    /// Something is in the way.
    pub on_error: Option<Arc<dyn OnError>>,
    /// The server answers.
    pub on_online: Option<Arc<dyn OnOnline>>,
    /// It does not.
    pub on_offline: Option<Arc<dyn OnOffline>>,
    /// A write was refused.
    pub on_rejected: Option<Arc<dyn OnRejected>>,
    /// A token is needed.
    pub on_token_needed: Option<Arc<dyn OnTokenNeeded>>,
    /// For developers.
    pub on_log: Option<Arc<dyn OnLog>>,
}

impl Callbacks {
    pub(super) fn apply(self, mut builder: Builder) -> Builder {
        let Self { on_sync, on_error, on_online, on_offline, on_rejected, on_token_needed, on_log } = self;
        if let Some(callback) = on_sync {
            builder = builder.on_sync(move |cursor| told(callback.on_sync(cursor.get())));
        }
        if let Some(callback) = on_error {
            builder = builder.on_error(move |error| told(callback.on_error(error.into())));
        }
        if let Some(callback) = on_online {
            builder = builder.on_online(move || told(callback.on_online()));
        }
        if let Some(callback) = on_offline {
            builder = builder.on_offline(move || told(callback.on_offline()));
        }
        if let Some(callback) = on_rejected {
            builder = builder.on_rejected(move |mutation| told(callback.on_rejected(mutation.into())));
        }
        if let Some(callback) = on_token_needed {
            builder = builder.on_token_needed(move || told(callback.on_token_needed()));
        }
        if let Some(callback) = on_log {
            builder = builder.on_log(move |line| {
                told(callback.on_log(line.level.into(), line.target.to_owned(), line.text));
            });
        }
        builder
    }
}

/// A callback that threw is one that panicked: the SDK logs that, and goes on.
fn told(result: Result<(), CallbackError>) {
    if let Err(error) = result {
        // Not by `panic!`, which would print what the other side has dealt with.
        resume_unwind(Box::new(error.to_string()));
    }
}
