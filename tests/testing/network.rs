//! Tunnels, hung servers, lost answers, sign-in pages.

use std::sync::mpsc;

use mizu_sync::net::Endpoint;
use mizu_sync::testing::{Answer, SOON, Server};
use serde_json::json;

use crate::{SCOPE, Todo, count, statuses, todos};

#[test]
fn offline_means_no_answer_and_online_again_is_the_same_port() {
    let server = Server::start();
    let (tell, told) = mpsc::channel();
    let phone = server.builder(SCOPE).on_offline(move || _ = tell.send(())).open().unwrap();
    phone.start().unwrap();
    phone.sync(SOON).unwrap();
    let url = server.url();
    server.go_offline();
    todos(&phone).create("t1", Todo::new("Milk")).unwrap();
    told.recv_timeout(SOON).unwrap();
    assert!(todos(&phone).row("t1").unwrap().unwrap().pending);
    assert_eq!(server.count(SCOPE, "todo"), 0);
    server.go_online();
    phone.flush(SOON).unwrap();
    assert_eq!((server.count(SCOPE, "todo"), server.url()), (1, url));
}

#[test]
fn going_offline_ends_requests_that_are_under_way() {
    let server = Server::start();
    let (tell, told) = mpsc::channel();
    let phone = server.builder(SCOPE).on_offline(move || _ = tell.send(())).open().unwrap();
    phone.start().unwrap();
    phone.sync(SOON).unwrap();
    server.hang();
    todos(&phone).create("t1", Todo::new("Milk")).unwrap();
    server.wait_for(|requests| count(requests, Endpoint::Push) >= 1);
    server.go_offline();
    told.recv_timeout(SOON).unwrap();
    server.release();
    assert_eq!(server.count(SCOPE, "todo"), 0, "it was not applied");
    server.go_online();
    phone.flush(SOON).unwrap();
}

#[test]
fn a_hanging_server_takes_requests_and_answers_them_when_released() {
    let server = Server::start();
    let phone = server.client(SCOPE);
    server.hang();
    todos(&phone).create("t1", Todo::new("Milk")).unwrap();
    server.wait_for(|requests| count(requests, Endpoint::Push) >= 1);
    assert_eq!(statuses(&server, Endpoint::Push), [None]);
    assert_eq!((server.count(SCOPE, "todo"), phone.pending().unwrap().len()), (0, 1));
    server.release();
    phone.flush(SOON).unwrap();
    assert_eq!((server.mutations().len(), count(&server.requests(), Endpoint::Push)), (1, 1));
}

#[test]
fn a_server_that_hangs_can_be_dropped() {
    let server = Server::start();
    let phone = server.client(SCOPE);
    server.hang();
    todos(&phone).create("t1", Todo::new("Milk")).unwrap();
    server.wait_for(|requests| count(requests, Endpoint::Push) >= 1);
    drop(server);
    assert_eq!(phone.pending().unwrap().len(), 1);
}

#[test]
fn a_write_whose_answer_was_lost_is_applied_once() {
    let server = Server::start();
    let phone = server.client(SCOPE);
    server.lose_replies(Endpoint::Push, 2);
    todos(&phone).create("t1", Todo::new("Milk")).unwrap();
    phone.flush(SOON).unwrap();
    assert_eq!(statuses(&server, Endpoint::Push), [None, None, Some(200)]);
    assert_eq!((server.mutations().len(), phone.rejected().unwrap().len()), (1, 0));
}

#[test]
fn only_the_answers_of_that_endpoint_are_lost() {
    let server = Server::start();
    let phone = server.client(SCOPE);
    server.lose_replies(Endpoint::Push, 1);
    phone.sync(SOON).unwrap();
    assert!(statuses(&server, Endpoint::Pull).iter().all(|status| *status == Some(200)));
}

#[test]
fn a_sign_in_page_is_taken_for_no_answer_of_the_server() {
    let server = Server::start();
    let phone = server.client(SCOPE);
    server.captive_portal(true);
    todos(&phone).create("t1", Todo::new("Milk")).unwrap();
    let before = server.requests().len();
    server.wait_for(|requests| requests.len() > before + 2);
    assert_eq!((phone.pending().unwrap().len(), phone.rejected().unwrap().len()), (1, 0));
    assert_eq!(server.count(SCOPE, "todo"), 0);
    server.captive_portal(false);
    phone.flush(SOON).unwrap();
    assert_eq!(server.count(SCOPE, "todo"), 1);
}

#[test]
fn an_answer_that_breaks_off_is_asked_for_again() {
    let server = Server::start();
    let phone = server.client(SCOPE);
    server.put(SCOPE, "todo", "t1", &Todo::new("Milk"));
    server.answer(Endpoint::Pull, &Answer::ok(&json!({ "changes": [], "has_more": false })).cut_after(9), 1);
    server.answer(Endpoint::Pull, &Answer::none(), 1);
    phone.sync(SOON).unwrap();
    assert_eq!(todos(&phone).count().unwrap(), 1);
}
