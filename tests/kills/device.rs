//! A client's file, and the `todo` that works on it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

pub struct Device {
    program: PathBuf,
    pub file: PathBuf,
    pub scope: String,
    /// Writes that were not at the server when it was last looked at.
    pub pending: usize,
}

#[derive(Deserialize)]
pub struct Status {
    pub pending: usize,
    pub rejected: usize,
}

/// A todo as a client or the server has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Row {
    pub id: String,
    pub title: String,
    pub done: bool,
    #[serde(default)]
    pub pending: bool,
}

impl Device {
    pub fn new(program: &Path, file: PathBuf, scope: &str) -> Self {
        Self { program: program.to_owned(), file, scope: scope.to_owned(), pending: 0 }
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--db").arg(&self.file).args(["--scope", &self.scope]).args(arguments);
        command
    }

    /// Runs a command to its end. Gives what it printed; an error when it did not succeed.
    pub fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let failed = |reason: &dyn std::fmt::Display| {
            format!("todo {} on {}: {reason}", arguments.join(" "), self.file.display())
        };
        let ran = self.command(arguments).stdin(Stdio::null()).output().map_err(|error| failed(&error))?;
        if !ran.status.success() {
            return Err(failed(&String::from_utf8_lossy(&ran.stderr).trim()));
        }
        String::from_utf8(ran.stdout).map_err(|error| failed(&error))
    }

    pub fn status(&self) -> Result<Status, String> {
        serde_json::from_str(&self.run(&["status", "--json"])?).map_err(|error| error.to_string())
    }

    pub fn list(&self) -> Result<Vec<Row>, String> {
        serde_json::from_str(&self.run(&["list", "--json"])?).map_err(|error| error.to_string())
    }

    /// Looks at the file, which also shows that it opens again.
    pub fn look(&mut self) -> Result<(), String> {
        self.pending = self.status()?.pending;
        Ok(())
    }
}
