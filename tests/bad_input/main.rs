//! Everything that an app, a disk or a server can get wrong: each is told by a typed error in one sentence, and
//! what was saved before is there afterwards.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails there says why")]

mod answers;
mod bodies;
mod calls;
mod changes;
mod files;
mod logs;
mod names;
mod processes;
mod server;
#[path = "../support/mod.rs"]
mod support;
mod values;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use mizu_sync::{Builder, Client, Error, RejectedMutation, SyncError};
use tempfile::TempDir;

use server::Server;
use support::scripted::Answer;
use support::{Note, SOON};

/// What must not be in any error.
const TOKEN: &str = "canary-token-91c4";
const PAYLOAD: &str = "canary-payload-20fe";

/// For a wait that is expected to end by a timeout.
const BRIEF: Duration = Duration::from_millis(300);

/// A client with a write that is not sent yet: the row `kept` of the collection `note`.
pub(crate) struct Device {
    pub(crate) client: Client,
    pub(crate) errors: Receiver<Error>,
    pub(crate) rejected: Receiver<RejectedMutation>,
    pub(crate) path: PathBuf,
    pub(crate) folder: TempDir,
}

pub(crate) fn builder(url: &str, path: &Path) -> Builder {
    Client::builder(url, "user:1")
        .database(path)
        .principal("ann")
        .token(TOKEN)
        .header("x-key", TOKEN)
        .pull_interval(Duration::from_secs(3600))
}

/// Nobody listens there.
pub(crate) fn nowhere() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/_sync", listener.local_addr().unwrap())
}

impl Device {
    pub(crate) fn new(url: &str) -> Self {
        let device = Self::empty(url);
        device.client.collection::<Note>("note").create("kept", Note::new(PAYLOAD)).unwrap();
        device
    }

    pub(crate) fn empty(url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::open(url, folder)
    }

    fn open(url: &str, folder: TempDir) -> Self {
        let path = folder.path().join("a.db");
        let (error, errors) = mpsc::channel();
        let (reject, rejected) = mpsc::channel();
        let client = builder(url, &path)
            .on_error(move |told| _ = error.send(told))
            .on_rejected(move |told| _ = reject.send(told))
            .open()
            .unwrap();
        Self { client, errors, rejected, path, folder }
    }

    /// As if the process had died and begun again, with another base URL.
    pub(crate) fn reopened(self, url: &str) -> Self {
        let Self { client, folder, .. } = self;
        drop(client);
        Self::open(url, folder)
    }

    /// What `on_error` says next.
    pub(crate) fn told(&self) -> Error {
        self.errors.recv_timeout(SOON).expect("on_error is called")
    }

    pub(crate) fn told_sync(&self) -> SyncError {
        match self.told() {
            Error::Sync(error) => error,
            other => panic!("not of the sync: {other:?}"),
        }
    }

    /// The same, where the server takes no pushes, which is of no interest.
    pub(crate) fn told_of_pulls(&self) -> SyncError {
        loop {
            match self.told_sync() {
                SyncError::Unavailable { .. } => {}
                error => break error,
            }
        }
    }

    /// The row is there, and its write waits.
    pub(crate) fn assert_kept(&self) {
        let kept = self.client.collection::<Note>("note").row("kept").unwrap().unwrap();
        assert_eq!((kept.value, kept.pending), (Note::new(PAYLOAD), true));
        let names: Vec<String> = self.client.pending().unwrap().into_iter().map(|write| write.name).collect();
        assert_eq!(names, ["note.create"]);
        assert_eq!(self.client.rejected().unwrap(), []);
    }

    /// Opened again, the file has the row and its write, and a server that is well gets it.
    pub(crate) fn assert_intact(self) {
        let server = Server::well();
        let device = self.reopened(&server.url());
        device.assert_kept();
        device.client.start().unwrap();
        device.client.sync(SOON).unwrap();
        assert_eq!(device.client.pending().unwrap(), []);
        assert_eq!(
            device.client.collection::<Note>("note").get("kept").get().unwrap(),
            Some(Note::new(PAYLOAD))
        );
        assert_eq!(server.rows(), ["kept"]);
    }
}

/// An error is one sentence with these words, and without secrets.
pub(crate) fn assert_says(error: &Error, words: &[&str]) {
    let sentence = error.to_string();
    for word in words {
        assert!(sentence.contains(word), "{word:?} is not in: {sentence}");
    }
    assert!(!sentence.contains(['\n', '\r']), "more than a line: {sentence}");
    assert!(sentence.len() < 1_000, "no sentence: {sentence}");
    for secret in [TOKEN, PAYLOAD] {
        assert!(!format!("{sentence} {error:?}").contains(secret), "a secret in: {error:?}");
    }
}

/// Syncs with a server that gives one endpoint's requests a bad answer. Checks the sentence, that who waits for
/// the sync is told the same, and that the file is intact. Gives the error.
pub(crate) fn refused(endpoint: &'static str, answer: &Answer, words: &[&str]) -> SyncError {
    let server = Server::well();
    server.say(endpoint, answer.clone());
    let device = Device::new(&server.url());
    device.client.start().unwrap();
    let error = device.told_sync();
    assert_says(&Error::Sync(error.clone()), words);
    match device.client.sync(BRIEF).unwrap_err() {
        Error::Sync(told) => assert!(told == error && error.needs_action(), "{told:?}"),
        Error::TimedOut { reason, .. } => {
            assert!(words.iter().all(|word| reason.contains(word)), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    device.assert_kept();
    device.assert_intact();
    error
}
