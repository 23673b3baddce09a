//! Lets the engines run: events go in, actions are done in order, as the real client does it.

use std::collections::VecDeque;
use std::time::Duration;

use mizu_sync::SyncError;
use mizu_sync::net::{Lane, TransportError};
use mizu_sync::simulation::{
    Action, Command, Event, Failure, Notice, OUTCOME_UNKNOWN, OUTCOME_UNKNOWN_ERROR, Stored, execute,
};

use crate::device::BASE_URL;
use crate::fault::Fault;
use crate::ledger::Fate;
use crate::traffic::Landing;
use crate::violation::{Check, Checked, Violation};
use crate::world::{Happening, World};

/// The code of a mutation that failed too often while others were accepted.
const KEEPS_FAILING: &str = "keeps_failing";

/// Looks of an app after which its whole file is checked.
const INVARIANTS_EVERY: u32 = 4;

impl World {
    /// Starts a device's process, unless it lives.
    pub fn start(&mut self, device: usize) -> Checked {
        if self.devices[device].process.is_some() {
            return Ok(());
        }
        self.note(format_args!("d{device} starts"));
        let (now, config, rng) = (self.now(), self.config.clone(), self.rng.fork());
        self.devices[device].start(now, config, rng)?;
        self.follow_fates(device)?;
        self.look(device)?;
        let Some(process) = &self.devices[device].process else { return Ok(()) };
        let replica = process
            .store
            .begin_session()
            .map_err(|error| Violation::unsound("reading the replica", error))?;
        self.tell(device, Event::Started(Box::new(replica)))?;
        if !self.devices[device].network_up {
            self.tell(device, Event::Network(false))?;
        }
        if !self.devices[device].foreground {
            self.tell(device, Event::Foreground(false))?;
        }
        Ok(())
    }

    /// A device's process dies. Its files stay as they are.
    pub fn kill(&mut self, device: usize, fault: Fault) {
        if self.devices[device].process.take().is_some() {
            self.faults.count(fault);
            self.note(format_args!("d{device} is killed: {fault:?}"));
            let delay = self.about(Duration::from_millis(1_500));
            self.schedule.after(delay, Happening::Starts(device));
        }
    }

