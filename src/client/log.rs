//! What the SDK says for developers.

use std::fmt;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// Something is wrong, most likely in the app.
    Error,
    /// Something is worth a look.
    Warn,
    /// What goes on, for whoever looks for a fault.
    Debug,
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Debug => "debug",
        })
    }
}

/// One line for a log. It holds no token and nothing of the user's data.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogLine {
    /// How much it matters.
    pub level: LogLevel,
    /// The part of the SDK that says it: `sync`, `live`, `callbacks` or `data`.
    pub target: &'static str,
    /// What it says.
    pub text: String,
}

impl LogLine {
    pub(super) fn new(level: LogLevel, target: &'static str, text: impl fmt::Display) -> Self {
        Self { level, target, text: text.to_string() }
    }

    /// Says it to whoever listens to `tracing`.
    pub(super) fn trace(&self) {
        let Self { level, target, text } = self;
        match level {
            LogLevel::Error => tracing::error!(part = target, "{text}"),
            LogLevel::Warn => tracing::warn!(part = target, "{text}"),
            LogLevel::Debug => tracing::debug!(part = target, "{text}"),
        }
    }
}
