//! From open to closed: start, stop, pause, resume, close, wipe.
//!
//! # Idea
//! Transitions happen one after the other. None of them waits for code of the app, so one that a callback asks
//! for, while another thread is in the middle of one, is only a little later. A stop waits for no other transition: a pause
//! may wait for a long write, and a stop does not.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::core::Core;
use super::driver::{Ended, Session};
use crate::error::{Error, Result};
use crate::model::{ChangeSet, Counts};
use crate::net::Transport;
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
    /// The file is released, or is about to be released or taken.
    Paused {
        /// Whether the sync is to run again. A stop says no at any time.
        was_running: bool,
    },
    Closed,
}

impl State {
    /// Whether a sync can be started.
    fn check_start(&self) -> Result<()> {
        match self {
            Self::Running(session) if !session.has_panicked() => Err(Error::AlreadyStarted),
            Self::Paused { .. } => Err(StoreError::Paused.into()),
            Self::Closed => Err(StoreError::Closed.into()),
            Self::Running(_) | Self::Stopped => Ok(()),
        }
    }
}

/// A transition that is under way.
struct Transition<'a> {
    lingering: MutexGuard<'a, Lingering>,
    /// Dropped after the lock is released: in a session there is the app's own transport.
    left: Vec<Session>,
}

impl Transition<'_> {
    fn end(&mut self, session: Session) {
        *self.lingering = Some(session.stop());
        self.left.push(session);
    }
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

    fn transition(&self) -> Transition<'_> {
        let lingering = self.transition.lock().unwrap_or_else(PoisonError::into_inner);
        Transition { lingering, left: Vec::new() }
    }

    /// Changes the state, and stops the session that ran, if one did.
    fn leave(&self, transition: &mut Transition<'_>, to: State) {
        let former = mem::replace(&mut *self.state(), to);
        if let State::Running(session) = former {
            transition.end(session);
        }
    }

    /// Whether a sync runs that has to be stopped. None is to run after a resume.
    fn has_to_stop(&self) -> bool {
        match &mut *self.state() {
            State::Running(_) => true,
            State::Paused { was_running } => {
                *was_running = false;
                false
            }
            State::Stopped | State::Closed => false,
        }
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

    /// Begins a transition after which a sync may run; with a transport for it, if `needed`. The app's own code may
    /// make that, so nothing is locked meanwhile.
    fn transition_to_run(
        &self,
        needed: impl Fn(&State) -> bool,
    ) -> Result<(Option<Arc<dyn Transport>>, Transition<'_>)> {
        let mut transport = None;
        loop {
            let transition = self.lifecycle.transition();
            if transport.is_some() || !needed(&self.lifecycle.state()) {
                return Ok((transport, transition));
            }
            drop(transition);
            transport = Some(self.transport()?);
        }
    }

    pub fn start(&self) -> Result<()> {
        let (transport, mut transition) = self.transition_to_run(|state| state.check_start().is_ok())?;
        self.lifecycle.state().check_start()?;
        self.lifecycle.leave(&mut transition, State::Stopped);
        transport.as_ref().map_or(Ok(()), |transport| self.run(&mut transition, transport))
    }

    /// Starts a sync; unless the client is paused, and was stopped since.
    fn run(&self, transition: &mut Transition<'_>, transport: &Arc<dyn Transport>) -> Result<()> {
        if let Some(ended) = &*transition.lingering {
            ended.join()?;
            *transition.lingering = None;
        }
        // Before anything is locked for which others wait: a long write may be under way.
        let replica = self.store.begin_session()?;
        let platform = self.platform();
        let session = self.session(Arc::clone(transport), *platform, replica)?;
        let mut state = self.lifecycle.state();
        if matches!(*state, State::Paused { was_running: false }) {
            drop((state, platform));
            transition.end(session);
            return Ok(());
        }
        // Of what was written before this moment it may not have been told.
        session.send(Event::Queued);
        *state = State::Running(session);
        Ok(())
    }

    /// Ends a pause, the file being there again: with a sync, if one is to run.
    fn go_on(&self, transition: &mut Transition<'_>, transport: Option<&Arc<dyn Transport>>) -> Result<()> {
        let is_to_run = matches!(*self.lifecycle.state(), State::Paused { was_running: true });
        let begun = match transport {
            Some(transport) if is_to_run => self.run(transition, transport),
            _ => Ok(()),
        };
        let mut state = self.lifecycle.state();
        if matches!(*state, State::Paused { .. }) {
            *state = State::Stopped;
        }
        begun
    }

    pub fn stop(&self) {
        if !self.lifecycle.has_to_stop() {
            return;
        }
        let mut transition = self.lifecycle.transition();
        if self.lifecycle.has_to_stop() {
            self.lifecycle.leave(&mut transition, State::Stopped);
        }
    }

    pub fn pause(&self) -> Result<()> {
        let mut transition = self.lifecycle.transition();
        let was_running = match *self.lifecycle.state() {
            State::Running(_) => true,
            State::Stopped => false,
            State::Paused { .. } => return Ok(()),
            State::Closed => return Err(StoreError::Closed.into()),
        };
        self.lifecycle.leave(&mut transition, State::Paused { was_running });
        self.dispatcher.hold();
        self.store.pause();
        self.forget_answers();
        Ok(())
    }

    pub fn resume(&self) -> Result<()> {
        let ran = |state: &State| matches!(state, State::Paused { was_running: true });
        let (transport, mut transition) = self.transition_to_run(ran)?;
        match *self.lifecycle.state() {
            State::Paused { .. } => {}
            State::Running(_) | State::Stopped => return Ok(()),
            State::Closed => return Err(StoreError::Closed.into()),
        }
        self.store.resume()?;
        // Who began to watch meanwhile has seen nothing yet.
        self.forget_answers();
        self.dispatcher.release();
        self.go_on(&mut transition, transport.as_ref())
    }

    pub fn close(&self) {
        let mut transition = self.lifecycle.transition();
        if matches!(*self.lifecycle.state(), State::Closed) {
            return;
        }
        self.lifecycle.leave(&mut transition, State::Closed);
        self.dispatcher.close();
        self.store.close();
        self.forget_answers();
    }

    /// What is remembered for those who watch is not the answer any more: the file cannot be read.
    fn forget_answers(&self) {
        let everything = ChangeSet::everything();
        let mut sources = self.watches.copies(&everything);
        sources.extend(self.watches.changed(&everything, &self.store));
        self.dispatcher.run(self.watches.origin.invalidate(&sources));
    }

    /// Closes the client and deletes its file. One that cannot be deleted is paused then.
    pub fn wipe(&self, drop_unsent: bool) -> Result<()> {
        let allowed = |queue: Counts| drop_unsent || queue.pending == 0 && queue.rejected == 0;
        let refused = |queue: Counts| Error::Unsent { pending: queue.pending, rejected: queue.rejected };
        let goes_on = |state: &State| matches!(state, State::Running(_)) && allowed(self.store.counts());
        let (transport, mut transition) = self.transition_to_run(goes_on)?;
        let (was_paused, was_running) = match *self.lifecycle.state() {
            State::Running(_) => (false, true),
            State::Stopped => (false, false),
            State::Paused { .. } => (true, false),
            State::Closed => return Err(StoreError::Closed.into()),
        };
        if !was_paused {
            let queue = self.store.counts();
            if !allowed(queue) {
                return Err(refused(queue));
            }
            self.lifecycle.leave(&mut transition, State::Paused { was_running });
        }
        // Judged while nobody else can write: the app may have written meanwhile, or another client.
        let destroyed = self.store.destroy(allowed);
        match &destroyed {
            Ok(Ok(())) => {
                *self.lifecycle.state() = State::Closed;
                self.dispatcher.close();
            }
            Ok(Err(_)) if !was_paused => {}
            Ok(Err(_)) | Err(_) => self.dispatcher.hold(),
        }
        self.forget_answers();
        let Err(queue) = destroyed? else { return Ok(()) };
        if !was_paused {
            self.go_on(&mut transition, transport.as_ref())?;
        }
        Err(refused(queue))
    }
}
