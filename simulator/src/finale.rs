//! The end of a world: everything is healed, nobody writes any more, and what was promised must come true.

use std::collections::BTreeMap;
use std::time::Duration;

use mizu_sync::simulation::EntityKey;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use crate::ledger::{Fate, Written};
use crate::mutator::{APPLIED, Entry, JOURNAL, Poison, SCOPE};
use crate::schedule::Moment;
use crate::violation::{Check, Checked, Violation};
use crate::world::World;

/// P4: after the platform's signal that the network is back.
const DRAINED_AFTER_SIGNAL: Duration = Duration::from_secs(10);
/// P4: without one.
const DRAINED_WITHOUT: Duration = Duration::from_secs(20);
/// A mutation that had to wait for a poison mutation is tried with the next round of trials.
const DRAINED_OF_POISON: Duration = Duration::from_secs(130);
/// The longest that a client waits for, when the server's log keeps changing, and then some.
const CONVERGED: Duration = Duration::from_secs(4_000);

impl World {
    /// Heals everything and checks what must be true then.
    ///
    /// # Errors
    /// The first violation.
    pub fn finale(&mut self) -> Checked {
        let awake = self.devices.iter().map(|device| device.asleep_until).max().unwrap_or_default();
        self.run_until(awake.max(self.quiet_until))?;
        self.note(format_args!("all is well now"));
        let signalled: Vec<bool> =
            self.devices.iter().map(|device| self.plan.signals || !device.network_up).collect();
        self.heal()?;
        self.check_drained(&signalled)?;
        self.drain_of_poison()?;
        self.converge()?;
        self.check_hints_are_followed()?;
        self.converge()?;
        self.check_nothing_lost()?;
        self.check_journal()
    }

    fn check_drained(&mut self, signalled: &[bool]) -> Checked {
        let healed = self.now();
        let mut deadlines: Vec<(Moment, usize)> = Vec::new();
        for (device, signalled) in signalled.iter().enumerate() {
            let bound = if *signalled { DRAINED_AFTER_SIGNAL } else { DRAINED_WITHOUT };
            let live = self.ledger.of(device).filter(|written| written.fate == Fate::Live);
            let trials: Duration = live.filter_map(Written::poison).map(Poison::trials).sum();
            deadlines.push((self.devices[device].retry_after.max(healed) + bound + trials, device));
        }
        deadlines.sort_unstable();
        for (deadline, device) in deadlines {
            // Not longer than it takes: hours of polling would show nothing new.
            while self.now() < deadline && self.devices[device].counts().pending > 0 {
                let next = deadline.min(self.now() + Duration::from_secs(1));
                self.run_until(next)?;
            }
            self.check_queue(device)?;
        }
        Ok(())
    }

    /// Only what is poison, and what has to wait for it, may be in the queue; and then the status says so.
    fn check_queue(&self, device: usize) -> Checked {
        let held_up = self.ledger.held_up(device, |written| written.poison().is_some());
        let Some(process) = &self.devices[device].process else { return Ok(()) };
        for mutation in process.store.pending().map_err(|error| Violation::unsound("reading", error))? {
            if mutation.acked {
                continue;
            }
            if !held_up.contains(mutation.id.as_str()) {
                let detail = format!("{} is still in the queue of device {device}", mutation.id);
                return Err(Violation::new(Check::Drains, detail));
            }
            if process.state.blocked.is_none() {
                let detail =
                    format!("{} blocks the queue of device {device}, and nobody says so", mutation.id);
                return Err(Violation::new(Check::Drains, detail));
            }
        }
        Ok(())
    }

    /// The apps drop what is poison; then the queues must be empty.
    fn drain_of_poison(&mut self) -> Checked {
        for device in 0..self.devices.len() {
            let live = self.ledger.of(device).filter(|written| written.fate == Fate::Live);
            let poison = live.filter(|written| written.poison().is_some());
            let poison: Vec<String> = poison.map(|written| written.id.clone()).collect();
            for id in &poison {
                self.discard(device, id)?;
            }
        }
        let deadline = self.now() + DRAINED_OF_POISON;
        while self.devices.iter().any(|device| device.counts().pending > 0) {
            if self.now() >= deadline {
                break;
            }
            let next = self.now() + Duration::from_secs(5);
            self.run_until(next)?;
        }
        (0..self.devices.len()).try_for_each(|device| self.check_queue(device))
    }

    /// Waits until all clients show the rows of the server.
    fn converge(&mut self) -> Checked {
        let deadline = self.now() + CONVERGED;
        let mut pause = Duration::from_secs(1);
        loop {
            let Err(violation) = self.check_converged() else { return Ok(()) };
            if self.now() >= deadline {
                return Err(violation);
            }
            let next = self.now() + pause;
            self.run_until(next)?;
            pause = pause * 3 / 2;
        }
    }

