//! Watchers and signals: what was seen is kept in a log, and read from there in order.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use mizu_sync::{Computed, Effect, Signal, Subscription};
use serde_json::{Value, json};

use crate::failure::{Failure, Outcome};
use crate::models::Tell;
use crate::queries::Asked;
use crate::reads::rows;
use crate::step::Step;
use crate::world::{World, next_where};

/// Values in the order in which they came.
pub struct Log {
    sender: Sender<Value>,
    receiver: Mutex<Receiver<Value>>,
    watching: Mutex<Watching>,
}

/// What it is watched by, for as long as this is kept.
#[derive(Default)]
enum Watching {
    #[default]
    Nothing,
    Effect {
        _effect: Effect,
    },
    Subscription {
        _subscription: Subscription,
    },
    Stopped,
}

impl Default for Log {
    fn default() -> Self {
        let (sender, receiver) = channel();
        Self { sender, receiver: Mutex::new(receiver), watching: Mutex::default() }
    }
}

impl Log {
    pub fn add(&self, value: Value) {
        // It has the other end itself.
        let _ = self.sender.send(value);
    }

    fn adder(&self) -> impl Fn(Value) + Send + Sync + 'static {
        let sender = self.sender.clone();
        move |value| drop(sender.send(value))
    }

    fn watch(&self, watching: Watching) -> Watching {
        std::mem::replace(&mut *self.watching.lock().unwrap_or_else(PoisonError::into_inner), watching)
    }

    /// Nothing is added after this.
    pub fn stop(&self) {
        drop(self.watch(Watching::Stopped));
    }

    /// Waits for the next value that is this one, or for the next one.
    fn next(&self, wanted: Option<&Value>) -> Outcome<Value> {
        let receiver = self.receiver.lock().unwrap_or_else(PoisonError::into_inner);
        next_where(&receiver, |value| wanted.is_some_and(|wanted| wanted != value)).map_err(|last| {
            let what = wanted.map_or_else(|| "another value".to_owned(), Value::to_string);
            let last = last.map_or_else(|| "nothing came".to_owned(), |last| format!("the last was {last}"));
            Failure::Wrong(format!("{what} does not come; {last}"))
        })
    }

    /// How many values nobody has asked for, once none are added any more.
    fn left(&self) -> Outcome<usize> {
        if !matches!(*self.watching.lock().unwrap_or_else(PoisonError::into_inner), Watching::Stopped) {
            return Err(Failure::Wrong("it has to be stopped first: others may still come".to_owned()));
        }
        Ok(self.receiver.lock().unwrap_or_else(PoisonError::into_inner).try_iter().count())
    }
}

/// What a scenario makes of the graph.
#[derive(Clone)]
pub enum Cell {
    Signal(Signal<Value>),
    /// And how often it was computed.
    Computed(Computed<Outcome<Value>>, Arc<AtomicU64>),
}

impl Cell {
    pub fn get(&self) -> Outcome<Value> {
        match self {
            Self::Signal(signal) => Ok(signal.get()),
            Self::Computed(computed, _) => computed.get(),
        }
    }
}

/// Runs a step if it is about watchers or signals.
pub fn run(world: &Arc<World>, step: &mut Step) -> Outcome<Option<Value>> {
    Ok(Some(match step.name.as_str() {
        "watch" => watch(world, step)?,
        "effect" => effect(world, step)?,
        "next" => {
            let log = world.log(&step.text("of")?)?;
            for (index, wanted) in step.list("values")?.into_iter().enumerate() {
                let value = log.next(None)?;
                if value != wanted {
                    let text = format!("value {} is {value}, not {wanted}", index + 1);
                    return Err(Failure::Wrong(text));
                }
            }
            Value::Null
        }
        "reach" => world.log(&step.text("of")?)?.next(Some(&step.value("value")?))?,
        "stop_watching" => {
            world.log(&step.text("of")?)?.stop();
            Value::Null
        }
        "left" => world.log(&step.text("of")?)?.left()?.into(),
        "signal" => {
            let signal = Signal::new(step.value("value")?);
            world.add_cell(step.text("name")?, Cell::Signal(signal));
            Value::Null
        }
        "assign" => match world.cell(&step.text("of")?)? {
            Cell::Signal(signal) => {
                signal.set(step.value("value")?);
                Value::Null
            }
            Cell::Computed(..) => return Err(Failure::Wrong("a computed value cannot be set".to_owned())),
        },
        "computed" => {
            let (name, runs) = (step.text("name")?, Arc::new(AtomicU64::new(0)));
            let (compute, counter) = (expression(world, step)?, Arc::clone(&runs));
            let computed = Computed::new(move || {
                counter.fetch_add(1, Ordering::SeqCst);
                compute()
            });
            world.add_cell(name, Cell::Computed(computed, runs));
            Value::Null
        }
        "runs" => match world.cell(&step.text("of")?)? {
            Cell::Computed(_, runs) => runs.load(Ordering::SeqCst).into(),
            Cell::Signal(_) => return Err(Failure::Wrong("a signal does not run".to_owned())),
        },
        _ => return Ok(None),
    }))
}

