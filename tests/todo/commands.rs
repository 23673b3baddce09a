//! The commands that stay on this machine.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use crate::cli::{Device, Ran, serve, todo};

#[test]
fn a_todo_is_added_ticked_off_renamed_and_removed_without_a_server() {
    let device = Device::new();
    let milk = device.id(&["add", "Milk"]);
    let bread = device.id(&["add", "Bread"]);
    assert_eq!(device.ok(&["done", &milk]), "");
    assert_eq!(device.ok(&["edit", &bread, "Rye bread"]), "");
    assert_eq!(device.list(), [todo(&milk, "Milk", true, true), todo(&bread, "Rye bread", false, true)]);
    assert_eq!(device.ok(&["list"]), format!("[x] {milk} Milk (unsent)\n[ ] {bread} Rye bread (unsent)\n"));
    assert_eq!(device.ok(&["rm", &milk]), "");
    assert_eq!(device.list(), [todo(&bread, "Rye bread", false, true)]);
}

#[test]
fn the_list_is_in_the_order_of_the_ids() {
    let device = Device::new();
    for id in ["b", "a", "c"] {
        assert_eq!(device.id(&["add", "--id", id, "Title"]), id);
    }
    let ids: Vec<String> = device.list().into_iter().map(|(id, ..)| id).collect();
    assert_eq!(ids, ["a", "b", "c"]);
}

#[test]
fn an_id_that_is_taken_is_refused() {
    let device = Device::new();
    device.id(&["add", "--id", "milk", "Milk"]);
    assert!(device.run(&["add", "--id", "milk", "More milk"]).failed().contains("exists already"));
    assert_eq!(device.list(), [todo("milk", "Milk", false, true)]);
}

#[test]
fn an_id_that_nothing_has_is_a_failure_and_changes_nothing() {
    let device = Device::new();
    device.id(&["add", "--id", "milk", "Milk"]);
    for arguments in [
        &["done", "jam"][..],
        &["edit", "jam", "Plum jam"],
        &["rm", "jam"],
        &["retry", "jam"],
        &["discard", "jam"],
    ] {
        assert!(device.run(arguments).failed().contains("jam"), "{arguments:?}");
    }
    assert_eq!(device.list(), [todo("milk", "Milk", false, true)]);
    assert_eq!(device.json(&["status", "--json"])["pending"], 1);
}

#[test]
fn a_mutation_of_the_servers_own_waits_in_the_queue_and_changes_nothing_here() {
    let device = Device::new();
    let id = device.id(&["mutate", "list.archive", r#"{"before":"2026-01-01"}"#]);
    assert!(!id.is_empty());
    assert_eq!(device.list(), []);
    assert_eq!(device.json(&["status", "--json"])["pending"], 1);
    assert_eq!(device.ok(&["discard", &id]), "");
    assert_eq!(device.json(&["status", "--json"])["pending"], 0);
}

#[test]
fn the_status_is_known_without_a_server() {
    let device = Device::new();
    device.id(&["add", "Milk"]);
    let status = device.json(&["status", "--json", "--scope", "user:demo"]);
    let client = status["client"].as_str().unwrap().to_owned();
    assert_eq!(
        status,
        json!({"cursor": 0, "pending": 1, "rejected": 0, "online": false, "scope": "user:demo", "client": client})
    );
    assert_eq!(device.json(&["status", "--json"])["client"], client, "the file keeps its name");
    assert_eq!(
        device.ok(&["status"]),
        format!("user:demo: 1 unsent, 0 rejected, synced up to 0, as client {client}\n")
    );
}

#[test]
fn nothing_but_sync_touches_the_network() {
    let folder = TempDir::new().unwrap();
    let mut server = serve(folder.path(), &[]);
    let here = Device::at(&server);
    let id = here.id(&["add", "Milk"]);
    here.ok(&["done", &id]);
    here.ok(&["edit", &id, "Oat milk"]);
    let mutation = here.id(&["mutate", "list.archive", "{}"]);
    here.ok(&["discard", &mutation]);
    for arguments in [&["list"][..], &["status"], &["rejected"], &["import", "-"], &["rm", &id]] {
        here.ok(arguments);
    }
    server.kill();
    let requests: Vec<String> = server.log.iter().filter(|line| line.contains("request")).collect();
    assert!(requests.is_empty(), "{requests:?}");
}

#[test]
fn a_second_process_on_the_file_is_refused_while_the_first_one_lives() {
    let device = Device::new();
    let mut first = device.import();
    let mut typed = first.stdin.take().unwrap();
    writeln!(typed, "Milk").unwrap();
    // Once its id is there the file is open.
    let mut id = String::new();
    BufReader::new(first.stdout.take().unwrap()).read_line(&mut id).unwrap();
    assert!(device.run(&["list"]).failed().contains("already open"));
    assert!(device.run(&["sync"]).failed().contains("already open"));
    drop(typed);
    assert!(first.wait().unwrap().success());
    assert_eq!(device.list(), [todo(id.trim_end(), "Milk", false, true)]);
}

#[test]
fn a_file_that_another_process_gives_back_soon_is_waited_for() {
    let device = Device::new();
    let mut first = device.import();
    let mut typed = first.stdin.take().unwrap();
    writeln!(typed, "Milk").unwrap();
    let mut id = String::new();
    BufReader::new(first.stdout.take().unwrap()).read_line(&mut id).unwrap();
    let second =
        device.command(&["add", "Bread"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    thread::sleep(Duration::from_millis(200));
    drop(typed);
    let second = Ran(second.wait_with_output().unwrap());
    assert_eq!((second.code(), second.stderr().as_str()), (0, ""));
    assert!(first.wait().unwrap().success());
    assert_eq!(device.list().len(), 2);
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let device = Device::new();
    let closed = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        Stdio::from(writer)
    };
    for arguments in [&["add", "Milk"][..], &["list"], &["list", "--json"], &["status", "--json"]] {
        let ran = device.command(arguments).stdout(closed()).output().unwrap();
        assert_eq!((ran.status.code(), ran.stderr.len()), (Some(0), 0), "{arguments:?}");
    }
    assert_eq!(device.list().len(), 1, "the write itself was made");
}

#[test]
fn a_file_of_another_scope_is_refused() {
    let device = Device::new();
    device.ok(&["add", "Milk"]);
    assert!(device.run(&["list", "--scope", "user:other"]).failed().contains("holds the scope"));
}
