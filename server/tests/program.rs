//! The program: its first line, its exit codes, its signals.

#![allow(clippy::unwrap_used, reason = "a test that fails there says why")]
#![cfg(unix)]

mod support;
#[path = "support/websocket.rs"]
mod websocket;

use std::fs;
use std::io::{BufRead as _, BufReader, Lines, Read as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use support::{HttpAnswer, SCOPE, create, http, http_receive, http_send};
use websocket::Socket;

fn program(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mizu-sync-server"));
    command.arg("--db").arg(directory.join("mizu.db")).args(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A running program. Killed when dropped.
struct Running {
    child: Child,
    first_line: String,
}

impl Running {
    fn start(directory: &Path, arguments: &[&str]) -> Self {
        let mut child =
            program(directory, &[&["--listen", "127.0.0.1:0"], arguments].concat()).spawn().unwrap();
        let mut first_line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut first_line).unwrap();
        Self { child, first_line }
    }

    fn address(&self) -> SocketAddr {
        let rest = self.first_line.trim_end().strip_prefix("listening on http://").unwrap();
        rest.split('/').next().unwrap().parse().unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end; the exit code, and what was logged.
    fn end(mut self) -> (Option<i32>, String) {
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap().code(), log)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn push(address: SocketAddr, headers: &[(&str, &str)], mutation: &Value) -> HttpAnswer {
    let body = json!({ "mutations": [mutation] }).to_string();
    http(address, "POST /_sync/push", headers, body.as_bytes())
}

fn refused(directory: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = program(directory, arguments).output().unwrap();
    assert!(stdout.is_empty());
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn the_first_line_names_the_url_with_the_real_port() {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::start(directory.path(), &["--base", "/other"]);
    let address = running.address();
    assert_ne!(address.port(), 0);
    assert_eq!(running.first_line, format!("listening on http://{address}/other\n"));
    assert_eq!(http(address, "GET /other/healthz", &[], b"").status, 200);
}

#[test]
fn both_signals_end_it_with_exit_code_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let directory = tempfile::tempdir().unwrap();
        let running = Running::start(directory.path(), &[]);
        running.signal(signal);
        assert_eq!(running.end().0, Some(0));
    }
}

#[test]
fn a_signal_lets_replies_in_flight_finish() {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::start(directory.path(), &[]);
    let batch: Vec<Value> = (0..20_000).map(|number| create(&format!("t{number}"))).collect();
    let body = json!({ "mutations": batch }).to_string();
    let connection = http_send(running.address(), "POST /_sync/push", &[], body.as_bytes());
    thread::sleep(Duration::from_millis(100));
    running.signal(Signal::TERM);
    let answer = http_receive(connection);
    assert_eq!((answer.status, answer.json()["results"].as_array().unwrap().len()), (200, 20_000));
    assert_eq!(running.end().0, Some(0));
}

#[test]
fn what_was_answered_survives_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::start(directory.path(), &[]);
    assert_eq!(push(running.address(), &[], &create("a")).status, 200);
    drop(running);
    let running = Running::start(directory.path(), &[]);
    let body = json!({ "scope": SCOPE }).to_string();
    let pull = http(running.address(), "POST /_sync/pull", &[], body.as_bytes());
    assert_eq!(pull.json()["changes"].as_array().unwrap().len(), 1);
}

#[test]
fn without_tokens_it_listens_on_loopback_only() {
    let directory = tempfile::tempdir().unwrap();
    let (code, said) = refused(directory.path(), &["--listen", "0.0.0.0:0"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("--token-file") && said.contains("--insecure"), "{said}");
    assert!(!directory.path().join("mizu.db").exists());
}

#[test]
fn insecure_listens_everywhere() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = program(directory.path(), &["--listen", "0.0.0.0:0", "--insecure"]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.starts_with("listening on http://0.0.0.0:"), "{line}");
}

#[test]
fn a_wrong_argument_is_exit_code_2() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in [
        ["--keep-log", "6d"],
        ["--rate-limit", "fast"],
        ["--keep-log", "soon"],
        ["--listen", "here"],
        ["--log-format", "xml"],
    ] {
        assert_eq!(refused(directory.path(), &arguments).0, Some(2), "{arguments:?}");
    }
}

#[test]
fn it_listens_on_a_host_name_too() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = program(directory.path(), &["--listen", "localhost:0"]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.starts_with("listening on http://127.0.0.1:") || line.contains("[::1]"), "{line}");
}

