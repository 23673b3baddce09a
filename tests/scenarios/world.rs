//! What a scenario has made so far, and how a step is run: what it gives is compared with what it is to give.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use mizu_sync::testing::{Backup, SOON, Server};
use mizu_sync::{Client, Effect, reactive};
use serde_json::Value;
use tempfile::TempDir;

use crate::failure::{Failure, Outcome};
use crate::step::Step;
use crate::watching::{Cell, Log};
use crate::{devices, reads, script, watching, writes};

/// Where the clients of a scenario sync to.
pub enum Served {
    /// Nowhere: nothing listens there.
    Nothing,
    Scripted(Server),
    /// A process with this base URL.
    Process(String),
}

/// A client, and which classes its collections have.
pub struct Device {
    pub client: Client,
    pub models: HashMap<String, String>,
}

pub struct World {
    pub served: Served,
    folder: TempDir,
    variables: Mutex<HashMap<String, Value>>,
    devices: Mutex<HashMap<String, Arc<Device>>>,
    logs: Mutex<HashMap<String, Arc<Log>>>,
    cells: Mutex<HashMap<String, Cell>>,
    backup: Mutex<Option<Backup>>,
    /// What did not hold first where nobody waits for it: in a callback, or an effect.
    wrong: Mutex<Option<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unknown(what: &str, name: &str) -> Failure {
    Failure::Wrong(format!("no {what} has the name {name:?}"))
}

impl World {
    pub fn new(served: Served) -> Arc<Self> {
        Arc::new(Self {
            served,
            folder: tempfile::tempdir().expect("a temporary folder"),
            variables: Mutex::default(),
            devices: Mutex::default(),
            logs: Mutex::default(),
            cells: Mutex::default(),
            backup: Mutex::default(),
            wrong: Mutex::default(),
        })
    }

    /// The base URL of the server.
    pub fn url(&self) -> String {
        match &self.served {
            Served::Nothing => "http://127.0.0.1:9/_sync".to_owned(),
            Served::Scripted(server) => server.url(),
            Served::Process(url) => url.clone(),
        }
    }

    /// The path of a device's file.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn device(&self, name: &str) -> Outcome<Arc<Device>> {
        lock(&self.devices).get(name).cloned().ok_or_else(|| unknown("device", name))
    }

    pub fn add_device(&self, name: String, device: Device) {
        let former = lock(&self.devices).insert(name, Arc::new(device));
        drop(former);
    }

    pub fn log(&self, name: &str) -> Outcome<Arc<Log>> {
        lock(&self.logs).get(name).cloned().ok_or_else(|| unknown("watcher", name))
    }

    pub fn add_log(&self, name: String, log: Arc<Log>) {
        let former = lock(&self.logs).insert(name, log);
        drop(former);
    }

    pub fn cell(&self, name: &str) -> Outcome<Cell> {
        lock(&self.cells).get(name).cloned().ok_or_else(|| unknown("signal", name))
    }

    pub fn add_cell(&self, name: String, cell: Cell) {
        let former = lock(&self.cells).insert(name, cell);
        drop(former);
    }

    pub fn keep(&self, name: &str, value: Value) {
        lock(&self.variables).insert(name.to_owned(), value);
    }

    pub fn keep_backup(&self, backup: Backup) {
        *lock(&self.backup) = Some(backup);
    }

    pub fn backup(&self) -> Option<Backup> {
        lock(&self.backup).take()
    }

    /// Runs all steps of a scenario. What failed otherwise says which.
    pub fn run_all(self: &Arc<Self>, steps: &[Value]) -> Result<(), String> {
        for (index, step) in steps.iter().enumerate() {
            let failed = |text| format!("step {} ({step}): {text}", index + 1);
            self.run(step).map_err(|failure| failed(failure.text()))?;
            if let Some(text) = lock(&self.wrong).take() {
                return Err(failed(text));
            }
        }
        Ok(())
    }

    /// Fails the step that is being done, for something that nobody waits for.
    pub fn note_wrong(&self, text: String) {
        lock(&self.wrong).get_or_insert(text);
    }

    /// Runs the steps of a callback. The next step of the scenario fails where one of them does not hold.
    pub fn run_in_callback(self: &Arc<Self>, steps: &[Value]) {
        for step in steps {
            if step["do"] == "throw" {
                // Not by `panic!`, which would print it.
                std::panic::resume_unwind(Box::new("the scenario wants it"));
            }
            if let Err(failure) = self.run(step) {
                return self.note_wrong(format!("in a callback, {step}: {}", failure.text()));
            }
        }
    }

