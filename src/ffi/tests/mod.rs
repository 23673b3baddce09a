//! What the other side of the boundary relies on.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod batch;
mod entity;
mod error;
mod feed;
mod graph;
mod query;
mod rows;
mod wait;

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};

use super::error::ApiResult;
use super::{
    ApiError, CallbackError, Callbacks, Change, Changed, ClientOptions, ErrorKind, Listener, NativeClient,
    Upcast, UpcastOption, Write,
};
use crate::testing::SOON;

/// A client in memory that has no server.
fn client() -> Arc<NativeClient> {
    client_of("http://127.0.0.1:9/_sync", Vec::new())
}

fn client_of(url: &str, upcasts: Vec<UpcastOption>) -> Arc<NativeClient> {
    NativeClient::open(ClientOptions { upcasts, ..options(url) }).unwrap()
}

fn options(url: &str) -> ClientOptions {
    ClientOptions {
        url: url.to_owned(),
        scope: "user:1".to_owned(),
        database: None,
        principal: None,
        headers: Vec::new(),
        allow_cleartext: false,
        relaxed: false,
        pull_interval: 30_000,
        push_interval: 0,
        live: false,
        app_version: String::new(),
        indexes: Vec::new(),
        upcasts: Vec::new(),
        callbacks: Callbacks::default(),
    }
}

fn create(client: &NativeClient, id: &str, data: &str) {
    let (collection, id, data) = ("todo".to_owned(), id.to_owned(), data.to_owned());
    client.write(Write::Create { collection, id, data }).unwrap();
}

/// The kind of an error, whose sentence says this.
fn kind<T>(result: ApiResult<T>, words: &str) -> ErrorKind {
    let Err(ApiError::Failed { problem }) = result else { panic!("it worked") };
    assert!(problem.sentence.contains(words), "{words:?} is not in {:?}", problem.sentence);
    problem.kind
}

/// Hears that there is news.
struct Ear(Mutex<Sender<()>>);

impl Ear {
    fn new() -> (Arc<Self>, Receiver<()>) {
        let (say, said) = mpsc::channel();
        (Arc::new(Self(Mutex::new(say))), said)
    }
}

impl Listener for Ear {
    fn ready(&self) -> Result<(), CallbackError> {
        let _ = self.0.lock().unwrap().send(());
        Ok(())
    }
}

/// Waits until everybody has heard of what was before this.
fn deliver(client: &NativeClient) {
    let (ear, delivered) = Ear::new();
    client.when_delivered(ear).unwrap();
    delivered.recv_timeout(SOON).unwrap();
}

/// A change, or a step of the model, by a function.
struct By<F>(F);

impl<F: Fn(String) -> Result<Changed, CallbackError> + Send + Sync> Change for By<F> {
    fn change(&self, data: String) -> Result<Changed, CallbackError> {
        (self.0)(data)
    }
}

impl<F: Fn(String) -> Result<String, CallbackError> + Send + Sync> Upcast for By<F> {
    fn upcast(&self, fields: String) -> Result<String, CallbackError> {
        (self.0)(fields)
    }
}

/// The change to this value.
fn to(after: &str) -> Arc<dyn Change> {
    let after = after.to_owned();
    Arc::new(By(move |before| Ok(Changed { before: Some(before), after: after.clone() })))
}

fn thrown() -> CallbackError {
    CallbackError::Thrown { reason: "it threw".to_owned() }
}