#[test]
fn an_address_that_is_none_is_answered_with_an_example() {
    let directory = tempfile::tempdir().unwrap();
    for address in ["here", "127.0.0.1", "8080", "127.0.0.1:99999"] {
        let (code, said) = refused(directory.path(), &["--listen", address]);
        assert_eq!(code, Some(2));
        assert!(said.contains("write it like 127.0.0.1:8080 or localhost:8080"), "{said}");
    }
}

#[test]
fn a_token_file_that_lets_nobody_in_is_warned_of() {
    for (entries, warned) in [("[]", true), (r#"[{"token":"t","principal":"p","scopes":["user:*"]}]"#, false)]
    {
        let directory = tempfile::tempdir().unwrap();
        let tokens = directory.path().join("tokens.json");
        fs::write(&tokens, entries).unwrap();
        let running = Running::start(directory.path(), &["--token-file", tokens.to_str().unwrap()]);
        running.signal(Signal::TERM);
        let (code, log) = running.end();
        assert_eq!((code, log.contains("nobody is let in")), (Some(0), warned), "{log}");
    }
}

#[test]
fn the_help_explains_the_token_file() {
    let directory = tempfile::tempdir().unwrap();
    let help = String::from_utf8(program(directory.path(), &["--help"]).output().unwrap().stdout).unwrap();
    assert!(help.contains("team:*") && help.contains("\"expires\" may be left out"), "{help}");
}

#[test]
fn what_cannot_be_opened_is_exit_code_1_and_a_sentence() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("mizu.db"), "my diary ".repeat(1_000)).unwrap();
    let (code, said) = refused(directory.path(), &["--listen", "127.0.0.1:0"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("is not the database of a Mizu sync server"), "{said}");

    let (code, said) = refused(directory.path(), &["--token-file", "/nonexistent/tokens"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("/nonexistent/tokens"), "{said}");
}

/// A program whose log is read as it comes.
struct Watched {
    running: Running,
    lines: Lines<BufReader<ChildStderr>>,
}

impl Watched {
    fn start(directory: &Path, arguments: &[&str]) -> Self {
        let mut running = Running::start(directory, arguments);
        let lines = BufReader::new(running.child.stderr.take().unwrap()).lines();
        Self { running, lines }
    }

    /// Reads on to a line with these words.
    fn wait_for(&mut self, words: &str) {
        let found = self.lines.by_ref().map_while(Result::ok).any(|line| line.contains(words));
        assert!(found, "it ended without {words:?}");
    }
}

fn token_entry(token: &str) -> String {
    format!(r#"[{{"token":"{token}","principal":"p","scopes":["*"]}}]"#)
}

#[test]
fn a_hang_up_has_the_token_file_read_again_and_a_wrong_file_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let tokens = directory.path().join("tokens.json");
    fs::write(&tokens, token_entry("old")).unwrap();
    let mut program = Watched::start(directory.path(), &["--token-file", tokens.to_str().unwrap()]);
    let address = program.running.address();
    let status =
        |token: &str| push(address, &[("authorization", &format!("Bearer {token}"))], &create("a")).status;
    assert_eq!((status("old"), status("new")), (200, 401));
    fs::write(&tokens, token_entry("new")).unwrap();
    program.running.signal(Signal::HUP);
    program.wait_for("the token file was read again");
    assert_eq!((status("old"), status("new")), (401, 200));
    fs::write(&tokens, "[").unwrap();
    program.running.signal(Signal::HUP);
    program.wait_for("the token file stays as it was");
    assert_eq!(status("new"), 200);
}

#[test]
fn without_a_token_file_a_hang_up_ends_it() {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::start(directory.path(), &[]);
    running.signal(Signal::HUP);
    assert_eq!(running.end().0, Some(0));
}

#[test]
fn the_second_line_names_where_the_metrics_are() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = ["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"];
    let mut child = program(directory.path(), &arguments).spawn().unwrap();
    let line = BufReader::new(child.stdout.as_mut().unwrap()).lines().nth(1).unwrap().unwrap();
    let address = line.strip_prefix("metrics on http://").unwrap().strip_suffix("/metrics").unwrap();
    let answer = http(address.parse().unwrap(), "GET /metrics", &[], b"");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(answer.status, 200);
}

#[test]
fn requests_are_limited_with_a_token_file_and_as_told() {
    for (arguments, limited) in
        [(&["--rate-limit", "1/s"][..], true), (&["--rate-limit", "off"], false), (&[], false)]
    {
        let directory = tempfile::tempdir().unwrap();
        let running = Running::start(directory.path(), arguments);
        let asked = (0..20).map(|_| push(running.address(), &[], &create("a")).status);
        let refused = asked.filter(|status| *status == 429).count();
        assert_eq!(refused > 0, limited, "{arguments:?}");
    }
}

#[test]
fn a_signal_tells_live_sockets_that_it_stops() {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::start(directory.path(), &[]);
    let mut socket = Socket::open(running.address(), &[]);
    socket.subscribe(SCOPE);
    running.signal(Signal::TERM);
    assert_eq!(socket.end().0, 1001);
    assert_eq!(running.end().0, Some(0));
}

#[test]
fn every_line_of_the_json_log_is_an_object_with_its_fields() {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::start(directory.path(), &["--log-format", "json"]);
    push(running.address(), &[], &create("a"));
    push(running.address(), &[], &json!(7));
    let mut leaving = Socket::open(running.address(), &[]);
    leaving.subscribe(SCOPE);
    leaving.close();
    let stopping = Socket::open(running.address(), &[]);
    running.signal(Signal::TERM);
    stopping.end();
    let (_, log) = running.end();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    for line in &lines {
        assert!(
            line["timestamp"].is_string() && line["level"].is_string() && line["message"].is_string(),
            "{line}"
        );
    }
    let with = |message: &str, field: &str, value: Value| {
        lines.iter().filter(|line| line["message"] == message && line[field] == value).count()
    };
    assert_eq!(with("listening", "version", json!(env!("CARGO_PKG_VERSION"))), 1);
    assert_eq!((with("request", "status", json!(200)), with("request", "status", json!(400))), (1, 1));
    assert_eq!(
        (with("request", "endpoint", json!("live")), with("closed", "endpoint", json!("live"))),
        (2, 2)
    );
    assert_eq!((with("closed", "code", json!(1001)), with("stopped", "level", json!("INFO"))), (1, 1));
    assert!(lines.iter().filter(|line| line["message"] == "request").all(|line| line["micros"].is_u64()));

    fs::write(directory.path().join("mizu.db"), "my diary ".repeat(1_000)).unwrap();
    let (code, said) = refused(directory.path(), &["--listen", "127.0.0.1:0", "--log-format", "json"]);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &said["message"]), (Some(1), &json!("failed")));
}

