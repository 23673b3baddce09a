//! A server process.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// A `mizu-sync-server`, or a server like it, on a free port. Dropping it kills it.
pub struct ServerProcess {
    child: Child,
    pub url: String,
    /// The lines of its log, as they come.
    pub log: Receiver<String>,
}

impl ServerProcess {
    /// Starts it. It accepts connections when this returns.
    pub fn start(program: &Path, database: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(["--listen", "127.0.0.1:0", "--db"]).arg(database).args(arguments);
        Self::run(&mut command)
    }

    /// Starts what says on its first line where it listens.
    pub fn run(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server can be started");
        let stderr = BufReader::new(child.stderr.take().expect("its log is piped"));
        let (sender, log) = channel();
        thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut first = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("its output is piped"));
        stdout.read_line(&mut first).expect("its output can be read");
        let Some(url) = first.trim().strip_prefix("listening on ") else {
            panic!("the server did not start: {first:?} {:?}", log.iter().collect::<Vec<_>>());
        };
        Self { url: url.to_owned(), child, log }
    }

    /// Ends it without a warning. What it had logged can be read until the end then.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        self.child.wait().expect("the server's end can be waited for");
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.kill();
    }
}
