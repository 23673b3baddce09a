//! A process that is going to be killed.

use std::io::Read as _;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// How long anything is waited for that takes milliseconds. Only a process that hangs lets it pass.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running process. Dropping it kills it.
pub struct Victim(Child);

/// How a victim ended.
pub enum End {
    Killed,
    /// It was done before.
    Finished,
    /// It ended by itself, and not well.
    Failed(String),
}

impl Victim {
    pub fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command.spawn().expect("the program can be started"))
    }

    pub fn stdin(&mut self) -> ChildStdin {
        self.0.stdin.take().expect("it is piped, and taken once")
    }

    pub fn stdout(&mut self) -> ChildStdout {
        self.0.stdout.take().expect("it is piped, and taken once")
    }

    pub fn is_running(&mut self) -> bool {
        self.0.try_wait().expect("a child can be asked").is_none()
    }

    pub fn kill(&mut self) -> End {
        // It may have ended by itself.
        let _ = self.0.kill();
        let status = self.0.wait().expect("a child's end can be waited for");
        match status.code() {
            None => End::Killed,
            Some(0) => End::Finished,
            Some(code) => {
                let mut told = String::new();
                if let Some(mut stderr) = self.0.stderr.take() {
                    stderr.read_to_string(&mut told).expect("its errors can be read");
                }
                End::Failed(format!("it ended with {code}: {}", told.trim()))
            }
        }
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.kill();
    }
}
