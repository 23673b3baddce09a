//! Clients: opening them, their lives, their waits, and what they are told.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};
use std::time::Duration;

use mizu_sync::testing::{self, SOON};
use mizu_sync::{Client, Cursor, LogLevel, Unsent};
use serde_json::{Map, Value, json};

use crate::failure::{Failure, Outcome, kind};
use crate::models;
use crate::reads::client;
use crate::step::Step;
use crate::watching::Log;
use crate::world::{Device, World};

/// Runs a step if it is one of a client's life.
pub fn run(world: &Arc<World>, step: &mut Step) -> Outcome<Option<Value>> {
    let name = step.name.clone();
    match name.as_str() {
        "open" => open(world, step)?,
        "preview" => preview(world, step)?,
        "start" => client(world, step)?.client.start()?,
        "stop" => client(world, step)?.client.stop(),
        "pause" => client(world, step)?.client.pause()?,
        "resume" => client(world, step)?.client.resume()?,
        "close" => client(world, step)?.client.close(),
        "wipe" => {
            let unsent = if step.flag("lose_unsent")? { Unsent::Lose } else { Unsent::Refuse };
            client(world, step)?.client.wipe(unsent)?;
        }
        "set_token" => client(world, step)?.client.set_token(step.text("token")?)?,
        "set_network" => client(world, step)?.client.set_network(step.flag("up")?),
        "set_foreground" => client(world, step)?.client.set_foreground(step.flag("seen")?),
        "notify_live" => {
            let cursor = Cursor::new(step.number("cursor")?);
            let cursor = cursor.ok_or_else(|| Failure::Wrong("the cursor is too large".to_owned()))?;
            client(world, step)?.client.notify_live(cursor);
        }
        "sync" | "flush" | "wait_for_first_sync" | "delivered" => {
            let timeout = step.optional_number("timeout")?.map_or(SOON, Duration::from_millis);
            let device = client(world, step)?;
            match name.as_str() {
                "sync" => device.client.sync(timeout)?,
                "flush" => device.client.flush(timeout)?,
                "wait_for_first_sync" => device.client.wait_for_first_sync(timeout)?,
                _ => device.client.delivered(timeout)?,
            }
        }
        _ => return Ok(None),
    }
    Ok(Some(Value::Null))
}

/// What a client can be told.
const TOLD: [&str; 7] = ["sync", "error", "online", "offline", "rejected", "token_needed", "log"];

fn open(world: &Arc<World>, step: &mut Step) -> Outcome<()> {
    let name = step.text("name")?;
    let scope = step.optional_text("scope")?.unwrap_or_else(|| "user:1".to_owned());
    let mut builder = if step.flag("testing")? {
        testing::builder(&scope)
    } else {
        let url = match step.optional_text("base")? {
            Some(base) => world.url().replace("/_sync", &base),
            None => world.url(),
        };
        Client::builder(&url, &scope)
    };
    builder = match step.optional_text("file")? {
        Some(file) => builder.database(world.file(&file)),
        None => builder.in_memory(),
    };
    if let Some(principal) = step.optional_text("principal")? {
        builder = builder.principal(principal);
    }
    if let Some(token) = step.optional_text("token")? {
        builder = builder.token(token);
    }
    if let Some(millis) = step.optional_number("pull_interval")? {
        builder = builder.pull_interval(Duration::from_millis(millis));
    }
    if let Some(millis) = step.optional_number("push_interval")? {
        builder = builder.push_interval(Duration::from_millis(millis));
    }
    if step.has("live") {
        builder = builder.live(step.flag("live")?);
    }
    if let Some(version) = step.optional_text("app_version")? {
        builder = builder.app_version(version);
    }
    for (collection, fields) in step.object("index")? {
        let fields = fields.as_array().into_iter().flatten().filter_map(Value::as_str);
        builder = builder.index(&collection, fields);
    }
    if step.flag("upcast")? {
        builder = builder.upcast("todo", 2, models::upcast_todo);
    }
    let models = texts(step.object("models")?);
    let told = Told::take(world, step, &name)?;
    builder = told.listen(builder);
    let synced = step.flag("synced")?;
    let client = builder.open()?;
    world.add_log(name.clone(), Arc::clone(&told.log));
    world.add_device(name.clone(), Device { client, models });
    if synced {
        let device = world.device(&name)?;
        device.client.start()?;
        device.client.wait_for_first_sync(SOON)?;
    }
    Ok(())
}

