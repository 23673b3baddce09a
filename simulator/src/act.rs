//! What the apps do: writes that contend for a few entities, and decisions about what was refused.

use mizu_sync::simulation::{Edit, EntityKey, Event, Intent, NewMutation, Object, StoreError};
use serde_json::value::RawValue;

use crate::fault::Fault;
use crate::ledger::{Effect, Fate, Nature, Written};
use crate::mutator::{Account, Poison};
use crate::view::ACCOUNTS;
use crate::violation::{Check, Checked, Violation};
use crate::world::{Happening, World};

/// Items that the apps quarrel about.
const ITEMS: u32 = 6;

/// A mutation about to be written: what the store gets, and what the ledger remembers.
struct Draft {
    mutation: NewMutation,
    written: Written,
}

impl World {
    /// The app on a device does something, and will do more.
    ///
    /// # Errors
    /// When what it then sees violates a promise.
    pub fn app_acts(&mut self, device: usize) -> Checked {
        let delay = self.about(self.plan.act_every);
        let mine = &mut self.devices[device];
        if mine.acts_left == 0 {
            return Ok(());
        }
        self.schedule.after(delay, Happening::AppActs(device));
        // Who is dead does nothing.
        if mine.process.is_none() {
            return Ok(());
        }
        mine.acts_left -= 1;
        match self.rng.u8(..100) {
            0..76 => self.write(device, 1),
            76..84 => {
                let size = self.rng.usize(2..5);
                self.write(device, size)
            }
            84..90 => self.decide_about_rejected(device, true),
            90..94 => self.decide_about_rejected(device, false),
            94..96 => self.discard_pending(device),
            _ => self.tell(device, Event::SyncRequested(1)),
        }?;
        self.look(device)
    }

    /// Writes so many mutations as one batch.
    ///
    /// # Errors
    /// When the store fails, or keeps half of the batch.
    pub fn write(&mut self, device: usize, size: usize) -> Checked {
        let drafts: Vec<Draft> = (0..size).map(|ahead| self.draft(device, ahead)).collect();
        let batch = drafts.iter().map(|draft| draft.mutation.clone()).collect();
        let Some(process) = &self.devices[device].process else { return Ok(()) };
        let snapshot = process.state.progress.is_some();
        let before = process.store.counts();
        match process.store.write(batch) {
            Ok(()) => {
                if snapshot {
                    self.faults.count(Fault::WriteDuringSnapshot);
                }
                for draft in drafts {
                    let Written { id, effects, .. } = &draft.written;
                    let text = format!("d{device} writes {id}: {:?} {effects:?}", draft.written.nature);
                    self.note(format_args!("{text}"));
                    self.ledger.add(draft.written);
                }
                self.devices[device].background_requests = 0;
                self.tell(device, Event::Queued)
            }
            Err(StoreError::AlreadyExists { .. } | StoreError::NotFound { .. }) => {
                if process.store.counts() == before {
                    return Ok(());
                }
                let detail = format!("device {device} kept a part of a batch that was refused");
                Err(Violation::new(Check::AtomicBatch, detail))
            }
            Err(error) => Err(Violation::unsound("a local write", error)),
        }
    }