/// What a computed value is made of: the sum of reads, a list of them, or one of two by a third.
fn expression(world: &Arc<World>, step: &mut Step) -> Outcome<Box<dyn Fn() -> Outcome<Value> + Send + Sync>> {
    let weak = Arc::downgrade(world);
    let read = move |json: &Value| match weak.upgrade() {
        Some(world) => world.read_json(json),
        None => Err(Failure::Wrong("the scenario has ended".to_owned())),
    };
    if step.has("sum") {
        let parts = step.list("sum")?;
        return Ok(Box::new(move || {
            let numbers = parts.iter().map(|part| Ok(read(part)?.as_i64().unwrap_or_default()));
            Ok(numbers.sum::<Outcome<i64>>()?.into())
        }));
    }
    if step.has("list") {
        let parts = step.list("list")?;
        return Ok(Box::new(move || parts.iter().map(&read).collect()));
    }
    let parts = step.list("choose")?;
    match <[Value; 3]>::try_from(parts) {
        Ok([by, yes, no]) => Ok(Box::new(move || read(if read(&by)? == true { &yes } else { &no }))),
        Err(_) => Err(Failure::Wrong("it is computed by sum, list, or choose of three".to_owned())),
    }
}

/// Watches as an app would. Gives the first value.
fn watch(world: &Arc<World>, step: &mut Step) -> Outcome<Value> {
    let (name, read) = (step.text("name")?, step.value("read")?);
    let log = Arc::new(Log::default());
    let (add, mut last) = (log.adder(), None);
    let tell: Tell = Box::new(move |value| {
        if last.replace(value.clone()).as_ref() != Some(&value) {
            add(value);
        }
    });
    let mut what = Step::new(&read, &|_| None)?;
    let watching = match what.name.as_str() {
        "row" => Watching::Subscription {
            _subscription: rows(world, &mut what)?.watch_row(&what.text("id")?, tell),
        },
        "query" => Watching::Subscription {
            _subscription: rows(world, &mut what)?.watch_query(&Asked::take(&mut what)?, tell),
        },
        "changes" => Watching::Subscription {
            _subscription: rows(world, &mut what)?.watch_changes(&Asked::take(&mut what)?, tell),
        },
        "get" | "count" | "status" | "pending" | "rejected" | "value" => {
            what = Step::new(&json!({ "do": "nothing" }), &|_| None)?;
            Watching::Effect { _effect: effect_of(world, read, tell) }
        }
        other => return Err(Failure::Wrong(format!("{other} cannot be watched"))),
    };
    what.end()?;
    log.watch(watching);
    let first = log.next(None)?;
    world.add_log(name, log);
    Ok(first)
}

/// Reads in an effect, and keeps what each run has read. Gives the first.
fn effect(world: &Arc<World>, step: &mut Step) -> Outcome<Value> {
    let (name, read) = (step.text("name")?, step.value("read")?);
    let assigned = step.optional_text("assign")?.map(|name| world.cell(&name)).transpose()?;
    let log = Arc::new(Log::default());
    let add = log.adder();
    let effect = effect_of(world, read, move |value| {
        if let Some(Cell::Signal(signal)) = &assigned {
            signal.set(value.clone());
        }
        add(value);
    });
    log.watch(Watching::Effect { _effect: effect });
    let first = log.next(None)?;
    world.add_log(name, log);
    Ok(first)
}

fn effect_of(world: &Arc<World>, read: Value, mut tell: impl FnMut(Value) + Send + 'static) -> Effect {
    let world = Arc::downgrade(world);
    Effect::new(move || {
        let Some(world) = world.upgrade() else { return };
        tell(world.read_json(&read).unwrap_or_else(|failure| {
            if let Failure::Wrong(text) = &failure {
                world.note_wrong(text.clone());
            }
            failure.to_json()
        }));
    })
}
