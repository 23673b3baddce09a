//! What is read: rows, the queue, the status, signals.

use std::sync::Arc;

use mizu_sync::{
    Authorization, Client, Connectivity, PendingMutation, Progress, RejectedMutation, Status, untrack,
};
use serde_json::{Value, json};

use crate::failure::{Failure, Outcome, kind};
use crate::models::{self, Rows};
use crate::queries::Asked;
use crate::step::Step;
use crate::world::{Device, World};

/// Runs a step if it is one that reads.
pub fn run(world: &World, step: &mut Step) -> Outcome<Option<Value>> {
    Ok(Some(match step.name.as_str() {
        "get" => rows(world, step)?.get(&step.text("id")?)?,
        "row" => rows(world, step)?.row(&step.text("id")?)?,
        "has" => rows(world, step)?.has(&step.text("id")?)?,
        "all" => rows(world, step)?.all()?,
        "find" => rows(world, step)?.find(&step.object("equal")?)?,
        "count" => rows(world, step)?.count(&Asked::take(step)?)?,
        "query" => rows(world, step)?.query(&Asked::take(step)?)?,
        "first" => rows(world, step)?.first(&Asked::take(step)?)?,
        "ids" => rows(world, step)?.ids(&Asked::take(step)?)?,
        "status" => Shown::take(step)?.of(&status(&client(world, step)?.client.status().get()))?,
        "pending" => {
            Shown::take(step)?.of_each(client(world, step)?.client.pending()?.into_iter().map(pending))?
        }
        "rejected" => {
            Shown::take(step)?.of_each(client(world, step)?.client.rejected()?.into_iter().map(rejected))?
        }
        "cursor" => client(world, step)?.client.cursor().get().into(),
        "is_online" => client(world, step)?.client.is_online().into(),
        "blocked" => json!(client(world, step)?.client.blocked()),
        "scope" => client(world, step)?.client.scope().into(),
        "client_id" => client(world, step)?.client.client_id().into(),
        "value" => world.cell(&step.text("of")?)?.get()?,
        "untracked" => {
            let read = step.value("read")?;
            untrack(|| world.read_json(&read))?
        }
        _ => return Ok(None),
    }))
}

/// The device that a step is about.
pub fn client(world: &World, step: &mut Step) -> Outcome<Arc<Device>> {
    world.device(&step.text("on")?)
}

/// The collection that a step is about.
pub fn rows(world: &World, step: &mut Step) -> Outcome<Box<dyn Rows>> {
    let device = client(world, step)?;
    rows_of(&device, step)
}

pub fn rows_of(device: &Device, step: &mut Step) -> Outcome<Box<dyn Rows>> {
    let name = step.text("in")?;
    let class = device.models.get(&name).map_or_else(|| models::usual_class(&name), |class| Ok(class))?;
    models::collection(client_of(device), class, &name)
}

const fn client_of(device: &Device) -> &Client {
    &device.client
}

/// The fields that a step wants to see: of one name the field itself, of several an object; of each in a list, or of the
/// one at a place.
pub struct Shown {
    names: Value,
    at: Option<u64>,
}

impl Shown {
    pub fn take(step: &mut Step) -> Outcome<Self> {
        Ok(Self { names: step.value("show")?, at: step.optional_number("at")? })
    }

    pub fn of(&self, all: &Value) -> Outcome<Value> {
        let field = |name: &Value| {
            let found = name.as_str().and_then(|name| all.get(name));
            found.cloned().ok_or_else(|| Failure::Wrong(format!("there is no {name} to show")))
        };
        match &self.names {
            Value::Array(names) => {
                let named = |name: &Value| Ok((name.as_str().unwrap_or_default().to_owned(), field(name)?));
                Ok(Value::Object(names.iter().map(named).collect::<Outcome<_>>()?))
            }
            name => field(name),
        }
    }

    pub fn of_each(&self, mut list: impl Iterator<Item = Value>) -> Outcome<Value> {
        let Some(at) = self.at else { return list.map(|one| self.of(&one)).collect() };
        let one = usize::try_from(at).ok().and_then(|at| list.nth(at));
        self.of(&one.ok_or_else(|| Failure::Wrong(format!("there is none at {at}")))?)
    }
}

fn status(status: &Status) -> Value {
    let connection = match status.connection {
        Connectivity::Stopped => "stopped",
        Connectivity::Connecting => "connecting",
        Connectivity::Online => "online",
        Connectivity::Offline => "offline",
        _ => "unknown",
    };
    let auth = match status.auth {
        Authorization::Granted => "granted",
        Authorization::AwaitingToken => "awaiting_token",
        Authorization::NeedsToken => "needs_token",
        Authorization::Forbidden => "forbidden",
        _ => "unknown",
    };
    let error = status.error.clone().map(|error| kind(&error.into()));
    json!({
        "connection": connection,
        "live": status.live,
        "auth": auth,
        "uploading": status.uploading,
        "downloading": status.downloading,
        "progress": status.progress.map(|Progress { rows, total }| json!({ "rows": rows, "total": total })),
        "pending": status.pending,
        "rejected": status.rejected,
        "has_synced": status.synced_once,
        "has_caught_up": status.last_sync.is_some(),
        "cursor": status.cursor.get(),
        "error": error,
        "blocked": status.blocked,
        "line": status.to_string(),
    })
}

fn pending(mutation: PendingMutation) -> Value {
    json!({
        "id": mutation.id,
        "name": mutation.name,
        "args": arguments(&mutation.args),
        "acked": mutation.acked,
        "failures": mutation.failures,
        "error": mutation.error,
        "retries": mutation.retries,
    })
}

fn rejected(mutation: RejectedMutation) -> Value {
    let text = mutation.to_string();
    json!({
        "id": mutation.id,
        "name": mutation.name,
        "args": arguments(&mutation.args),
        "code": mutation.code,
        "error": mutation.error,
        "retries": mutation.retries,
        "text": text,
    })
}

/// The arguments of a mutation, which are text in the API.
pub fn arguments(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| json!({ "no JSON": error.to_string() }))
}