fn texts(fields: Map<String, Value>) -> HashMap<String, String> {
    let text = |value: Value| value.as_str().unwrap_or_default().to_owned();
    fields.into_iter().map(|(name, value)| (name, text(value))).collect()
}

/// What a device wants to be told, where that is kept, and what it does then.
struct Told {
    wanted: HashSet<String>,
    actions: Arc<Map<String, Value>>,
    log: Arc<Log>,
    world: Weak<World>,
}

impl Told {
    fn take(world: &Arc<World>, step: &mut Step, device: &str) -> Outcome<Self> {
        let actions = step.object("when")?;
        let wanted: HashSet<String> =
            step.texts("tells")?.into_iter().chain(actions.keys().cloned()).collect();
        match wanted.iter().find(|name| !TOLD.contains(&name.as_str())) {
            Some(name) => Err(Failure::Wrong(format!("{device} cannot be told of {name:?}"))),
            None => {
                let (actions, log) = (Arc::new(actions), Arc::new(Log::default()));
                Ok(Self { wanted, actions, log, world: Arc::downgrade(world) })
            }
        }
    }

    /// What keeps that it was told, and does what is to be done then.
    fn by(&self, name: &'static str) -> Option<impl Fn(Value) + Send + Sync + 'static> {
        self.wanted.contains(name).then(|| {
            let (actions, log, world) =
                (Arc::clone(&self.actions), Arc::clone(&self.log), self.world.clone());
            move |told| {
                log.add(told);
                let steps = actions.get(name).and_then(Value::as_array);
                if let (Some(steps), Some(world)) = (steps, world.upgrade()) {
                    world.run_in_callback(steps);
                }
            }
        })
    }

    fn listen(&self, mut builder: mizu_sync::Builder) -> mizu_sync::Builder {
        if let Some(tell) = self.by("sync") {
            builder = builder.on_sync(move |cursor| tell(json!({ "sync": cursor.get() })));
        }
        if let Some(tell) = self.by("error") {
            builder = builder.on_error(move |error| tell(json!({ "error": kind(&error) })));
        }
        if let Some(tell) = self.by("online") {
            builder = builder.on_online(move || tell("online".into()));
        }
        if let Some(tell) = self.by("offline") {
            builder = builder.on_offline(move || tell("offline".into()));
        }
        if let Some(tell) = self.by("rejected") {
            builder = builder.on_rejected(move |mutation| {
                tell(json!({ "rejected": mutation.name, "code": mutation.code }));
            });
        }
        if let Some(tell) = self.by("token_needed") {
            builder = builder.on_token_needed(move || tell("token_needed".into()));
        }
        if let Some(tell) = self.by("log") {
            builder = builder.on_log(move |line| {
                let level = match line.level {
                    LogLevel::Error => "error",
                    LogLevel::Warn => "warn",
                    LogLevel::Debug => "debug",
                };
                tell(json!({ "log": level }));
            });
        }
        builder
    }
}

fn preview(world: &Arc<World>, step: &mut Step) -> Outcome<()> {
    let name = step.text("name")?;
    let mut preview = testing::preview("user:1").json(&Value::Object(step.object("rows")?).to_string());
    for mark in step.list("pending")? {
        let [collection, id] = parts(&mark)?;
        preview = preview.pending(collection, id);
    }
    for mark in step.list("rejected")? {
        let [collection, id, code, error] = parts(&mark)?;
        preview = preview.rejected(collection, id, code, error);
    }
    let client = preview.open().map_err(|error| Failure::Wrong(error.to_string()))?;
    world.add_device(name, Device { client, models: HashMap::new() });
    Ok(())
}

/// The texts of a list of so many.
fn parts<const N: usize>(list: &Value) -> Outcome<[&str; N]> {
    let texts: Vec<&str> = list.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    texts.try_into().map_err(|_| Failure::Wrong(format!("{list} is no list of {N} texts")))
}
