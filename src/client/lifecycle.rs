//! From open to closed: start, stop, pause, resume, close, wipe.
//!
//! Transitions happen one after the other. None of them waits for code of the app, so one that a callback asks
//! for, while another thread is in the middle of one, is only a little later.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::core::Core;
use super::driver::{Ended, Session};
use crate::error::{Error, Result};
use crate::model::{ChangeSet, Counts};
use crate::store::StoreError;
use crate::sync::Event;

#[derive(Default)]
pub struct Lifecycle {
    /// Held for the whole of a transition.
    transition: Mutex<Lingering>,
    /// Held for a look or a change only.
    state: Mutex<State>,
}

/// A driver that had not ended when it was stopped.
type Lingering = Option<Arc<Ended>>;

#[derive(Default)]
enum State {
    #[default]
    Stopped,
    Running(Session),
    Paused {
        was_running: bool,
    },
    Closed,
}

impl Lifecycle {
    /// Does something with the session, if one runs.
    pub fn with_session<T>(&self, work: impl FnOnce(&Session) -> T) -> Option<T> {
        match &*self.state() {
            State::Running(session) => Some(work(session)),
            State::Stopped | State::Paused { .. } | State::Closed => None,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn transition(&self) -> MutexGuard<'_, Lingering> {
        self.transition.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, and stops the session that ran, if one did. Whether one did.
    fn leave(&self, lingering: &mut Lingering, to: State) -> bool {
        let former = mem::replace(&mut *self.state(), to);
        let State::Running(session) = former else { return false };
        *lingering = Some(session.stop());
        true
    }
}

impl Core {
    /// What to tell somebody who waits for a sync that does not run.
    pub fn not_running(&self) -> Error {
        match *self.lifecycle.state() {
            State::Paused { .. } => StoreError::Paused.into(),
            State::Closed => StoreError::Closed.into(),
            State::Stopped | State::Running(_) => Error::NotStarted,
        }
    }

    pub fn start(&self) -> Result<()> {
        let transport = self.transport()?;
        let mut lingering = self.lifecycle.transition();
        match &*self.lifecycle.state() {
            State::Running(session) if !session.has_ended() => return Err(Error::AlreadyStarted),
            State::Paused { .. } => return Err(StoreError::Paused.into()),
            State::Closed => return Err(StoreError::Closed.into()),
            State::Running(_) | State::Stopped => {}
        }
        self.lifecycle.leave(&mut lingering, State::Stopped);
        self.run(&mut lingering, transport)
    }

    fn run(&self, lingering: &mut Lingering, transport: Arc<dyn crate::net::Transport>) -> Result<()> {
        if let Some(ended) = lingering.take() {
            ended.join();
        }
        let platform = self.platform();
        let session = self.session(transport, *platform)?;
        let mut state = self.lifecycle.state();
        // Of what was written before this moment it may not have been told.
        session.send(Event::Queued);
        *state = State::Running(session);
        Ok(())
    }

    pub fn stop(&self) {
        let mut lingering = self.lifecycle.transition();
        if matches!(*self.lifecycle.state(), State::Running(_)) {
            self.lifecycle.leave(&mut lingering, State::Stopped);
        }
    }

    pub fn pause(&self) -> Result<()> {
        let mut lingering = self.lifecycle.transition();
        let was_running = match *self.lifecycle.state() {
            State::Running(_) => true,
            State::Stopped => false,
            State::Paused { .. } => return Ok(()),
            State::Closed => return Err(StoreError::Closed.into()),
        };
        self.lifecycle.leave(&mut lingering, State::Paused { was_running });
        self.dispatcher.hold();
        self.store.pause();
        self.forget_answers();
        Ok(())
    }

    pub fn resume(&self) -> Result<()> {
        let transport = self.transport()?;
        let mut lingering = self.lifecycle.transition();
        let was_running = match *self.lifecycle.state() {
            State::Paused { was_running } => was_running,
            State::Running(_) | State::Stopped => return Ok(()),
            State::Closed => return Err(StoreError::Closed.into()),
        };
        self.store.resume()?;
        self.dispatcher.release();
        *self.lifecycle.state() = State::Stopped;
        if was_running { self.run(&mut lingering, transport) } else { Ok(()) }
    }

    pub fn close(&self) {
        let mut lingering = self.lifecycle.transition();
        if matches!(*self.lifecycle.state(), State::Closed) {
            return;
        }
        self.lifecycle.leave(&mut lingering, State::Closed);
        self.dispatcher.close();
        self.store.close();
        self.forget_answers();
    }

    /// What is remembered for those who watch is not the answer any more: the file cannot be read.
    fn forget_answers(&self) {
        self.dispatcher.run(
            self.watches.origin.invalidate(&self.watches.changed(&ChangeSet::everything(), &self.store)),
        );
    }

    /// Closes the client and deletes its file. One that cannot be deleted is paused then.
    pub fn wipe(&self, drop_unsent: bool) -> Result<()> {
        let transport = self.transport()?;
        let mut lingering = self.lifecycle.transition();
        let allowed = |queue: Counts| drop_unsent || queue.pending == 0 && queue.rejected == 0;
        let refused = |queue: Counts| Error::Unsent { pending: queue.pending, rejected: queue.rejected };
        let paused = match *self.lifecycle.state() {
            State::Running(_) | State::Stopped => None,
            State::Paused { was_running } => Some(was_running),
            State::Closed => return Err(StoreError::Closed.into()),
        };
        let was_running = match paused {
            Some(was_running) => was_running,
            None => {
                let queue = self.store.counts();
                if !allowed(queue) {
                    return Err(refused(queue));
                }
                self.lifecycle.leave(&mut lingering, State::Stopped)
            }
        };
        // Judged while nobody else can write: the app may have written meanwhile, or another client.
        let destroyed = self.store.destroy(allowed);
        let next = match &destroyed {
            Ok(Ok(())) => State::Closed,
            Ok(Err(_)) if paused.is_none() => State::Stopped,
            Ok(Err(_)) | Err(_) => State::Paused { was_running },
        };
        match next {
            State::Closed => self.dispatcher.close(),
            State::Paused { .. } => self.dispatcher.hold(),
            State::Stopped | State::Running(_) => {}
        }
        *self.lifecycle.state() = next;
        self.forget_answers();
        let Err(queue) = destroyed? else { return Ok(()) };
        if paused.is_none() && was_running {
            self.run(&mut lingering, transport)?;
        }
        Err(refused(queue))
    }
}
