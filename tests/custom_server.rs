//! The example `custom_server`, as a process, with devices of two users.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails there says why")]

mod processes;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use mizu_sync::{Client, Error, SyncError};
use processes::programs;
use processes::server::ServerProcess;
use serde::{Deserialize, Serialize};
use serde_json::json;

const SOON: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Todo {
    title: String,
}

fn todo(title: &str) -> Todo {
    Todo { title: title.to_owned() }
}

fn start(folder: &Path) -> ServerProcess {
    let mut command = Command::new(programs::example("custom_server"));
    command.arg(folder.join("family.db")).arg("127.0.0.1:0");
    ServerProcess::run(&mut command)
}

fn device(server: &ServerProcess, scope: &str, user: &str, token: &str) -> Client {
    let builder = Client::builder(&server.url, scope).in_memory();
    let client = builder.principal(user).token(token).open().unwrap();
    client.start().unwrap();
    client
}

#[test]
fn its_rule_rejects_its_tokens_separate_users_and_a_family_shares() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path());

    let alice = device(&server, "user:alice", "alice", "alice-token");
    let todos = alice.collection::<Todo>("todo");
    let milk = todos.add(todo("Milk")).unwrap();
    let nothing = todos.add(todo("")).unwrap();
    alice.collection::<Todo>("note").create("n1", todo("")).unwrap();
    alice.mutate("todo.share", &milk.id()).unwrap();
    alice.mutate("todo.share", &json!("missing")).unwrap();
    alice.flush(SOON).unwrap();
    let rejected: Vec<_> =
        alice.rejected().unwrap().into_iter().map(|mutation| (mutation.code, mutation.error)).collect();
    assert_eq!(
        rejected,
        [
            ("invalid_mutation".to_owned(), "a todo needs a title".to_owned()),
            ("not_found".to_owned(), "no such todo".to_owned())
        ]
    );
    assert!(!nothing.exists().unwrap());
    milk.update(|todo| todo.title.clear()).unwrap();
    alice.flush(SOON).unwrap();
    assert_eq!(milk.get().unwrap(), Some(todo("Milk")), "an update is refused alike, and undone");

    let bob = device(&server, "family", "bob", "bob-token");
    bob.wait_for_first_sync(SOON).unwrap();
    assert_eq!(bob.collection::<Todo>("todo").get(milk.id()).get().unwrap(), Some(todo("Milk")));

    let spy = device(&server, "user:alice", "bob", "bob-token");
    assert!(matches!(spy.sync(SOON), Err(Error::Sync(SyncError::Forbidden { .. }))));
    let stranger = device(&server, "family", "nobody", "guess");
    assert!(matches!(stranger.sync(SOON), Err(Error::Sync(SyncError::NeedsAuth { .. }))));
}