    /// The `ahead`-th mutation of a batch.
    fn draft(&mut self, device: usize, ahead: usize) -> Draft {
        let (id, rev) = (self.ledger.id_ahead(ahead), self.ledger.rev_ahead(ahead));
        let item = EntityKey::new("item", &format!("i{}", self.rng.u32(..ITEMS)));
        let poison = self.rng.f64() < self.plan.poison;
        let (intent, effects, nature) = match self.rng.u8(..100) {
            _ if poison => {
                let expected = if self.rng.bool() { vec![(item.clone(), mark(rev))] } else { Vec::new() };
                let effects = expected.iter().map(|(key, _)| (key.clone(), Effect::Changes)).collect();
                let poison = Poison::ALL[self.rng.usize(..Poison::ALL.len())];
                (custom(poison.name(), "{}", expected), effects, Nature::Poison(poison))
            }
            0..5 => {
                let name = if self.rng.bool() { "refuse.conflict" } else { "refuse.invalid" };
                let expected = vec![(item.clone(), mark(rev))];
                (custom(name, "{}", expected), vec![(item, Effect::Changes)], Nature::Refused)
            }
            5..11 => {
                let args = format!(r#"{{"id":{:?},"rev":{rev}}}"#, item.id);
                (custom("item.touch", &args, Vec::new()), Vec::new(), Nature::Good)
            }
            11..27 => self.transfer(device, rev),
            27..42 => {
                let data = object(&format!(r#"{{"rev":{rev},"title":"né {rev}","note":"a\"b"}}"#));
                (
                    Intent::Entity(item.clone(), Edit::Create(data)),
                    vec![(item, Effect::Creates)],
                    Nature::Good,
                )
            }
            42..66 => {
                let known = object(&format!(r#"{{"rev":{rev},"title":"set {rev}"}}"#));
                let edit = Edit::Set { known, gone: vec!["note".to_owned()] };
                (Intent::Entity(item.clone(), edit), vec![(item, Effect::Changes)], Nature::Good)
            }
            66..90 => (Intent::Entity(item.clone(), mark(rev)), vec![(item, Effect::Changes)], Nature::Good),
            _ => (Intent::Entity(item.clone(), Edit::Delete), vec![(item, Effect::Deletes)], Nature::Good),
        };
        let created_at = self.devices[device].wall(self.now());
        let fate = Fate::Live;
        Draft {
            mutation: NewMutation { id: id.clone(), created_at, intent },
            written: Written {
                device,
                id,
                rev,
                effects,
                nature,
                fate,
                failed: false,
                applied: false,
                effective: false,
            },
        }
    }

    /// Moves something from one account to another, as far as this device can see what is in them.
    fn transfer(&mut self, device: usize, rev: u64) -> (Intent, Vec<(EntityKey, Effect)>, Nature) {
        let from = self.rng.usize(..ACCOUNTS);
        let to = (from + self.rng.usize(1..ACCOUNTS)) % ACCOUNTS;
        let amount = self.rng.i64(1..40);
        let args = format!(r#"{{"from":"a{from}","to":"a{to}","amount":{amount},"rev":{rev}}}"#);
        let mut expected = Vec::new();
        for (account, change) in [(from, -amount), (to, amount)] {
            let key = EntityKey::new("account", &format!("a{account}"));
            let Some(process) = &self.devices[device].process else { continue };
            let Ok(Some(row)) = process.store.get(&key) else { continue };
            let Ok(seen) = serde_json::from_str::<Account>(row.data.as_str()) else { continue };
            let set = object(&format!(r#"{{"rev":{rev},"balance":{}}}"#, seen.balance + change));
            expected.push((key, Edit::Update { set, unset: Vec::new(), seen: None }));
        }
        let effects = expected.iter().map(|(key, _)| (key.clone(), Effect::Changes)).collect();
        (custom("account.transfer", &args, expected), effects, Nature::Good)
    }

    /// The app retries or drops what was refused first.
    fn decide_about_rejected(&mut self, device: usize, retry: bool) -> Checked {
        let rejected = self.ledger.of(device).find(|written| written.fate == Fate::Rejected).cloned();
        let Some(rejected) = rejected else { return Ok(()) };
        let (now, new_id) = (self.now(), self.ledger.id_ahead(0));
        let wall = self.devices[device].wall(now);
        let Some(process) = &self.devices[device].process else { return Ok(()) };
        let decided = if retry {
            process.store.retry(&rejected.id, None, &new_id, wall)
        } else {
            process.store.discard(&rejected.id).map(drop)
        };
        decided.map_err(|error| Violation::unsound("deciding about a rejected mutation", error))?;
        let verb = if retry { "retries" } else { "discards" };
        self.note(format_args!("d{device} {verb} {}", rejected.id));
        if let Some(written) = self.ledger.by_id(&rejected.id) {
            written.fate = Fate::Discarded;
        }
        if retry {
            let fate = Fate::Live;
            self.ledger.add(Written {
                id: new_id,
                fate,
                failed: false,
                applied: false,
                effective: false,
                ..rejected
            });
        }
        self.devices[device].background_requests = 0;
        self.tell(device, Event::Queued)
    }

    /// The app drops something that waits.
    fn discard_pending(&mut self, device: usize) -> Checked {
        let Some(process) = &self.devices[device].process else { return Ok(()) };
        let pending =
            process.store.pending().map_err(|error| Violation::unsound("reading the queue", error))?;
        let waiting: Vec<String> =
            pending.into_iter().filter(|mutation| !mutation.acked).map(|mutation| mutation.id).collect();
        if waiting.is_empty() {
            return Ok(());
        }
        let id = waiting[self.rng.usize(..waiting.len())].clone();
        self.discard(device, &id)
    }

    /// The app drops this mutation.
    ///
    /// # Errors
    /// When it cannot.
    pub fn discard(&mut self, device: usize, id: &str) -> Checked {
        let mine = &mut self.devices[device];
        let Some(process) = &mine.process else { return Ok(()) };
        let discarded = process.store.discard(id);
        let seq = discarded.map_err(|error| Violation::unsound("discarding a mutation", error))?;
        if let Some(written) = self.ledger.by_id(id) {
            written.fate = Fate::Discarded;
        }
        self.note(format_args!("d{device} discards {id}"));
        self.tell(device, Event::Discarded(seq))?;
        self.tell(device, Event::Queued)
    }
}

fn object(text: &str) -> Object {
    Object::parse(text.to_owned()).unwrap_or_else(|| unreachable!("{text} is written here, and is an object"))
}

/// Leaves a mark.
fn mark(rev: u64) -> Edit {
    Edit::Update {
        set: object(&format!(r#"{{"rev":{rev},"by":"patch"}}"#)),
        unset: vec!["note".to_owned()],
        seen: None,
    }
}

fn custom(name: &str, args: &str, expected: Vec<(EntityKey, Edit)>) -> Intent {
    let args = RawValue::from_string(args.to_owned()).unwrap_or_default();
    Intent::Custom { name: name.to_owned(), args, expected }
}