    /// Tells an engine what happened, and does what it asks for.
    ///
    /// # Errors
    /// When something that it does violates a promise.
    pub fn tell(&mut self, device: usize, event: Event) -> Checked {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let (time, counts) = (self.devices[device].time(self.now()), self.devices[device].counts());
            let Some(process) = &mut self.devices[device].process else { return Ok(()) };
            for action in process.engine.handle(event, time, counts) {
                match action {
                    Action::Store(command) => {
                        let Some(stored) = self.store(device, command)? else { return Ok(()) };
                        events.push_back(Event::Stored(Ok(stored)));
                    }
                    Action::Exchange(exchange) => {
                        self.send(device, *exchange)?;
                        if self.strikes(self.plan.death) {
                            self.kill(device, Fault::DeathInExchange);
                            return Ok(());
                        }
                    }
                    Action::Interrupt(lane) => self.interrupt(device, lane),
                    Action::OpenLive(ticket) => self.open_line(device, ticket),
                    Action::CloseLive => {
                        if let Some(process) = &mut self.devices[device].process {
                            process.line = None;
                        }
                    }
                    Action::WakeAt(moment) => self.set_alarm(device, moment),
                    Action::Publish(state) => {
                        if let Some(process) = &mut self.devices[device].process {
                            process.state = *state;
                        }
                    }
                    Action::Notify(notice) => {
                        let text = crate::words::notice(&notice);
                        self.note(format_args!("d{device} tells: {text}"));
                        if matches!(notice, Notice::TokenNeeded | Notice::Error(SyncError::NeedsAuth { .. }))
                        {
                            self.token_is_needed(device);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Executes a command. None when the process died over it.
    fn store(&mut self, device: usize, command: Command) -> Checked<Option<Stored>> {
        let text = crate::words::command(&command);
        if self.strikes(self.plan.death) {
            self.kill(device, Fault::DeathBeforeStore);
            return Ok(None);
        }
        let decides = matches!(
            command,
            Command::Record { .. } | Command::LogChanged { .. } | Command::DoubtAcks { .. }
        );
        let pulls = matches!(command, Command::ApplyPage(_) | Command::Swap { .. });
        let Some(process) = &self.devices[device].process else { return Ok(None) };
        let epoch = process.answer_epoch;
        let stored = execute(&process.store, command).map_err(|error| Violation::unsound(&text, error))?;
        let result = crate::words::stored(&stored);
        self.note(format_args!("d{device} stores {text}: {result}"));
        if pulls {
            self.devices[device].view.pulled(epoch, &self.backend.history);
        }
        let settles =
            matches!(&stored, Stored::PageApplied(applied) | Stored::Swapped(applied) if applied.settled > 0);
        if decides || settles {
            self.follow_fates(device)?;
        }
        if decides || pulls {
            self.look(device)?;
        }
        if self.strikes(self.plan.death) {
            self.kill(device, Fault::DeathAfterStore);
            return Ok(None);
        }
        Ok(Some(stored))
    }

    /// Reads what the app of a device sees, and checks it.
    ///
    /// # Errors
    /// When it is not what it must be.
    pub fn look(&mut self, device: usize) -> Checked {
        let device = &mut self.devices[device];
        let Some(process) = &device.process else { return Ok(()) };
        device.looks += 1;
        if device.looks.is_multiple_of(INVARIANTS_EVERY) {
            process.store.check_invariants().map_err(|what| Violation::new(Check::Invariants, what))?;
        }
        process.observer.check(device.index, &process.store)?;
        device.view.look(device.index, &process.store, &self.ledger, &self.backend.history)
    }

    /// Compares the queue in a device's file with what its app was told, and learns what became of mutations.
    ///
    /// # Errors
    /// When one is lost, or one is there that nobody made.
    pub fn follow_fates(&mut self, device: usize) -> Checked {
        let Some(process) = &self.devices[device].process else { return Ok(()) };
        let unsound = |error| Violation::unsound("reading the queue", error);
        let pending = process.store.pending().map_err(unsound)?;
        let rejected = process.store.rejected().map_err(unsound)?;
        for id in pending.iter().map(|mutation| &mutation.id) {
            if self.ledger.by_id(id).is_none_or(|written| written.fate != Fate::Live) {
                let detail = format!("{id} is in the queue of device {device}, but should not be");
                return Err(Violation::new(Check::AtomicBatch, detail));
            }
        }
        let epoch = self.devices[device].view.epoch;
        for written in self.ledger.of_mut(device).filter(|written| written.fate == Fate::Live) {
            if pending.iter().any(|mutation| mutation.id == written.id) {
                continue;
            }
            if let Some(rejection) = rejected.iter().find(|mutation| mutation.id == written.id) {
                let given_up = rejection.code == KEEPS_FAILING
                    || rejection.code == OUTCOME_UNKNOWN && rejection.error != OUTCOME_UNKNOWN_ERROR;
                if given_up && written.poison().is_none() {
                    let detail = format!("{} was given up, though nothing is wrong with it", written.id);
                    return Err(Violation::new(Check::OutageRejects, detail));
                }
                written.fate = Fate::Rejected;
            } else if written.applied {
                written.fate = Fate::Settled { epoch };
                self.devices[device].view.settled(&written.id, &self.backend.history);
            } else {
                let detail = format!("{} has left the queue, and was never applied", written.id);
                return Err(Violation::new(Check::NothingLost, detail));
            }
        }
        Ok(())
    }

    /// The time that an engine has asked for has come.
    pub fn alarm_rings(&mut self, device: usize, incarnation: u64, alarm: u64) -> Checked {
        let mine = &self.devices[device];
        let current = mine.process.as_ref().is_some_and(|process| process.alarm == alarm);
        if mine.incarnation == incarnation && current { self.tell(device, Event::Due) } else { Ok(()) }
    }

    fn set_alarm(&mut self, device: usize, moment: Option<Duration>) {
        let incarnation = self.devices[device].incarnation;
        let Some(process) = &mut self.devices[device].process else { return };
        process.alarm += 1;
        if let Some(moment) = moment {
            let (alarm, at) = (process.alarm, process.started + moment);
            self.schedule.at(at, Happening::Alarm { device, incarnation, alarm });
        }
    }

    fn interrupt(&mut self, device: usize, lane: Lane) {
        let incarnation = self.devices[device].incarnation;
        let Some(process) = &self.devices[device].process else { return };
        let under_way = process.flights.iter().rfind(|exchange| exchange.plan.lane() == lane);
        let Some(ticket) = under_way.map(|exchange| exchange.ticket) else { return };
        let failure = Failure::Offline(TransportError::Interrupted { url: BASE_URL.to_owned() });
        self.schedule.after(
            Duration::ZERO,
            Happening::Lands(Box::new(Landing::failed(device, incarnation, ticket, failure))),
        );
    }

    /// The platform says whether there is a network.
    pub fn network_signal(&mut self, device: usize, up: bool) -> Checked {
        if !up && !self.chaos {
            return Ok(());
        }
        self.note(format_args!("d{device} hears that the network is {}", if up { "up" } else { "down" }));
        let was_up = std::mem::replace(&mut self.devices[device].network_up, up);
        self.devices[device].background_requests = 0;
        if up && was_up {
            // It is another network.
            self.tell(device, Event::Network(false))?;
        }
        self.tell(device, Event::Network(up))
    }

    /// The platform says whether the app is seen.
    pub fn foreground_signal(&mut self, device: usize, seen: bool) -> Checked {
        if !seen && !self.chaos {
            return Ok(());
        }
        self.note(format_args!("d{device} is in the {}", if seen { "foreground" } else { "background" }));
        self.devices[device].foreground = seen;
        self.devices[device].background_requests = 0;
        self.tell(device, Event::Foreground(seen))
    }
}
