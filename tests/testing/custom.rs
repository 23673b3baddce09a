//! Mutations of the app's own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use mizu_sync::testing::{Refusal, SOON, Server};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{SCOPE, Todo, todos};

#[derive(Serialize, Deserialize)]
struct Tick {
    id: String,
}

#[test]
fn a_mutation_does_what_the_test_says_it_does() {
    let server = Server::start();
    server.on_mutation("todo.tick", |transaction| {
        let Tick { id } = transaction.args()?;
        let mut todo: Todo =
            transaction.get("todo", &id)?.ok_or_else(|| Refusal::not_found("no such todo"))?;
        todo.done = true;
        transaction.put("todo", &id, &todo)?;
        transaction.put("log", "last", &json!({ "ticked": id, "scope": transaction.scope() }))
    });
    let phone = server.client(SCOPE);
    todos(&phone).create("t1", Todo::new("Milk")).unwrap();
    phone.mutate("todo.tick", &Tick { id: "t1".to_owned() }).unwrap();
    phone.mutate("todo.tick", &Tick { id: "t2".to_owned() }).unwrap();
    phone.flush(SOON).unwrap();
    assert!(todos(&phone).get("t1").get().unwrap().unwrap().done);
    assert_eq!(server.get(SCOPE, "log", "last"), Some(json!({ "ticked": "t1", "scope": SCOPE })));
    let rejected = phone.rejected().unwrap();
    assert_eq!((rejected[0].code.as_str(), rejected[0].error.as_str()), ("not_found", "no such todo"));
}

#[test]
fn what_a_refused_mutation_did_is_undone() {
    let server = Server::start();
    server.put(SCOPE, "todo", "t1", &Todo::new("Milk"));
    server.on_mutation("todo.replace", |transaction| {
        transaction.put("todo", "t2", &Todo::new("Bread"))?;
        assert!(transaction.delete("todo", "t1")?);
        assert!(transaction.get::<Todo>("todo", "t1")?.is_none());
        assert_eq!(transaction.get("todo", "t2")?, Some(Todo::new("Bread")));
        Err(Refusal::conflict("after all"))
    });
    let phone = server.client(SCOPE);
    phone.mutate("todo.replace", &()).unwrap();
    phone.flush(SOON).unwrap();
    assert_eq!(server.all::<Todo>(SCOPE, "todo"), [("t1".to_owned(), Todo::new("Milk"))]);
    assert_eq!(phone.rejected().unwrap()[0].code, "conflict");
}

#[test]
fn a_generic_mutation_can_be_replaced() {
    let server = Server::start();
    server.on_mutation("todo.create", |transaction| {
        let args: Value = transaction.args()?;
        let id = args["id"].as_str().unwrap_or_default().to_owned();
        transaction.put("todo", &id, &Todo::new("whatever you say"))
    });
    let phone = server.client(SCOPE);
    todos(&phone).create("t1", Todo::new("Milk")).unwrap();
    phone.flush(SOON).unwrap();
    assert_eq!(todos(&phone).get("t1").get().unwrap(), Some(Todo::new("whatever you say")));
}

#[test]
fn a_mutation_for_now_refused_is_tried_again() {
    let server = Server::start();
    let tries = AtomicUsize::new(0);
    server.on_mutation("till.open", move |_| match tries.fetch_add(1, Ordering::SeqCst) {
        0 => Err(Refusal::temporary("the till is stuck")),
        _ => Ok(()),
    });
    let phone = server.client(SCOPE);
    phone.mutate("till.open", &()).unwrap();
    phone.flush(SOON).unwrap();
    assert_eq!(server.mutations().len(), 1);
}

#[test]
fn the_tests_own_code_may_ask_the_server_and_looks_again_at_what_has_changed_meanwhile() {
    let server = Arc::new(Server::start());
    server.put(SCOPE, "counter", "c", &json!({ "n": 0 }));
    let (meanwhile, once) = (Arc::downgrade(&server), AtomicUsize::new(0));
    server.on_mutation("counter.add", move |transaction| {
        let counter: Value = transaction.get("counter", "c")?.unwrap_or_default();
        if once.fetch_add(1, Ordering::SeqCst) == 0
            && let Some(server) = meanwhile.upgrade()
        {
            server.put(SCOPE, "counter", "c", &json!({ "n": 10 }));
        }
        transaction.put("counter", "c", &json!({ "n": counter["n"].as_i64().unwrap_or_default() + 1 }))
    });
    let phone = server.client(SCOPE);
    phone.mutate("counter.add", &()).unwrap();
    phone.flush(SOON).unwrap();
    assert_eq!(server.get(SCOPE, "counter", "c"), Some(json!({ "n": 11 })));
}

#[test]
#[should_panic(expected = "what the test made the server do has panicked")]
fn an_assertion_that_fails_in_a_mutation_fails_the_test() {
    let server = Server::start();
    let (tell, told) = mpsc::channel();
    server.on_mutation("todo.tick", move |transaction| {
        let _ = tell.send(());
        assert_eq!(transaction.args::<i64>(), Ok(7), "on purpose: this test wants to see it fail");
        Ok(())
    });
    let phone = server.client(SCOPE);
    phone.mutate("todo.tick", &8).unwrap();
    told.recv_timeout(SOON).unwrap();
    drop(phone);
}
