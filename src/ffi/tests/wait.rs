//! Waiting without a thread.

use std::sync::Arc;

use super::super::{ErrorKind, Goal};
use super::{Ear, client, client_of, create, kind};
use crate::testing::{SOON, Server};

#[test]
fn whoever_waits_is_woken_until_it_has_happened() {
    let server = Server::start();
    let client = client_of(&server.url(), Vec::new());
    create(&client, "a", "{}");
    client.start().unwrap();
    for goal in [Goal::FirstSync, Goal::Sent, Goal::Synced] {
        let (ear, woken) = Ear::new();
        let wait = client.wait(goal, ear).unwrap();
        while !wait.is_done().unwrap() {
            woken.recv_timeout(SOON).unwrap();
        }
    }
    assert_eq!(server.count("user:1", "todo"), 1);
}

#[test]
fn a_wait_that_was_dropped_wakes_nobody_and_one_that_was_not_hears_of_a_stop() {
    let server = Server::start();
    server.hang();
    let client = client_of(&server.url(), Vec::new());
    client.start().unwrap();
    let ((ear, woken), (other, unwoken)) = (Ear::new(), Ear::new());
    let wait = client.wait(Goal::Sent, ear).unwrap();
    drop(client.wait(Goal::Synced, other).unwrap());
    assert!(wait.is_done().unwrap(), "there is nothing to send");
    create(&client, "a", "{}");
    assert!(!wait.is_done().unwrap());
    while woken.try_recv().is_ok() {}
    while unwoken.try_recv().is_ok() {}
    client.stop();
    woken.recv_timeout(SOON).unwrap();
    assert_eq!(kind(wait.is_done(), "not started"), ErrorKind::NotStarted);
    client.shut_down();
    assert_eq!(kind(wait.is_done(), "closed"), ErrorKind::Closed);
    assert!(unwoken.try_recv().is_err());
    server.release();
}

#[test]
fn what_takes_too_long_is_told_with_its_reason() {
    let server = Server::start();
    server.hang();
    let client = client_of(&server.url(), Vec::new());
    client.start().unwrap();
    let wait = client.wait(Goal::FirstSync, Ear::new().0).unwrap();
    let error = wait.timed_out(1_500).unwrap();
    assert_eq!(kind(Err::<(), _>(error), "not synced for the first time after 1.5 s: "), ErrorKind::TimedOut);
    client.set_network(false);
    let error = wait.timed_out(0).unwrap();
    assert_eq!(kind(Err::<(), _>(error), "after 0 s: the platform reports no network"), ErrorKind::TimedOut);
    server.release();
}

#[test]
fn nobody_waits_for_what_was_not_started() {
    let client = client();
    for goal in [Goal::FirstSync, Goal::Sent, Goal::Synced] {
        let (ear, _woken) = Ear::new();
        let weak = Arc::downgrade(&ear);
        assert_eq!(kind(client.wait(goal, ear).map(drop), "call start() first"), ErrorKind::NotStarted);
        assert_eq!(weak.strong_count(), 0, "nobody keeps it");
    }
}
