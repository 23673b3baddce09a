//! Mutations and their results, as go-mizu's server gives them.

use mizu_sync::{Error, SyncError};
use serde_json::{Value, json};

use crate::go_mizu::GoMizu;
use crate::recorded::{SERVER, case, meaning};
use crate::support::SOON;
use crate::{Device, expected};

/// The request of a case, as far as it is not a client's own.
fn recorded_push(name: &str) -> Value {
    meaning(&case(SERVER, name).request)
}

fn pushed(server: &GoMizu) -> Vec<Value> {
    server.server.bodies("push")
}

/// The one mutation that was rejected: its code and the server's words.
fn the_rejected(device: &Device) -> (String, String) {
    let rejected = device.client.rejected().unwrap();
    assert_eq!((rejected.len(), device.client.pending().unwrap().len()), (1, 0));
    let told = device.rejected.recv_timeout(SOON).unwrap();
    assert_eq!(told, rejected[0]);
    (told.code, told.error)
}

#[test]
pub fn a_create_is_sent_as_recorded_and_settled_by_a_pull() {
    let server = GoMizu::at(0);
    let device = Device::synced(&server, "user:1");
    let milk = json!({ "title": "Milk", "done": false });
    device.client.collection::<Value>("todo").create("t1", milk.clone()).unwrap();
    device.client.flush(SOON).unwrap();
    let sent = pushed(&server);
    assert_eq!((sent.len(), meaning(&sent[0])), (1, recorded_push("push-create")));
    // The ack moved no cursor: the pull after it began at 0 and brought the change.
    assert_eq!(server.server.bodies("pull").last().unwrap()["cursor"], 0);
    assert_eq!((device.rows(), device.cursor()), (expected([("t1", milk)]), 1));
    assert!(!device.client.collection::<Value>("todo").row("t1").unwrap().unwrap().pending);
    device.assert_quiet();
}

#[test]
pub fn a_batch_in_the_form_of_another_server_is_learnt_from_and_sent_again() {
    let server = GoMizu::at(1);
    server.state().extended = true;
    let device = Device::synced(&server, "user:1");
    // The server of ours is replaced by one of go-mizu's.
    server.state().extended = false;
    let bread = json!({ "title": "Bread" });
    device.client.collection::<Value>("todo").create("t2", bread.clone()).unwrap();
    device.client.flush(SOON).unwrap();
    // Refused once, then sent in the other form until it is known of which log the answer speaks.
    let sent: Vec<Value> = pushed(&server).iter().map(|push| push["mutations"][0].clone()).collect();
    let (first, rest) = sent.split_first().unwrap();
    let fields = |mutation: &Value| mutation.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields(first), fields(&case(SERVER, "push-unknown-field").request["mutations"][0]));
    assert!(!rest.is_empty());
    for again in rest {
        assert_eq!(fields(again), ["args", "id", "name", "scope"]);
        assert!(["id", "name", "scope", "args"].iter().all(|part| first[part] == again[part]));
    }
    assert_eq!(device.rows()["t2"], bread);
    assert_eq!((device.client.pending().unwrap(), device.client.rejected().unwrap()), (vec![], vec![]));
    // Another kind of server cannot have the same log.
    assert_eq!(device.errors.try_iter().collect::<Vec<_>>(), [Error::Sync(SyncError::LogChanged)]);
    assert_eq!(server.server.count("snapshot"), 2);
}

#[test]
pub fn a_push_whose_answer_was_lost_is_sent_again_and_applied_once() {
    let server = GoMizu::at(0);
    let device = Device::synced(&server, "user:1");
    server.state().losing = true;
    let milk = json!({ "title": "Milk", "done": false });
    device.client.collection::<Value>("todo").create("t1", milk.clone()).unwrap();
    device.client.sync(SOON).unwrap();
    let sent = pushed(&server);
    assert_eq!((sent.len(), &sent[0]), (2, &sent[1]));
    assert_eq!(meaning(&sent[1]), recorded_push("push-repeat"));
    assert_eq!((device.rows(), device.cursor()), (expected([("t1", milk)]), 1));
    assert_eq!((device.client.pending().unwrap(), device.client.rejected().unwrap()), (vec![], vec![]));
}

#[test]
pub fn a_conflict_is_permanent_by_its_text() {
    let server = GoMizu::at(0);
    let device = Device::synced(&server, "user:1");
    // Another device was first.
    server.state().head = 1;
    device.client.collection::<Value>("todo").create("t1", json!({ "title": "Other" })).unwrap();
    device.client.sync(SOON).unwrap();
    assert_eq!(pushed(&server).iter().map(meaning).collect::<Vec<_>>(), [recorded_push("push-conflict")]);
    assert_eq!(the_rejected(&device), ("conflict".to_owned(), "sync: conflict".to_owned()));
    assert_eq!(device.rows(), expected([("t1", json!({ "title": "Milk", "done": false }))]));
    assert!(device.client.collection::<Value>("todo").row("t1").unwrap().unwrap().rejected);
}

/// Queues a mutation of a recorded case, which the server refuses for good, with an effect here that has to go.
fn refused_for_good(name: &str) -> (String, String) {
    let server = GoMizu::at(1);
    let device = Device::synced(&server, "user:1");
    let mutation = &case(SERVER, name).request["mutations"][0];
    let todos = device.client.collection::<Value>("todo");
    device
        .client
        .mutate_expecting(mutation["name"].as_str().unwrap(), &mutation["args"], |expected| {
            expected.create(&todos, "shown", &json!({ "title": "at once" }))
        })
        .unwrap();
    assert!(todos.has("shown").unwrap());
    device.client.sync(SOON).unwrap();
    assert_eq!(pushed(&server).iter().map(meaning).collect::<Vec<_>>(), [recorded_push(name)]);
    assert_eq!(device.rows().into_keys().collect::<Vec<_>>(), ["t1"]);
    the_rejected(&device)
}

