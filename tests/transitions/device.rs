//! A client, brought into a state, and what can be seen of the state that it is in.

use std::any::Any;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mizu_sync::{Builder, Client, Collection, Connectivity, Durability, Error, StoreError};
use tempfile::TempDir;

use crate::line::{Line, Says};
use crate::support::{Note, SOON};
use crate::transition::Transition;

/// Nobody is asked there: the transport is another one.
const NOWHERE: &str = "http://127.0.0.1:9/_sync";

/// Where a client's life is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Running,
    Stopped,
    /// Paused; whether a resume starts the sync.
    Paused {
        runs: bool,
    },
    Closed,
    /// Closed, and its file is gone.
    Wiped,
    Panicked,
    /// There is no handle of it any more.
    Dropped,
}

impl Life {
    pub fn named(name: &str) -> Self {
        match name {
            "running" => Self::Running,
            "stopped" => Self::Stopped,
            "paused" => Self::Paused { runs: false },
            "paused+" => Self::Paused { runs: true },
            "closed" => Self::Closed,
            "wiped" => Self::Wiped,
            "panicked" => Self::Panicked,
            "dropped" => Self::Dropped,
            name => panic!("no life is called {name}"),
        }
    }
}

/// What can be seen of it without waiting for anything.
#[derive(Debug, PartialEq, Eq)]
pub struct Look {
    /// What somebody is told who waits for the sync.
    sync: Told,
    /// Whether the status says that it runs.
    runs: bool,
    readable: Told,
    file: FileIs,
}

#[derive(Debug, PartialEq, Eq)]
enum Told {
    Well,
    NotStarted,
    Paused,
    Closed,
    Panicked,
    Other(String),
}

#[derive(Debug, PartialEq, Eq)]
enum FileIs {
    Taken,
    Free,
    Gone,
}

impl Told {
    fn of<T>(result: Result<T, Error>) -> Self {
        match result {
            // It waits for a sync that runs.
            Ok(_) | Err(Error::TimedOut { .. }) => Self::Well,
            Err(Error::NotStarted) => Self::NotStarted,
            Err(Error::Store(StoreError::Paused)) => Self::Paused,
            Err(Error::Store(StoreError::Closed)) => Self::Closed,
            Err(Error::Panicked) => Self::Panicked,
            Err(other) => Self::Other(other.to_string()),
        }
    }
}

impl Look {
    /// That of a life.
    pub fn of(life: Life) -> Self {
        let look = |sync, runs, readable, file| Self { sync, runs, readable, file };
        match life {
            Life::Running => look(Told::Well, true, Told::Well, FileIs::Taken),
            Life::Stopped => look(Told::NotStarted, false, Told::Well, FileIs::Taken),
            Life::Paused { .. } => look(Told::Paused, false, Told::Paused, FileIs::Free),
            Life::Closed => look(Told::Closed, false, Told::Closed, FileIs::Free),
            Life::Wiped => look(Told::Closed, false, Told::Closed, FileIs::Gone),
            Life::Panicked => look(Told::Panicked, false, Told::Well, FileIs::Taken),
            Life::Dropped => look(Told::Closed, false, Told::Closed, FileIs::Free),
        }
    }
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "sync {:?}, {}, reads {:?}, file {:?}",
            self.sync,
            if self.runs { "runs" } else { "does not run" },
            self.readable,
            self.file
        )
    }
}

/// A client with a file, and what it is told.
pub struct Device {
    /// None once it is dropped.
    pub client: Option<Arc<Client>>,
    pub notes: Collection<Note>,
    pub line: Arc<Line>,
    /// The callbacks that were called.
    pub heard: Receiver<&'static str>,
    /// Effects and listeners, to be dropped with it.
    pub watching: Vec<Box<dyn Any>>,
    pub path: PathBuf,
    pub folder: TempDir,
}

/// The states from which the transitions are made: the rows of the table.
pub const STATES: [&str; 11] = [
    "new",
    "online",
    "offline",
    "unreachable",
    "hanging",
    "stopped",
    "paused+",
    "paused",
    "closed",
    "wiped",
    "panicked",
];

