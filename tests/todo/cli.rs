//! A user at the command line.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::processes::programs::Programs;
use crate::processes::server::ServerProcess;

static PROGRAMS: LazyLock<Programs> = LazyLock::new(|| Programs::build(None));

/// A server on a database in `folder`.
pub fn serve(folder: &Path, arguments: &[&str]) -> ServerProcess {
    ServerProcess::start(&PROGRAMS.server, &folder.join("server.db"), arguments)
}

/// A server where one was before.
pub fn serve_at(address: &str, folder: &Path) -> ServerProcess {
    let mut command = Command::new(&PROGRAMS.server);
    ServerProcess::run(command.args(["--listen", address, "--db"]).arg(folder.join("server.db")))
}

/// One device: a file, and the server that it knows.
pub struct Device {
    folder: TempDir,
    url: Option<String>,
}

impl Device {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), url: None }
    }

    pub fn at(server: &ServerProcess) -> Self {
        Self { url: Some(server.url.clone()), ..Self::new() }
    }

    /// The server has moved, or is there at last.
    pub fn meet(&mut self, server: &ServerProcess) {
        self.url = Some(server.url.clone());
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The command, with nothing on its stdin.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&PROGRAMS.todo);
        command.arg("--db").arg(self.file("todos.db")).args(arguments).stdin(Stdio::null());
        if let Some(url) = &self.url {
            command.args(["--url", url]);
        }
        command
    }

    /// Without telling the program its file.
    pub fn run_bare(&self, arguments: &[&str]) -> Ran {
        Ran(Command::new(&PROGRAMS.todo).current_dir(self.folder.path()).args(arguments).output().unwrap())
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran(self.command(arguments).output().unwrap())
    }

    /// Runs a command that succeeds and says nothing on stderr. Gives what it printed.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!((ran.code(), ran.stderr().as_str()), (0, ""), "{arguments:?}");
        ran.stdout()
    }

    /// Runs a sync that succeeds and has nothing to complain about. Gives how much it sent and received.
    pub fn sync(&self, arguments: &[&str]) -> (usize, usize) {
        let ran = self.run(&[&["sync"], arguments].concat());
        assert_eq!((ran.code(), ran.stdout().as_str()), (0, ""), "{}", ran.stderr());
        ran.moved()
    }

    /// As [`Self::ok`], for a command that prints one word.
    pub fn id(&self, arguments: &[&str]) -> String {
        let printed = self.ok(arguments);
        let id = printed.trim_end();
        assert!(!id.is_empty() && !id.contains(char::is_whitespace), "{printed:?}");
        id.to_owned()
    }

    pub fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.ok(arguments)).unwrap()
    }

    /// Each todo as (id, title, done, pending).
    pub fn list(&self) -> Vec<(String, String, bool, bool)> {
        let Value::Array(rows) = self.json(&["list", "--json"]) else { panic!("not an array") };
        rows.into_iter()
            .map(|row| {
                assert_eq!(row.as_object().unwrap().len(), 4);
                let text = |field: &str| row[field].as_str().unwrap().to_owned();
                let flag = |field: &str| row[field].as_bool().unwrap();
                (text("id"), text("title"), flag("done"), flag("pending"))
            })
            .collect()
    }

    /// `import -` with all its ends in hand.
    pub fn import(&self) -> Child {
        let mut command = self.command(&["import", "-"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

pub fn todo(id: &str, title: &str, done: bool, pending: bool) -> (String, String, bool, bool) {
    (id.to_owned(), title.to_owned(), done, pending)
}

/// What a command did.
pub struct Ran(pub Output);

impl Ran {
    pub fn code(&self) -> i32 {
        self.0.status.code().expect("no signal ended it")
    }

    pub fn stdout(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    /// How much it sent and received, where that is the one thing it told.
    pub fn moved(&self) -> (usize, usize) {
        let told = sentence(&self.stderr());
        let moved = told.strip_prefix("sent ").and_then(|rest| rest.split_once(", received "));
        let (sent, received) = moved.unwrap_or_else(|| panic!("{told:?}"));
        (sent.parse().unwrap(), received.parse().unwrap())
    }

    /// Checks that it failed with one sentence and printed nothing else. Gives the sentence.
    pub fn failed(&self) -> String {
        let stderr = self.stderr();
        assert_eq!((self.code(), self.stdout().as_str()), (1, ""), "{stderr}");
        sentence(&stderr)
    }
}

/// The one line that was told.
pub fn sentence(stderr: &str) -> String {
    let sentence = stderr.strip_prefix("todo: ").and_then(|rest| rest.strip_suffix('\n'));
    let sentence = sentence.unwrap_or_else(|| panic!("not one line of the program's: {stderr:?}"));
    assert!(!sentence.contains('\n'), "{stderr:?}");
    sentence.to_owned()
}