#[test]
fn logs_hold_neither_token_nor_user_nor_data() {
    for format in ["text", "json"] {
        let directory = tempfile::tempdir().unwrap();
        let tokens = directory.path().join("tokens.json");
        fs::write(&tokens, r#"[{"token":"canary1","principal":"canary2","scopes":["canary3"]}]"#).unwrap();
        let running = Running::start(
            directory.path(),
            &["--token-file", tokens.to_str().unwrap(), "--log-format", format],
        );
        let mut mutation = create("canary4");
        mutation["scope"] = "canary3".into();
        let mut socket = Socket::open(running.address(), &[("authorization", "Bearer canary1")]);
        socket.subscribe("canary3");
        socket.subscribe("canary6");
        socket.send("canary8");
        for token in ["Bearer canary1", "Bearer canary5"] {
            push(running.address(), &[("authorization", token)], &mutation);
        }
        mutation["scope"] = "canary6".into();
        push(running.address(), &[("authorization", "Bearer canary1")], &mutation);
        push(running.address(), &[("authorization", "Bearer canary1")], &json!("canary7"));
        running.signal(Signal::TERM);
        socket.end();
        let (_, log) = running.end();
        assert!(log.contains("request") && log.contains("401") && log.contains("403"), "{log}");
        assert!(!log.contains("canary"), "{log}");
    }
}
