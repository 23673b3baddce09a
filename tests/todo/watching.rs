//! `todo watch`: what it prints, and when it ends.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::{Device, serve, serve_at};

/// Longer than anything here takes.
const SOON: Duration = Duration::from_secs(60);

/// A process that watches.
struct Watcher {
    child: Child,
    lines: Receiver<String>,
}

impl Watcher {
    fn start(device: &Device, arguments: &[&str]) -> Self {
        let mut command = device.command(&[&["watch"], arguments].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines }
    }

    fn line(&self) -> String {
        self.lines.recv_timeout(SOON).expect("a line in time")
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.line()).expect("one JSON value a line")
    }

    /// Waits for this list, past those that are only on the way to it.
    fn wait_for(&self, list: &Value) {
        while self.json() != *list {}
    }

    fn interrupt(&mut self) -> ExitStatus {
        let sent = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        self.child.wait().unwrap()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn two_watchers_see_what_a_third_device_adds_also_from_a_server_that_was_restarted() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = serve(folder.path(), &[]);
    let address = server.url.trim_start_matches("http://").trim_end_matches("/_sync").to_owned();
    let devices = [Device::at(&server), Device::at(&server)];
    let watchers = devices.each_ref().map(|device| Watcher::start(device, &["--json"]));
    watchers.iter().for_each(|watcher| watcher.wait_for(&json!([])));
    let writer = Device::at(&server);
    let todo = |id: &str, title: &str| json!({ "id": id, "title": title, "done": false, "pending": false });

    writer.ok(&["add", "Milk", "--id", "b"]);
    writer.sync(&[]);
    watchers.iter().for_each(|watcher| watcher.wait_for(&json!([todo("b", "Milk")])));

    server.kill();
    let _server = serve_at(&address, folder.path());
    writer.ok(&["add", "Bread", "--id", "a"]);
    writer.sync(&[]);
    watchers.iter().for_each(|watcher| watcher.wait_for(&json!([todo("a", "Bread"), todo("b", "Milk")])));
}

#[test]
fn the_list_is_printed_at_the_start_and_the_program_ends_well_when_it_is_interrupted() {
    let device = Device::new();
    device.ok(&["add", "Milk", "--id", "a"]);
    for (arguments, expected) in [
        (&["--json"][..], r#"[{"id":"a","title":"Milk","done":false,"pending":true}]"#),
        (&[], "[ ] a Milk (unsent)"),
    ] {
        let mut watcher = Watcher::start(&device, arguments);
        assert_eq!(watcher.line(), expected);
        assert_eq!(watcher.interrupt().code(), Some(0));
        assert!(watcher.lines.recv_timeout(SOON).is_err(), "nothing more");
    }
    // The file is free again, and nothing was lost.
    assert_eq!(device.list(), [("a".to_owned(), "Milk".to_owned(), false, true)]);
}

#[test]
fn each_change_is_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path(), &[]);
    let watched = Device::at(&server);
    let watcher = Watcher::start(&watched, &[]);
    let writer = Device::at(&server);
    let steps: [(&[&str], &str); 4] = [
        (&["add", "Milk", "--id", "a"], "+ [ ] a Milk"),
        (&["edit", "a", "Oat milk"], "* [ ] a Oat milk"),
        (&["done", "a"], "* [x] a Oat milk"),
        (&["rm", "a"], "- a"),
    ];
    for (arguments, line) in steps {
        writer.ok(arguments);
        writer.sync(&[]);
        assert_eq!(watcher.line(), line);
    }
}
