//! The program that README begins with: it is run as it is printed there, against a server process.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by a panic")]

#[path = "../processes/mod.rs"]
mod processes;

use std::sync::OnceLock;

use processes::programs::Programs;
use processes::server::ServerProcess;
use serde_json::{Value, json};

/// Where the server of this test listens.
static URL: OnceLock<String> = OnceLock::new();

/// The program. It meets another `Client`, which sends it to the server of this test.
mod program {
    mod mizu_sync {
        pub use ::mizu_sync::*;

        pub struct Client;

        impl Client {
            pub fn builder(url: &str, scope: &str) -> Builder {
                assert_eq!(url, "http://127.0.0.1:8080/_sync", "where the server listens by default");
                ::mizu_sync::Client::builder(super::super::URL.get().expect("the server runs"), scope)
            }
        }
    }

    include!("program.rs");

    pub fn run() -> mizu_sync::Result<()> {
        main()
    }
}

#[test]
fn the_first_program_of_readme_is_this_one() {
    let readme = include_str!("../../README.md");
    let (_, program) = readme.split_once("```rust,no_run\n").expect("a program");
    let (program, _) = program.split_once("```").expect("its end");
    assert_eq!(program, include_str!("program.rs"));
}

#[test]
fn it_runs_against_the_server_and_another_device_sees_what_it_did() {
    let folder = tempfile::tempdir().unwrap();
    let programs = Programs::build(None);
    let server = ServerProcess::start(&programs.server, &folder.path().join("server.db"), &[]);
    URL.set(server.url.clone()).unwrap();
    // It keeps its file where it is run.
    std::env::set_current_dir(folder.path()).unwrap();
    program::run().unwrap();

    let other = mizu_sync::Client::builder(&server.url, "user:demo").in_memory().open().unwrap();
    other.start().unwrap();
    other.sync(std::time::Duration::from_secs(60)).unwrap();
    let rows = other.collection::<Value>("todo").all().unwrap();
    let values: Vec<Value> = rows.into_iter().map(|row| row.value).collect();
    assert_eq!(values, [json!({ "title": "Milk", "done": true })]);
}
