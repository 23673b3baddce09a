//! Waiting for what the server is asked.

use std::time::Duration;

use mizu_sync::net::Endpoint;
use mizu_sync::testing::{SOON, Server};

use crate::{SCOPE, Todo, count, todos};

#[test]
fn requests_are_kept_with_what_they_said_and_what_was_said_to_them() {
    let server = Server::start();
    let phone = server.client(SCOPE);
    todos(&phone).create("t1", Todo::new("Milk")).unwrap();
    phone.flush(SOON).unwrap();
    let requests = server.requests();
    let push = requests.iter().find(|request| request.is_to(Endpoint::Push)).unwrap();
    assert_eq!((push.method.as_str(), push.path.as_str(), push.answered), ("POST", "/_sync/push", Some(200)));
    assert_eq!((push.endpoint(), push.header("MIZU-SYNC"), push.header("x")), ("push", Some("1"), None));
    assert_eq!(push.json()["mutations"][0]["name"], "todo.create");
}

#[test]
fn whoever_waits_for_a_request_finds_what_it_did() {
    let server = Server::start();
    let phone = server.client(SCOPE);
    for number in 1..=20 {
        todos(&phone).create(&format!("t{number}"), Todo::new("Milk")).unwrap();
        server.wait_for(|requests| count(requests, Endpoint::Push) >= number);
        assert_eq!(server.count(SCOPE, "todo"), number);
        phone.flush(SOON).unwrap();
    }
}

#[test]
fn mutations_are_waited_for() {
    let server = Server::start();
    let phone = server.client(SCOPE);
    for number in 0..5 {
        todos(&phone).create(&format!("t{number}"), Todo::new("Milk")).unwrap();
    }
    server.wait_for_mutations(|mutations| mutations.len() == 5);
    assert_eq!(server.count(SCOPE, "todo"), 5);
}

#[test]
fn who_waits_in_vain_is_told_what_was_asked_instead() {
    let server = Server::start();
    let wait = |server: &Server| server.wait_for_within(Duration::from_millis(20), |_| false).unwrap_err();
    assert_eq!(wait(&server).to_string(), "waited for 0.02 s in vain: the server was asked nothing");
    server.answer_status(Endpoint::Pull, 503, None, 2);
    server.reject("todo.delete", "forbidden", "no");
    let phone = server.client(SCOPE);
    todos(&phone).create("t1", Todo::new("Milk")).unwrap().delete().unwrap();
    phone.flush(SOON).unwrap();
    let seen = wait(&server).seen;
    assert!(seen.contains("snapshot 200, ") && seen.contains("pull 503"), "{seen}");
    assert!(seen.contains("push 200 of todo.create"), "{seen}");
    assert!(!seen.contains("Milk"), "{seen}");
}

#[test]
fn the_condition_may_ask_the_server() {
    let server = Server::start();
    let phone = server.client(SCOPE);
    todos(&phone).create("t1", Todo::new("Milk")).unwrap();
    server.wait_for(|_| server.count(SCOPE, "todo") == 1 && !server.requests().is_empty());
}
