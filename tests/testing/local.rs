//! A client without a server.

use std::time::Duration;

use mizu_sync::Error;
use mizu_sync::testing::{builder, client};

use crate::{SCOPE, Todo, todos};

#[test]
fn reads_and_writes_work_and_nothing_is_sent() {
    let client = client(SCOPE);
    let milk = todos(&client).create("t1", Todo::new("Milk")).unwrap();
    milk.update(|todo| todo.done = true).unwrap();
    assert!(todos(&client).row("t1").unwrap().unwrap().value.done);
    assert_eq!((client.pending().unwrap().len(), client.scope()), (2, SCOPE));
}

#[test]
fn two_clients_have_nothing_in_common() {
    let (one, other) = (client(SCOPE), client(SCOPE));
    todos(&one).create("t1", Todo::new("Milk")).unwrap();
    assert_eq!(todos(&other).count().unwrap(), 0);
}

#[test]
fn app_code_that_starts_it_finds_it_offline() {
    let client = builder(SCOPE).principal("ann").token("token").open().unwrap();
    client.start().unwrap();
    todos(&client).create("t1", Todo::new("Milk")).unwrap();
    let Err(Error::TimedOut { reason, .. }) = client.flush(Duration::from_millis(300)) else {
        panic!("there is no server")
    };
    assert!(reason.contains("this client of a test has no server"), "{reason}");
    assert!(!client.is_online());
}

#[test]
#[should_panic(expected = "no client could be opened: the option scope is not valid")]
fn a_scope_that_is_none_is_told_to_the_test() {
    drop(client(""));
}
