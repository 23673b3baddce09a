//! `sync`, and what the server has refused.

use std::net::TcpListener;

use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cli::{Device, serve, todo};

#[test]
fn two_devices_that_wrote_offline_have_the_same_todos_after_syncing() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    let (phone, laptop) = (Device::at(&server), Device::at(&server));
    phone.id(&["add", "--id", "milk", "Milk"]);
    phone.ok(&["done", "milk"]);
    laptop.id(&["add", "--id", "bread", "Bread"]);
    laptop.id(&["add", "--id", "soap", "Soap"]);
    laptop.ok(&["rm", "soap"]);
    phone.sync(&[]);
    laptop.sync(&["--timeout", "20s"]);
    phone.sync(&[]);
    let both = [todo("bread", "Bread", false, false), todo("milk", "Milk", true, false)];
    assert_eq!(phone.list(), both);
    assert_eq!(laptop.list(), both);
    let (here, there) = (phone.json(&["status", "--json"]), laptop.json(&["status", "--json"]));
    assert_eq!((&here["pending"], &here["cursor"]), (&json!(0), &there["cursor"]));
    assert_ne!(here["client"], there["client"]);

    laptop.ok(&["edit", "milk", "Oat milk"]);
    laptop.sync(&[]);
    phone.sync(&[]);
    assert_eq!(phone.list(), laptop.list());
    assert_eq!(phone.list()[1], todo("milk", "Oat milk", true, false));
}

#[test]
fn a_sync_tells_how_much_it_has_sent_and_received() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    let (phone, laptop) = (Device::at(&server), Device::at(&server));
    phone.id(&["add", "--id", "milk", "Milk"]);
    phone.id(&["add", "--id", "bread", "Bread"]);
    phone.ok(&["done", "milk"]);
    assert_eq!(phone.sync(&[]), (3, 0));
    assert_eq!(laptop.sync(&[]), (0, 2));
    laptop.ok(&["rm", "milk"]);
    laptop.id(&["add", "Jam"]);
    assert_eq!(laptop.sync(&[]), (2, 0));
    assert_eq!(phone.sync(&[]), (0, 2));
    assert_eq!(phone.sync(&[]), (0, 0));
}

#[test]
fn a_server_that_has_lost_its_data_is_news_and_no_failure() {
    let folder = TempDir::new().unwrap();
    let mut device = Device::new();
    {
        let server = serve(folder.path(), &[]);
        device.meet(&server);
        device.id(&["add", "--id", "milk", "Milk"]);
        device.sync(&[]);
    }
    let another = TempDir::new().unwrap();
    let server = serve(another.path(), &[]);
    device.meet(&server);
    device.id(&["add", "--id", "bread", "Bread"]);
    let ran = device.run(&["sync"]);
    assert_eq!(ran.code(), 0, "{}", ran.stderr());
    let news = ran.stderr().lines().filter(|line| line.contains("was reset or restored")).count();
    assert_eq!(news, 1, "{}", ran.stderr());
    assert_eq!(device.list(), [todo("bread", "Bread", false, false)]);
}

#[test]
fn what_others_wrote_cannot_control_the_terminal() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    let (phone, laptop) = (Device::at(&server), Device::at(&server));
    // Clears the screen, is a line of its own, rings, and writes from right to left.
    let title = "Milk\u{1b}[2J\n[x] jam\u{7}\u{9b}1m\u{202e}\u{85}";
    phone.id(&["add", "--id", "a\u{1b}b", title]);
    phone.id(&["mutate", "odd\u{1b}name", r#"{"c":"\u009b"}"#]);
    phone.run(&["sync"]);
    laptop.sync(&[]);
    assert_eq!(
        laptop.ok(&["list"]),
        "[ ] a\\u{1b}b Milk\\u{1b}[2J\\n[x] jam\\u{7}\\u{9b}1m\\u{202e}\\u{85}\n"
    );
    assert_eq!(laptop.list(), [todo("a\u{1b}b", title, false, false)]);
    let rejected = phone.ok(&["rejected"]);
    assert!(rejected.contains("odd\\u{1b}name") && rejected.ends_with('\n'), "{rejected:?}");
    assert!(!rejected.trim_end().contains(char::is_control), "{rejected:?}");
    assert_eq!(phone.json(&["rejected", "--json"])[0]["name"], "odd\u{1b}name");
}

#[test]
fn two_scopes_do_not_see_each_other() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    let (ann, bob) = (Device::at(&server), Device::at(&server));
    ann.id(&["add", "Milk", "--scope", "user:ann"]);
    ann.sync(&["--scope", "user:ann"]);
    bob.sync(&["--scope", "user:bob"]);
    assert_eq!(bob.ok(&["list", "--scope", "user:bob"]), "");
}

