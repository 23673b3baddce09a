//! The program: its first line, its exit codes, its signals.

#![allow(clippy::unwrap_used, reason = "a test that fails there says why")]
#![cfg(unix)]

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use support::{HttpAnswer, SCOPE, create, http, http_receive, http_send};

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
    for arguments in
        [["--keep-log", "6d"], ["--keep-log", "soon"], ["--listen", "here"], ["--log-format", "xml"]]
    {
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
        for token in ["Bearer canary1", "Bearer canary5"] {
            push(running.address(), &[("authorization", token)], &mutation);
        }
        mutation["scope"] = "canary6".into();
        push(running.address(), &[("authorization", "Bearer canary1")], &mutation);
        push(running.address(), &[("authorization", "Bearer canary1")], &json!("canary7"));
        running.signal(Signal::TERM);
        let (_, log) = running.end();
        assert!(log.contains("request") && log.contains("401") && log.contains("403"), "{log}");
        assert!(!log.contains("canary"), "{log}");
    }
}