impl Device {
    /// A client that was not started, with every callback.
    pub fn new(says: Says) -> Self {
        Self::with(Line::new(says), |builder, heard| {
            let tell = |name: &'static str| {
                let heard = Mutex::new(heard.clone());
                // The test may have ended.
                move || heard.lock().unwrap().send(name).unwrap_or(())
            };
            let (synced, failed, online, offline, refused, token) = (
                tell("on_sync"),
                tell("on_error"),
                tell("on_online"),
                tell("on_offline"),
                tell("on_rejected"),
                tell("on_token_needed"),
            );
            builder
                .on_sync(move |_| synced())
                .on_error(move |_| failed())
                .on_online(online)
                .on_offline(offline)
                .on_rejected(move |_| refused())
                .on_token_needed(token)
        })
    }

    /// A client that was not started, with callbacks that tell what they will.
    pub fn with(line: Arc<Line>, callbacks: impl FnOnce(Builder, Sender<&'static str>) -> Builder) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let (tell, heard) = mpsc::channel();
        let made = Arc::clone(&line);
        let builder = Self::builder(NOWHERE, &path).transport(move || made.wire());
        let client = callbacks(builder, tell).open().unwrap();
        let notes = client.collection("note");
        let client = Some(Arc::new(client));
        Self { client, notes, line, heard, watching: Vec::new(), path, folder }
    }

    /// The options of a client whose file is here.
    pub fn builder(url: &str, path: &Path) -> Builder {
        Client::builder(url, "user:1")
            .database(path)
            .principal("ann")
            .durability(Durability::Relaxed)
            .pull_interval(Duration::from_secs(3600))
    }

    /// One that is in a state of the table. With something that the server has not taken, or without.
    pub fn in_state(state: &str, unsent: bool) -> Self {
        let says = match state {
            "online" => Says::Conflict,
            "offline" | "unreachable" => Says::NotThere,
            _ => Says::Nothing,
        };
        let device = Self::new(says);
        if unsent {
            device.notes.create("unsent", Note::new("")).unwrap();
        }
        let client = device.client();
        if state == "offline" {
            client.set_network(false);
        }
        if state == "panicked" {
            device.line.panic_once();
        }
        if !matches!(state, "new" | "paused" | "closed" | "wiped") {
            client.start().unwrap();
        }
        match state {
            "online" => {
                client.sync(SOON).unwrap();
                assert_eq!(client.rejected().unwrap().len(), usize::from(unsent));
            }
            "unreachable" => device.hear("on_error"),
            "hanging" => device.line.wait_asked(1),
            "stopped" => {
                device.line.wait_asked(1);
                client.stop();
            }
            "paused+" | "paused" => client.pause().unwrap(),
            "closed" => client.close(),
            "wiped" => client.wipe(mizu_sync::Unsent::Lose).unwrap(),
            "panicked" => device.hear("on_error"),
            "new" | "offline" => {}
            state => panic!("no state is called {state}"),
        }
        if matches!(state, "new" | "online" | "offline" | "unreachable" | "hanging" | "stopped" | "panicked")
        {
            client.delivered(SOON).unwrap();
        }
        // Whatever it heard on its way.
        device.heard.try_iter().for_each(drop);
        device
    }

    pub fn client(&self) -> &Client {
        self.client.as_ref().expect("it was not dropped")
    }

    /// Waits until this callback is called.
    fn hear(&self, name: &str) {
        while self.heard.recv_timeout(SOON).expect("it is called") != name {}
    }

    /// What can be seen of it now.
    pub fn look(&self) -> Look {
        look(self.client.as_deref(), &self.notes, &self.path)
    }

    /// Whether it is in this state, as far as can be seen, and then goes on as it should.
    ///
    /// # Errors
    /// What is not so.
    pub fn check(self, life: Life) -> Result<(), String> {
        let mut look = self.look();
        let mut expected = Look::of(life);
        if life == Life::Dropped && look.file == FileIs::Gone {
            expected.file = FileIs::Gone;
        }
        if look != expected {
            return Err(format!("it is seen as: {look}; expected: {expected}"));
        }
        if !matches!(life, Life::Running) {
            self.check_quiet(life)?;
        }
        self.line.say(Says::Yes);
        match life {
            Life::Running => self.check_syncs()?,
            Life::Stopped | Life::Panicked => {
                self.client().start().map_err(|error| format!("start: {error}"))?;
                self.check_syncs()?;
            }
            Life::Paused { runs } => {
                self.client().resume().map_err(|error| format!("resume: {error}"))?;
                look = self.look();
                let expected = Look::of(if runs { Life::Running } else { Life::Stopped });
                if look != expected {
                    return Err(format!("after a resume it is seen as: {look}; expected: {expected}"));
                }
                if runs {
                    self.check_syncs()?;
                }
            }
            Life::Closed | Life::Wiped | Life::Dropped => {}
        }
        self.check_end()
    }

    /// Nothing is asked and nobody is called, whatever happens in the world.
    fn check_quiet(&self, life: Life) -> Result<(), String> {
        let asked = self.line.asked();
        if let Some(client) = &self.client {
            for transition in [Transition::Offline, Transition::Online, Transition::Seen, Transition::Hint] {
                transition.make(&mut Some(Arc::clone(client))).unwrap();
            }
            if matches!(life, Life::Stopped | Life::Panicked) {
                client.delivered(SOON).map_err(|error| error.to_string())?;
            }
        }
        let heard: Vec<_> = self.heard.try_iter().collect();
        if self.line.asked() != asked || !heard.is_empty() {
            return Err(format!(
                "it asks the server {} times and calls {heard:?}",
                self.line.asked() - asked
            ));
        }
        Ok(())
    }

    /// It can be started again, and calls back.
    pub fn check_restart(&self) {
        self.client().start().unwrap();
        self.check_syncs().unwrap();
    }

    /// It gets to the server, and calls back.
    fn check_syncs(&self) -> Result<(), String> {
        self.line.say(Says::Yes);
        let client = self.client();
        client.set_foreground(true);
        client.set_network(true);
        self.notes.add(Note::new("")).map_err(|error| format!("a write: {error}"))?;
        client.sync(SOON).map_err(|error| format!("a sync: {error}"))?;
        while self.heard.recv_timeout(SOON).map_err(|_| "on_sync is not called")? != "on_sync" {}
        Ok(())
    }

    /// Drops it. The thread that calls back ends, and so nobody is called any more.
    fn check_end(mut self) -> Result<(), String> {
        let was_closed = self.client.is_none() || self.notes.count().is_err();
        drop(self.client.take());
        if !self.notes.count().is_err_and(|error| error.is_closed()) {
            return Err("what outlives the client does not say that it is closed".to_owned());
        }
        drop((self.notes, self.watching));
        loop {
            match self.heard.recv_timeout(SOON) {
                Err(RecvTimeoutError::Disconnected) => break,
                Ok(name) if was_closed => return Err(format!("{name} is called")),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return Err("its callbacks are still held".to_owned()),
            }
        }
        let open = crate::process::open_files(self.folder.path());
        if open.is_empty() { Ok(()) } else { Err(format!("files are still open: {open:?}")) }
    }
}

/// What can be seen of a client and its file.
pub fn look(client: Option<&Client>, notes: &Collection<Note>, path: &Path) -> Look {
    let (sync, runs) = match client {
        Some(client) => {
            let runs = client.status().get().connection != Connectivity::Stopped;
            (Told::of(client.flush(Duration::ZERO)), runs)
        }
        None => (Told::Closed, false),
    };
    let file = if path.exists() {
        match Device::builder(NOWHERE, path).open() {
            Err(Error::Store(StoreError::AlreadyOpen { .. })) => FileIs::Taken,
            Ok(_) => FileIs::Free,
            Err(error) => panic!("{error}"),
        }
    } else {
        FileIs::Gone
    };
    Look { sync, runs, readable: Told::of(notes.count()), file }
}
