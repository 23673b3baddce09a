//! Servers that lose their past.

use mizu_sync::net::Endpoint;
use mizu_sync::testing::{SOON, Server};

use crate::{SCOPE, Todo, count, statuses, todos};

#[test]
fn a_server_that_was_reset_is_empty_and_its_clients_notice() {
    let server = Server::start();
    server.put(SCOPE, "todo", "t1", &Todo::new("Milk"));
    let phone = server.client(SCOPE);
    server.reset();
    assert_eq!(server.count(SCOPE, "todo"), 0);
    phone.sync(SOON).unwrap();
    assert_eq!((todos(&phone).count().unwrap(), phone.cursor().get()), (0, 0));
    assert!(statuses(&server, Endpoint::Pull).contains(&Some(410)));
}

#[test]
fn a_reset_server_whose_log_has_grown_as_far_again_is_noticed_too() {
    let server = Server::start();
    server.put(SCOPE, "todo", "t1", &Todo::new("Milk"));
    let phone = server.client(SCOPE);
    server.reset();
    server.put(SCOPE, "todo", "t2", &Todo::new("Bread"));
    phone.sync(SOON).unwrap();
    assert!(todos(&phone).has("t2").unwrap() && !todos(&phone).has("t1").unwrap());
}

#[test]
fn a_restored_server_has_lost_what_came_after_the_backup() {
    let server = Server::start();
    let phone = server.client(SCOPE);
    server.put(SCOPE, "todo", "kept", &Todo::new("Milk"));
    let backup = server.backup();
    server.put(SCOPE, "todo", "lost", &Todo::new("Bread"));
    phone.sync(SOON).unwrap();
    assert_eq!(todos(&phone).count().unwrap(), 2);
    server.restore(&backup);
    phone.sync(SOON).unwrap();
    assert_eq!((todos(&phone).count().unwrap(), server.count(SCOPE, "todo")), (1, 1));
}

#[test]
fn a_write_that_was_acknowledged_and_lost_by_a_restore_is_sent_again() {
    let server = Server::start();
    let phone = server.client(SCOPE);
    phone.sync(SOON).unwrap();
    let backup = server.backup();
    // No pull brings it.
    server.answer_status(Endpoint::Pull, 503, None, usize::MAX);
    todos(&phone).create("t1", Todo::new("Milk")).unwrap();
    // The client pulls once it has kept that the push was well.
    server.wait_for(|requests| {
        let push = requests.iter().position(|request| request.is_to(Endpoint::Push));
        push.is_some_and(|push| count(&requests[push..], Endpoint::Pull) > 0)
    });
    assert!(phone.pending().unwrap()[0].acked);
    server.restore(&backup);
    assert_eq!(server.count(SCOPE, "todo"), 0);
    server.answer_normally();
    phone.flush(SOON).unwrap();
    assert_eq!((server.count(SCOPE, "todo"), server.mutations().len()), (1, 2));
    assert!(!todos(&phone).row("t1").unwrap().unwrap().pending);
}

#[test]
fn after_a_trim_a_client_that_was_away_takes_a_snapshot_and_one_that_was_not_does_not() {
    let server = Server::start();
    let (away, here) = (server.client(SCOPE), server.client(SCOPE));
    away.stop();
    for number in 0..3 {
        server.put(SCOPE, "todo", &format!("t{number}"), &Todo::new("Milk"));
    }
    here.sync(SOON).unwrap();
    server.trim();
    let snapshots = count(&server.requests(), Endpoint::Snapshot);
    here.sync(SOON).unwrap();
    assert_eq!(count(&server.requests(), Endpoint::Snapshot), snapshots);
    away.start().unwrap();
    away.sync(SOON).unwrap();
    assert_eq!(count(&server.requests(), Endpoint::Snapshot), snapshots + 1);
    assert_eq!(todos(&away).count().unwrap(), 3);
}
