//! Tokens and scopes.

use mizu_sync::SyncError;
use mizu_sync::net::Endpoint;
use mizu_sync::testing::{SOON, Server};

use crate::{SCOPE, Todo, statuses, sync_error, todos};

#[test]
fn who_has_the_token_is_let_in_and_who_has_not_is_not() {
    let server = Server::start();
    server.require_token("right");
    for (token, well) in [("right", true), ("wrong", false)] {
        let phone = server.builder(SCOPE).principal("ann").token(token).open().unwrap();
        phone.start().unwrap();
        assert_eq!(phone.sync(SOON).is_ok(), well, "{token}");
    }
    let nobody = server.builder(SCOPE).open().unwrap();
    nobody.start().unwrap();
    assert!(matches!(sync_error(nobody.sync(SOON)), SyncError::NeedsAuth { .. }));
}

#[test]
fn a_token_that_expires_stops_the_sync_and_loses_nothing() {
    let server = Server::start();
    server.require_token("old");
    let phone = server.builder(SCOPE).principal("ann").token("old").open().unwrap();
    phone.start().unwrap();
    phone.sync(SOON).unwrap();
    server.expire_tokens();
    todos(&phone).create("t1", Todo::new("Milk")).unwrap();
    assert!(matches!(sync_error(phone.sync(SOON)), SyncError::NeedsAuth { .. }));
    assert_eq!((phone.pending().unwrap().len(), server.count(SCOPE, "todo")), (1, 0));
    phone.stop();
    server.require_token("old");
    phone.start().unwrap();
    phone.sync(SOON).unwrap();
    assert_eq!(server.count(SCOPE, "todo"), 1);
}

#[test]
fn a_forbidden_scope_is_403_until_it_is_allowed() {
    let server = Server::start();
    let (ann, bob) = (server.client("user:ann"), server.client("user:bob"));
    server.forbid("user:ann");
    assert!(matches!(sync_error(ann.sync(SOON)), SyncError::Forbidden { .. }));
    assert!(statuses(&server, Endpoint::Pull).contains(&Some(403)));
    bob.sync(SOON).unwrap();
    server.allow("user:ann");
    ann.sync(SOON).unwrap();
}
