//! Answers other than 200, as go-mizu's server gives them, and its limits.

use mizu_sync::{Error, SyncError};
use serde_json::{Value, json};

use crate::go_mizu::GoMizu;
use crate::recorded::{SERVER, case, meaning};
use crate::support::SOON;
use crate::{Device, expected};

fn forbidden(scope: &str) -> Error {
    Error::Sync(SyncError::Forbidden { scope: scope.to_owned() })
}

#[test]
pub fn a_pull_of_a_denied_scope_ends_the_sync() {
    let server = GoMizu::at(0);
    server.state().denying = false;
    let device = Device::synced(&server, "denied:1");
    server.state().denying = true;
    let before = server.server.requests().len();
    assert_eq!(device.client.sync(SOON), Err(forbidden("denied:1")));
    assert_eq!(device.errors.recv_timeout(SOON).unwrap(), forbidden("denied:1"));
    let asked = server.server.requests().split_off(before);
    assert_eq!(asked.len(), 1);
    assert_eq!(meaning(&asked[0].json()), meaning(&case(SERVER, "pull-denied-scope").request));
    // A write is kept, and says nothing about who may do what.
    device.client.collection::<Value>("todo").create("t9", json!({})).unwrap();
    assert_eq!(device.client.sync(SOON), Err(forbidden("denied:1")));
    assert_eq!((device.client.pending().unwrap().len(), device.client.rejected().unwrap().len()), (1, 0));
}

#[test]
pub fn a_push_to_a_denied_scope_keeps_the_queue() {
    let server = GoMizu::empty();
    server.state().denying = false;
    let device = Device::synced(&server, "denied:1");
    server.state().denying = true;
    device.client.collection::<Value>("todo").create("t9", json!({})).unwrap();
    assert_eq!(device.errors.recv_timeout(SOON).unwrap(), forbidden("denied:1"));
    let sent = server.server.bodies("push");
    assert_eq!(
        sent.iter().map(meaning).collect::<Vec<_>>(),
        [meaning(&case(SERVER, "push-denied-scope").request)]
    );
    assert_eq!((device.client.pending().unwrap().len(), device.client.rejected().unwrap().len()), (1, 0));
    assert_eq!(device.rows(), expected([("t9", json!({}))]));
    // It is asked again at a start, for instance.
    server.state().denying = false;
    let device = device.restarted(&server.url(), "denied:1");
    device.client.start().unwrap();
    device.client.sync(SOON).unwrap();
    assert_eq!(server.server.bodies("push")[1], sent[0]);
    device.assert_quiet();
}

#[test]
pub fn a_refused_body_loses_nothing() {
    for name in ["push-empty", "push-not-json", "push-trailing-data", "push-101", "push-over-1MiB"] {
        let server = GoMizu::empty();
        let device = Device::synced(&server, "user:1");
        device.client.sync(SOON).unwrap();
        assert_eq!(server.server.count("push"), 0, "an empty queue is not sent");
        // Nothing that this client sends is such a body, so something else must be wrong: not the mutations.
        server.state().refusing = Some(name);
        let todos = device.client.collection::<Value>("todo");
        for id in ["a", "b", "c"] {
            todos.create(id, json!({ "title": id })).unwrap();
        }
        let error = device.client.sync(SOON).unwrap_err();
        let recorded = case(SERVER, name).response["error"].as_str().unwrap().to_owned();
        let Error::Sync(SyncError::Misconfigured { url, status: 400, message, .. }) = &error else {
            panic!("{name}: {error:?}")
        };
        assert_eq!((url, message), (&format!("{}/push", server.url()), &recorded));
        assert_eq!((device.client.pending().unwrap().len(), device.client.rejected().unwrap().len()), (3, 0));
        server.state().refusing = None;
        device.client.sync(SOON).unwrap();
        assert_eq!((device.rows().len(), device.client.pending().unwrap().len()), (3, 0), "{name}");
        // Now that pushes are known to work, the same words are about the one mutation that was sent.
        server.state().refusing = Some(name);
        todos.create("d", json!({})).unwrap();
        let told = device.rejected.recv_timeout(SOON).unwrap();
        assert_eq!((told.code.as_str(), told.error), ("invalid_mutation", recorded));
        assert_eq!(device.rows().len(), 3);
    }
}

#[test]
pub fn no_batch_has_more_than_a_hundred_mutations() {
    let server = GoMizu::empty();
    let device = Device::synced(&server, "user:1");
    let todos = device.client.collection::<Value>("todo");
    device
        .client
        .batch(|batch| (0..250).try_for_each(|n| batch.create(&todos, &format!("b{n}"), &json!({}))))
        .unwrap();
    device.client.flush(SOON).unwrap();
    let sizes =
        server.server.bodies("push").into_iter().map(|push| push["mutations"].as_array().unwrap().len());
    assert_eq!(sizes.collect::<Vec<_>>(), [100, 100, 50]);
    assert_eq!(device.rows().len(), 250);
    device.assert_quiet();
}

#[test]
pub fn no_batch_has_more_than_900_kib() {
    let server = GoMizu::empty();
    let device = Device::synced(&server, "user:1");
    let todos = device.client.collection::<Value>("todo");
    // With quotes and letters that JSON may write longer.
    let large = json!({ "title": "\"ü\u{1}".repeat(20_000) });
    device
        .client
        .batch(|batch| (0..12).try_for_each(|n| batch.create(&todos, &format!("b{n}"), &large)))
        .unwrap();
    device.client.flush(SOON).unwrap();
    let requests = server.server.requests();
    let sizes: Vec<usize> =
        requests.iter().filter(|request| request.endpoint() == "push").map(|push| push.body.len()).collect();
    assert!(sizes.len() > 1 && sizes.iter().all(|size| *size <= 900 * 1024), "{sizes:?}");
    assert_eq!(device.rows().len(), 12);
    device.assert_quiet();
}

#[test]
pub fn a_path_that_is_not_there_is_named() {
    let server = GoMizu::empty();
    let base = server.url().replace("_sync", "nothing");
    let device = Device::new(&base, "user:1");
    device.client.collection::<Value>("todo").create("t1", json!({ "title": "kept" })).unwrap();
    device.client.start().unwrap();
    let error = device.client.sync(SOON).unwrap_err();
    let Error::Sync(SyncError::Misconfigured { url, status: 404, .. }) = &error else { panic!("{error:?}") };
    assert_eq!(url, &format!("{base}/snapshot"));
    let sentence = error.to_string();
    assert!(sentence.contains(&base) && sentence.contains("is the base URL right?"), "{sentence}");
    assert_eq!((device.client.pending().unwrap().len(), device.rows().len()), (1, 1));
    // The base URL may change: the file is the same.
    let device = device.restarted(&server.url(), "user:1");
    device.client.start().unwrap();
    device.client.sync(SOON).unwrap();
    device.assert_quiet();
}