    fn check_converged(&self) -> Checked {
        let truth = self.server_rows(SCOPE)?;
        for (index, device) in self.devices.iter().enumerate() {
            let diverges = |detail: String| Violation::new(Check::Converges, detail);
            let Some(process) = &device.process else {
                return Err(diverges(format!("device {index} is dead")));
            };
            process.store.check_invariants().map_err(|what| Violation::new(Check::Invariants, what))?;
            let counts = process.store.counts();
            if counts.pending + counts.acked > 0 || process.state.progress.is_some() {
                return Err(diverges(format!("device {index} is not done: {counts:?} {:?}", process.state)));
            }
            let mut rows = BTreeMap::new();
            for collection in ["account", "item"] {
                let all =
                    process.store.all(collection).map_err(|error| Violation::unsound("reading", error))?;
                for row in all {
                    rows.insert(EntityKey::new(collection, &row.id), parse(row.data.as_str())?);
                }
            }
            if rows != truth {
                let keys = rows.keys().chain(truth.keys());
                let differs = keys.into_iter().find(|key| rows.get(key) != truth.get(key));
                let Some(key) = differs else { continue };
                return Err(diverges(format!(
                    "{key} is {:?} on device {index} and {:?} at the server",
                    rows.get(key),
                    truth.get(key)
                )));
            }
        }
        Ok(())
    }

    /// Whatever an app was told is saved is applied at the server, or refused and shown, or dropped by the app.
    fn check_nothing_lost(&self) -> Checked {
        let lost = |detail: String| Err(Violation::new(Check::NothingLost, detail));
        let history = &self.backend.history;
        for device in &self.devices {
            let Some(process) = &device.process else { continue };
            let rejected = process.store.rejected().map_err(|error| Violation::unsound("reading", error))?;
            for written in self.ledger.of(device.index) {
                let id = &written.id;
                match written.fate {
                    Fate::Live => return lost(format!("{id} is nowhere")),
                    Fate::Rejected if !rejected.iter().any(|mutation| mutation.id == *id) => {
                        return lost(format!("{id} was refused, and is not shown as such"));
                    }
                    // What was settled before a restore is lost with what the server lost.
                    Fate::Settled { epoch }
                        if written.effective && epoch == history.epoch && !history.has(id) =>
                    {
                        return lost(format!("{id} is settled, and the server does not have it"));
                    }
                    Fate::Rejected | Fate::Settled { .. } | Fate::Discarded => {}
                }
            }
        }
        Ok(())
    }

    /// The journal that the mutator kept in the server's own database says the same as the history.
    fn check_journal(&self) -> Checked {
        let differs = |detail: String| Err(Violation::new(Check::ServerTables, detail));
        let journal = self.server_rows(JOURNAL)?;
        for (key, entry) in &journal {
            let entry: Entry = serde_json::from_value(entry.clone())
                .map_err(|error| Violation::unsound("an entry of the journal", error))?;
            if entry.count != 1 {
                let detail = format!("{} was applied {} times", key.id, entry.count);
                return Err(Violation::new(Check::ExactlyOnce, detail));
            }
            if !self.backend.history.has(&key.id) {
                return differs(format!("{} is in the journal, but was not seen to be applied", key.id));
            }
        }
        match self.backend.history.iter().find(|applied| {
            !journal.contains_key(&EntityKey { collection: APPLIED.to_owned(), id: applied.id.clone() })
        }) {
            Some(missing) => differs(format!("{} was applied, but is not in the journal", missing.id)),
            None => Ok(()),
        }
    }

    /// What is in the server's file, read past the server.
    fn server_rows(&self, scope: &str) -> Checked<BTreeMap<EntityKey, Value>> {
        let failed = |error: rusqlite::Error| Violation::unsound("reading the server's file", error);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let file = Connection::open_with_flags(self.backend.path(), flags).map_err(failed)?;
        let sql = "SELECT collection, entity.id, data FROM entity JOIN scope ON scope.id = entity.scope
                   WHERE name = ?1";
        let mut select = file.prepare(sql).map_err(failed)?;
        let mut found = select.query([scope]).map_err(failed)?;
        let mut rows = BTreeMap::new();
        while let Some(row) = found.next().map_err(failed)? {
            let key = EntityKey { collection: row.get(0).map_err(failed)?, id: row.get(1).map_err(failed)? };
            rows.insert(key, parse(row.get_ref(2).map_err(failed)?.as_str().unwrap_or_default())?);
        }
        Ok(rows)
    }
}

fn parse(text: &str) -> Checked<Value> {
    serde_json::from_str(text).map_err(|error| Violation::unsound("an entity that is no JSON", error))
}