    /// Runs one step, and checks what it gives.
    pub fn run(self: &Arc<Self>, json: &Value) -> Outcome<Value> {
        self.checked(json, |step| match step.optional("becomes") {
            Some(wanted) => self.become_(step, &wanted),
            None => self.act(step),
        })
    }

    /// Takes from a step what every step may have, and compares what `act` makes of the rest.
    pub fn checked(&self, json: &Value, act: impl FnOnce(&mut Step) -> Outcome<Value>) -> Outcome<Value> {
        let mut step = Step::new(json, &|name| lock(&self.variables).get(name).cloned())?;
        let (is, fails) = (step.optional("is"), step.optional_text("fails")?);
        let keep = step.optional_text("as")?;
        let result = act(&mut step);
        let result = match (result, fails) {
            (Err(Failure::Error(kind, _)), Some(wanted)) if kind == wanted => Value::Null,
            (Err(failure), _) => return Err(failure),
            (Ok(result), Some(wanted)) => {
                return Err(Failure::Wrong(format!("it is to fail with {wanted}, and gives {result}")));
            }
            (Ok(result), None) => result,
        };
        step.end()?;
        match is {
            Some(wanted) if wanted != result => {
                Err(Failure::Wrong(format!("it gives {result}, not {wanted}")))
            }
            _ => {
                if let Some(name) = keep {
                    self.keep(&name, result.clone());
                }
                Ok(result)
            }
        }
    }

    fn act(self: &Arc<Self>, step: &mut Step) -> Outcome<Value> {
        for part in [devices::run, writes::run, watching::run, script::run, control] {
            if let Some(result) = part(self, step)? {
                return Ok(result);
            }
        }
        self.read(step)
    }

    /// Reads. Tracked where something watches.
    pub fn read(&self, step: &mut Step) -> Outcome<Value> {
        reads::run(self, step)?
            .ok_or_else(|| Failure::Wrong(format!("there is no step {:?} here", step.name)))
    }

    /// As [`Self::read`], for a step whose variables are filled in.
    pub fn read_json(&self, json: &Value) -> Outcome<Value> {
        let mut step = Step::new(json, &|_| None)?;
        let result = self.read(&mut step)?;
        step.end()?;
        Ok(result)
    }

    /// Waits until a read gives this.
    fn become_(self: &Arc<Self>, step: &mut Step, wanted: &Value) -> Outcome<Value> {
        let (sender, receiver) = mpsc::channel();
        let read = step.take();
        let world = Arc::clone(self);
        let effect = Effect::new(move || {
            let mut read = read.clone();
            let result = world.read(&mut read).and_then(|result| read.end().map(|()| result));
            // Nobody listens any more once it has become so.
            let _ = sender.send(result);
        });
        let last = next_where(&receiver, |result| {
            !matches!(result, Err(Failure::Wrong(_))) && result.as_ref().ok() != Some(wanted)
        });
        effect.stop();
        match last {
            Ok(result) => result,
            Err(seen) => Err(Failure::Wrong(format!("it does not become {wanted}; last it was {seen:?}"))),
        }
    }

    /// Ends everything that it has made.
    pub fn end(&self) {
        let logs: Vec<_> = lock(&self.logs).drain().collect();
        logs.iter().for_each(|(_, log)| log.stop());
        let devices: Vec<_> = lock(&self.devices).drain().collect();
        devices.iter().for_each(|(_, device)| device.client.close());
        lock(&self.cells).clear();
    }
}

/// The first that `goes_on` does not say yes to; else the last one before the patience was over.
pub fn next_where<T>(receiver: &mpsc::Receiver<T>, goes_on: impl Fn(&T) -> bool) -> Result<T, Option<T>> {
    let deadline = Instant::now() + SOON;
    let mut last = None;
    loop {
        match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now()).max(Duration::ZERO)) {
            Ok(value) if goes_on(&value) => last = Some(value),
            Ok(value) => return Ok(value),
            Err(_) => return Err(last),
        }
    }
}

/// Steps that hold other steps.
fn control(world: &Arc<World>, step: &mut Step) -> Outcome<Option<Value>> {
    match step.name.as_str() {
        "repeat" => {
            let (times, steps) = (step.number("times")?, step.list("steps")?);
            for n in 1..=times {
                world.keep("n", n.into());
                steps.iter().try_for_each(|step| world.run(step).map(drop))?;
            }
        }
        "together" => {
            let steps = step.list("steps")?;
            reactive::batch(|| steps.iter().try_for_each(|step| world.run(step).map(drop)))?;
        }
        _ => return Ok(None),
    }
    Ok(Some(Value::Null))
}
