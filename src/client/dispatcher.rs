//! Calls the app back: in order, on a thread of its own, with no lock held.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use mizu_sync_protocol::Cursor;

use crate::error::{Error, Result};
use crate::model::RejectedMutation;
use crate::sync::Notice;

type Callback<T> = Option<Box<dyn Fn(T) + Send + Sync>>;

/// What the app wants to be told.
#[derive(Default)]
pub struct Callbacks {
    pub on_sync: Callback<Cursor>,
    pub on_error: Callback<Error>,
    pub on_online: Callback<()>,
    pub on_offline: Callback<()>,
    pub on_rejected: Callback<RejectedMutation>,
}

impl Callbacks {
    fn call(&self, notice: Notice) {
        match notice {
            Notice::Online => call(&self.on_online, ()),
            Notice::Offline => call(&self.on_offline, ()),
            Notice::Synced(cursor) => call(&self.on_sync, cursor),
            Notice::Error(error) => call(&self.on_error, Error::Sync(error)),
            Notice::Rejected(mutation) => call(&self.on_rejected, mutation),
        }
    }
}

fn call<T>(callback: &Callback<T>, argument: T) {
    let Some(callback) = callback else { return };
    if catch_unwind(AssertUnwindSafe(|| callback(argument))).is_err() {
        tracing::error!("a callback of the app panicked; the sync goes on");
    }
}

enum Told {
    Notice(Notice),
    Error(Error),
}

/// Hands notices to the app's callbacks until it is stopped.
#[derive(Clone)]
pub struct Dispatcher {
    notices: Sender<Told>,
    open: Arc<Mutex<bool>>,
}

impl Dispatcher {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn start(callbacks: Arc<Callbacks>) -> Result<Self> {
        let (notices, received) = mpsc::channel();
        let open = Arc::new(Mutex::new(true));
        let gate = Arc::clone(&open);
        thread::Builder::new()
            .name("mizu-callbacks".to_owned())
            .spawn(move || deliver(&callbacks, &received, &gate))
            .map_err(|error| Error::Thread { reason: error.to_string() })?;
        Ok(Self { notices, open })
    }

    /// Tells the app, soon.
    pub fn notify(&self, notice: Notice) {
        // Only a stopped dispatcher does not listen.
        let _ = self.notices.send(Told::Notice(notice));
    }

    /// Tells the app of an error that is not the sync's.
    pub fn notify_error(&self, error: Error) {
        let _ = self.notices.send(Told::Error(error));
    }

    /// From now on no callback starts. One that runs is not waited for: it may be the one that stops.
    pub fn stop(&self) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }
}

fn deliver(callbacks: &Callbacks, received: &Receiver<Told>, gate: &Mutex<bool>) {
    while let Ok(told) = received.recv() {
        // The lock orders this start against a stop. It is released before the app's code runs.
        let open = *gate.lock().unwrap_or_else(PoisonError::into_inner);
        if !open {
            return;
        }
        match told {
            Told::Notice(notice) => callbacks.call(notice),
            Told::Error(error) => call(&callbacks.on_error, error),
        }
    }
}
