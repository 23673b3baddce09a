//! Why a command ends early.

use std::fmt;
use std::io;
use std::process::ExitCode;

use mizu_sync::Error;

pub type Result<T = (), E = Failure> = std::result::Result<T, E>;

pub enum Failure {
    /// The command line asks for something that makes no sense.
    Usage(String),
    Failed(String),
    /// Nobody reads the output any more: nothing is wrong, and nobody is there to be told.
    NobodyListens,
}

impl Failure {
    pub fn new(reason: impl fmt::Display) -> Self {
        Self::Failed(reason.to_string())
    }

    /// A failure of writing the output.
    pub fn output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::NobodyListens,
            _ => Self::new(format_args!("the output cannot be written: {error}")),
        }
    }

    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Usage(reason) | Self::Failed(reason) => Some(reason),
            Self::NobodyListens => None,
        }
    }

    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Failed(_) => ExitCode::FAILURE,
            Self::NobodyListens => ExitCode::SUCCESS,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::BaseUrl(_) | Error::Token(_) | Error::Header(_) | Error::InvalidOption { .. } => {
                Self::Usage(error.to_string())
            }
            _ => Self::Failed(error.to_string()),
        }
    }
}