#[test]
pub fn what_is_not_found_is_refused_for_good_by_its_text() {
    assert_eq!(refused_for_good("push-not-found"), ("not_found".to_owned(), "sync: not found".to_owned()));
}

#[test]
pub fn an_unknown_verb_is_refused_for_good_by_its_text() {
    let refused = ("invalid_mutation".to_owned(), "sync: invalid mutation".to_owned());
    assert_eq!(refused_for_good("push-invalid"), refused);
}

#[test]
pub fn arguments_may_be_any_json_and_be_refused() {
    let refused = ("invalid_mutation".to_owned(), "sync: invalid mutation".to_owned());
    assert_eq!(refused_for_good("push-number-args"), refused);
}

#[test]
pub fn free_text_is_a_temporary_failure_that_blocks_nobody() {
    let server = GoMizu::at(0);
    let device = Device::synced(&server, "user:1");
    device.client.collection::<Value>("poison").create("p1", json!({})).unwrap();
    server.server.wait_for("push", 3);
    // It is a suspect by now. What comes after it goes on.
    let milk = json!({ "title": "Milk", "done": false });
    device.client.collection::<Value>("todo").create("t1", milk.clone()).unwrap();
    server.server.wait_until("t1", |all| {
        let pushes = all.iter().filter(|request| request.endpoint() == "push");
        pushes.into_iter().any(|push| meaning(&push.json()) == recorded_push("push-create"))
    });
    assert!(pushed(&server).iter().any(|push| meaning(push) == recorded_push("push-temporary")));
    let text = "boom: this mutation always fails";
    let told = device.errors.recv_timeout(SOON).unwrap();
    assert_eq!(told, Error::Sync(SyncError::MutationFailed { reason: text.to_owned() }));
    let poison =
        device.client.pending().unwrap().into_iter().find(|mutation| mutation.name == "poison.create");
    let poison = poison.unwrap();
    assert_eq!((poison.error.as_deref(), poison.acked), (Some(text), false));
    assert!(poison.failures >= 3);
    assert_eq!(device.client.rejected().unwrap(), []);
    device.client.discard(&poison.id).unwrap();
    device.client.flush(SOON).unwrap();
    assert_eq!(device.client.collection::<Value>("poison").count().unwrap(), 0);
    assert_eq!(device.rows(), expected([("t1", milk)]));
}

#[test]
pub fn results_of_one_batch_go_to_their_own_mutations() {
    let server = GoMizu::at(0);
    let device = Device::synced(&server, "user:1");
    server.state().head = 1;
    let todos = device.client.collection::<Value>("todo");
    device
        .client
        .batch(|batch| {
            batch.create(&todos, "t2", &json!({ "title": "Bread" }))?;
            batch.create(&todos, "t1", &json!({}))?;
            batch.set(&todos, "t2", &json!({ "title": "Rye" }))?;
            batch.delete(&todos, "t1")
        })
        .unwrap();
    device.client.sync(SOON).unwrap();
    // A plain server goes on after a failure: nothing in a batch rests on what is before it.
    let sent = pushed(&server);
    let mutations = |push: &Value| push["mutations"].as_array().unwrap().clone();
    assert_eq!(sent.iter().map(|push| mutations(push).len()).collect::<Vec<_>>(), [2, 2]);
    let all = json!({ "mutations": sent.iter().flat_map(mutations).collect::<Vec<_>>() });
    assert_eq!(meaning(&all), recorded_push("push-mixed"));
    let (code, error) = the_rejected(&device);
    assert_eq!((code.as_str(), error.as_str()), ("conflict", "sync: conflict"));
    assert_eq!((device.rows(), device.cursor()), (expected([("t2", json!({ "title": "Rye" }))]), 4));
}

#[test]
pub fn an_id_of_any_letters_goes_there_and_back() {
    let server = GoMizu::at(4);
    let device = Device::synced(&server, "user:1");
    let data = json!({ "title": "naïve 🥛 <b>&</b>" });
    device.client.collection::<Value>("todo").create("日本/ü?#%", data.clone()).unwrap();
    device.client.flush(SOON).unwrap();
    assert_eq!(pushed(&server).iter().map(meaning).collect::<Vec<_>>(), [recorded_push("push-unicode")]);
    let rows = expected([("t2", json!({ "title": "Rye" })), ("日本/ü?#%", data)]);
    assert_eq!((device.rows(), device.cursor()), (rows, 5));
    device.assert_quiet();
}

#[test]
pub fn two_scopes_share_one_log_with_gaps_and_big_numbers_stay_exact() {
    let server = GoMizu::at(5);
    let (first, second) = (Device::synced(&server, "user:1"), Device::synced(&server, "user:2"));
    let other = json!({ "title": "other scope" });
    second.client.collection::<Value>("todo").create("o1", other.clone()).unwrap();
    second.client.flush(SOON).unwrap();
    let big = json!({ "n": 9_007_199_254_740_993_u64 });
    first.client.collection::<Value>("todo").create("t3", big.clone()).unwrap();
    first.client.flush(SOON).unwrap();
    let sent: Vec<Value> =
        pushed(&server).iter().flat_map(|push| push["mutations"].as_array().unwrap().clone()).collect();
    assert_eq!(meaning(&json!({ "mutations": sent })), recorded_push("push-two-scopes"));
    assert_eq!((first.cursor(), second.cursor()), (7, 6));
    assert_eq!((first.rows()["t3"].clone(), second.rows()), (big, expected([("o1", other)])));
    assert!(!first.rows().contains_key("o1"));
    first.assert_quiet();
    second.assert_quiet();
}