#[test]
fn twenty_thousand_todos_reach_the_server_and_another_device() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    let (phone, laptop) = (Device::at(&server), Device::at(&server));
    let titles = phone.file("titles.txt");
    std::fs::write(&titles, (0..20_000).map(|number| format!("title {number}\n")).collect::<String>())
        .unwrap();
    phone.ok(&["import", titles.to_str().unwrap()]);
    assert_eq!(phone.sync(&["--timeout", "120"]), (20_000, 0));
    assert_eq!(laptop.sync(&["--timeout", "120s"]), (0, 20_000));
    let list = phone.list();
    assert_eq!(list.len(), 20_000);
    assert!(list.iter().all(|(.., pending)| !pending));
    assert_eq!(laptop.list(), list);
}

#[test]
fn a_conflict_is_kept_until_it_is_retried() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    let (phone, laptop) = (Device::at(&server), Device::at(&server));
    let id = conflict(&laptop, &phone);

    let refused = phone.json(&["rejected", "--json"]);
    let at = refused[0]["at"].as_str().unwrap().to_owned();
    assert!(at.ends_with('Z') && at.contains('T'), "{at}");
    assert_eq!(
        refused,
        json!([{
            "id": id, "name": "todo.create", "args": {"id": "jam", "data": {"title": "Plum jam", "done": false}},
            "code": "conflict", "error": refused[0]["error"], "at": at
        }])
    );
    assert!(phone.ok(&["rejected"]).contains("Plum jam"));
    assert_eq!(phone.list(), [todo("jam", "Fig jam", false, false)]);

    // The other one makes room.
    laptop.ok(&["rm", "jam"]);
    laptop.sync(&[]);
    let retried = phone.id(&["retry", &id]);
    assert_ne!(retried, id);
    phone.sync(&[]);
    assert_eq!(phone.ok(&["rejected"]), "");
    assert_eq!(phone.list(), [todo("jam", "Plum jam", false, false)]);
    laptop.sync(&[]);
    assert_eq!(laptop.list(), phone.list());
}

#[test]
fn a_conflict_that_is_discarded_is_forgotten() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    let (phone, laptop) = (Device::at(&server), Device::at(&server));
    let id = conflict(&laptop, &phone);

    // Tried again without a change it is refused again, under its new id.
    let again = phone.id(&["retry", &id]);
    let ran = phone.run(&["sync"]);
    assert_eq!(ran.code(), 0);
    assert!(ran.stderr().contains("\ntodo: 1 rejected"), "{}", ran.stderr());
    assert_eq!(phone.json(&["rejected", "--json"])[0]["id"], again);

    phone.ok(&["discard", &again]);
    assert_eq!(phone.json(&["rejected", "--json"]), json!([]));
    phone.sync(&[]);
    assert_eq!(phone.list(), [todo("jam", "Fig jam", false, false)]);
    assert!(phone.run(&["retry", &again]).failed().contains(&again));
}

