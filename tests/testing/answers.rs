//! What the server says to what it does not like.

use std::time::Duration;

use mizu_sync::SyncError;
use mizu_sync::net::Endpoint;
use mizu_sync::testing::{Answer, SOON, Server};

use crate::{SCOPE, Todo, count, statuses, sync_error, todos};

#[test]
fn a_rejected_write_is_undone_told_and_kept_for_the_app() {
    let server = Server::start();
    let phone = server.client(SCOPE);
    for code in ["conflict", "invalid_mutation", "not_found", "forbidden", "unknown_mutation"] {
        server.reject("todo.create", code, "not today");
        todos(&phone).create("t1", Todo::new("Milk")).unwrap();
        phone.flush(SOON).unwrap();
        let rejected = phone.rejected().unwrap();
        assert_eq!((rejected[0].code.as_str(), rejected[0].error.as_str()), (code, "not today"));
        assert_eq!(todos(&phone).count().unwrap(), 0);
        phone.discard(&rejected[0].id).unwrap();
    }
    assert_eq!((server.count(SCOPE, "todo"), server.mutations().len()), (0, 0));
}

#[test]
fn the_other_mutations_go_on_when_one_is_rejected() {
    let server = Server::start();
    let phone = server.client(SCOPE);
    server.reject("todo.delete", "forbidden", "nothing is ever done");
    let milk = todos(&phone).create("t1", Todo::new("Milk")).unwrap();
    milk.delete().unwrap();
    todos(&phone).create("t2", Todo::new("Bread")).unwrap();
    phone.flush(SOON).unwrap();
    assert_eq!((todos(&phone).count().unwrap(), server.count(SCOPE, "todo")), (2, 2));
}

#[test]
fn what_was_rejected_once_stays_so_and_a_retry_is_another_mutation() {
    let server = Server::start();
    let phone = server.client(SCOPE);
    server.reject("todo.create", "conflict", "no");
    server.lose_replies(Endpoint::Push, 1);
    todos(&phone).create("t1", Todo::new("Milk")).unwrap();
    server.wait_for(|requests| count(requests, Endpoint::Push) >= 1);
    server.accept("todo.create");
    phone.flush(SOON).unwrap();
    let rejected = phone.rejected().unwrap();
    assert_eq!(rejected.len(), 1, "the outcome is remembered");
    phone.retry(&rejected[0].id).unwrap();
    phone.flush(SOON).unwrap();
    assert_eq!(server.count(SCOPE, "todo"), 1);
}

#[test]
#[should_panic(expected = "\"overloaded\" refuses nothing for ever")]
fn a_code_that_is_no_refusal_is_told_to_the_test() {
    Server::start().reject("todo.create", "overloaded", "no");
}

#[test]
fn a_temporary_failure_keeps_the_write_until_it_is_accepted() {
    let server = Server::start();
    let phone = server.client(SCOPE);
    server.fail("todo.create", "the stock is being counted");
    todos(&phone).create("t1", Todo::new("Milk")).unwrap();
    server.wait_for(|requests| count(requests, Endpoint::Push) >= 2);
    let pending = phone.pending().unwrap();
    assert_eq!(pending[0].error.as_deref(), Some("the stock is being counted"));
    assert!(todos(&phone).row("t1").unwrap().unwrap().pending);
    server.accept("todo.create");
    phone.flush(SOON).unwrap();
    assert_eq!((server.count(SCOPE, "todo"), phone.rejected().unwrap().len()), (1, 0));
}

#[test]
fn a_status_is_answered_as_often_as_it_was_asked_for() {
    let server = Server::start();
    let phone = server.client(SCOPE);
    server.answer_status(Endpoint::Push, 503, None, 2);
    server.answer_status(Endpoint::Push, 500, None, 1);
    todos(&phone).create("t1", Todo::new("Milk")).unwrap();
    phone.flush(SOON).unwrap();
    assert_eq!(statuses(&server, Endpoint::Push), [Some(503), Some(503), Some(500), Some(200)]);
}

#[test]
fn a_client_that_is_told_to_come_back_later_does_not_come_before() {
    let server = Server::start();
    let phone = server.client(SCOPE);
    server.answer_status(Endpoint::Push, 429, Some(Duration::from_secs(3_600)), 1);
    todos(&phone).create("t1", Todo::new("Milk")).unwrap();
    server.wait_for(|requests| count(requests, Endpoint::Push) >= 1);
    phone.set_network(false);
    phone.set_network(true);
    assert!(phone.sync(Duration::from_millis(500)).is_err());
    assert_eq!(statuses(&server, Endpoint::Push), [Some(429)]);
}

#[test]
fn a_wrong_url_is_said_to_be_one() {
    let server = Server::start();
    let phone = server.client(SCOPE);
    server.answer_status(Endpoint::Pull, 404, None, 1);
    assert!(matches!(sync_error(phone.sync(SOON)), SyncError::Misconfigured { .. }));
    phone.sync(SOON).unwrap();
}

#[test]
fn a_gateways_answer_is_not_the_servers() {
    let server = Server::start();
    let phone = server.client(SCOPE);
    server.answer(Endpoint::Push, &Answer::new(502, "text/html", "<h1>Bad gateway</h1>"), 1);
    todos(&phone).create("t1", Todo::new("Milk")).unwrap();
    phone.flush(SOON).unwrap();
    assert_eq!(statuses(&server, Endpoint::Push), [Some(502), Some(200)]);
}

#[test]
fn a_path_that_is_not_there_is_404_and_a_method_that_is_not_meant_405() {
    let server = Server::start();
    let get = |path: &str| crate::raw::get(&server.url().replace("/_sync", path));
    assert_eq!((get("/_sync/nothing").0, get("/_sync/push").0, get("/").0), (404, 405, 404));
    assert_eq!(get("/healthz"), (200, r#"{"ok":true}"#.to_owned()));
}

#[test]
fn a_server_without_extensions_is_found_out_also_when_it_changes() {
    for first in [true, false] {
        let server = Server::start();
        server.put(SCOPE, "todo", "t1", &Todo::new("Millet 🌾"));
        server.plain(first);
        let phone = server.client(SCOPE);
        for plain in [first, !first] {
            server.plain(plain);
            phone.sync(SOON).unwrap();
            todos(&phone).get("t1").update(|todo| todo.done = !todo.done).unwrap();
            phone.sync(SOON).unwrap();
            let sent = if plain { "todo.update" } else { "todo.patch" };
            let last = server.mutations().last().map(|mutation| mutation.name.clone());
            assert_eq!(last.as_deref(), Some(sent));
            assert_eq!(todos(&phone).get("t1").get().unwrap(), server.get(SCOPE, "todo", "t1"));
        }
        assert_eq!(phone.rejected().unwrap(), []);
    }
}