/// Both make the same todo, and `second` syncs after `first`. The id of the mutation that was refused.
fn conflict(first: &Device, second: &Device) -> String {
    first.id(&["add", "--id", "jam", "Fig jam"]);
    second.id(&["add", "--id", "jam", "Plum jam"]);
    first.sync(&[]);
    let ran = second.run(&["sync"]);
    assert_eq!(ran.code(), 0, "a refusal is no failure of the sync");
    assert!(ran.stderr().contains("\ntodo: 1 rejected"), "{}", ran.stderr());
    assert_eq!(second.json(&["status", "--json"])["rejected"], 1);
    let refused = second.json(&["rejected", "--json"]);
    refused[0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_mutation_that_the_server_does_not_know_is_refused_with_its_arguments() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    let device = Device::at(&server);
    let id = device.id(&["mutate", "list.archive", r#"{"before": [1, {"deep": null}]}"#]);
    assert_eq!(device.run(&["sync"]).code(), 0);
    let refused = device.json(&["rejected", "--json"]);
    assert_eq!((&refused[0]["id"], &refused[0]["code"]), (&json!(id), &json!("unknown_mutation")));
    assert_eq!(refused[0]["args"], json!({"before": [1, {"deep": null}]}));
}

#[test]
fn a_refused_mutation_that_is_damaged_in_the_file_does_not_hide_the_others() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    let device = Device::at(&server);
    let ids = [device.id(&["mutate", "one", "{}"]), device.id(&["mutate", "two", r#"{"a":1}"#])];
    assert_eq!(device.run(&["sync"]).code(), 0);
    let file = Connection::open(device.file("todos.db")).unwrap();
    file.execute("UPDATE mutation SET args = '{\"bro' WHERE name = 'one'", []).unwrap();
    drop(file);
    let refused = device.json(&["rejected", "--json"]);
    assert_eq!((&refused[0]["id"], &refused[0]["args"]), (&json!(ids[0]), &json!("{\"bro")));
    assert_eq!((&refused[1]["id"], &refused[1]["args"]), (&json!(ids[1]), &json!({"a": 1})));
}

#[test]
fn a_sync_that_finds_no_server_fails_with_the_reason_and_keeps_everything() {
    let mut device = Device::new();
    device.id(&["add", "--id", "milk", "Milk"]);
    // Free a moment ago, so nobody listens there.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{address}/_sync");
    let reason = device.run(&["sync", "--timeout", "300ms", "--url", &url]).failed();
    assert!(reason.contains(&url), "{reason}");
    assert_eq!(device.list(), [todo("milk", "Milk", false, true)]);

    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    device.meet(&server);
    device.sync(&[]);
    assert_eq!(device.list(), [todo("milk", "Milk", false, false)]);
}

#[test]
fn a_url_that_is_no_sync_server_fails_at_once_with_the_reason() {
    let folder = TempDir::new().unwrap();
    let server = serve(folder.path(), &[]);
    let device = Device::new();
    device.ok(&["add", "Milk"]);
    let wrong = server.url.replace("_sync", "elsewhere");
    let reason = device.run(&["sync", "--timeout", "10m", "--url", &wrong]).failed();
    assert!(reason.contains("404") && reason.contains("base URL"), "{reason}");
}

#[test]
fn a_token_opens_the_server_and_none_does_not() {
    let folder = TempDir::new().unwrap();
    let tokens = folder.path().join("tokens.json");
    let entry: Value = json!([{"token": "s3cret-of-ann", "principal": "ann", "scopes": ["user:demo"]}]);
    std::fs::write(&tokens, entry.to_string()).unwrap();
    let server = serve(folder.path(), &["--token-file", tokens.to_str().unwrap()]);
    let device = Device::at(&server);
    device.ok(&["add", "--id", "milk", "Milk"]);
    for arguments in [&["sync", "--timeout", "10m"][..], &["sync", "--timeout", "10m", "--token", "wrong"]] {
        let reason = device.run(arguments).failed();
        assert!(reason.contains("token"), "{reason}");
    }
    let reason =
        Device::at(&server).run(&["sync", "--scope", "user:other", "--token", "s3cret-of-ann"]).failed();
    assert!(reason.contains("may not"), "{reason}");
    device.sync(&["--token", "s3cret-of-ann"]);
    assert_eq!(device.list(), [todo("milk", "Milk", false, false)]);
}
