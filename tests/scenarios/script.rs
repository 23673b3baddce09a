//! What the scripted server is told, and asked.

use std::sync::Arc;
use std::time::Duration;

use mizu_sync::net::Endpoint;
use mizu_sync::testing::{Received, Refusal, SOON, Server, Transaction};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::failure::{Failure, Outcome};
use crate::reads::{Shown, arguments};
use crate::step::Step;
use crate::world::{Served, World};

/// Runs a step if it is one of the server's.
pub fn run(world: &Arc<World>, step: &mut Step) -> Outcome<Option<Value>> {
    let Some(name) = step.name.strip_prefix("server.").map(str::to_owned) else { return Ok(None) };
    let Served::Scripted(server) = &world.served else {
        return Err(Failure::Wrong("it is no scenario for a server without a script".to_owned()));
    };
    match asked(server, &name, step)? {
        Some(answer) => Ok(Some(answer)),
        None => tell(world, server, &name, step).map(|()| Some(Value::Null)),
    }
}

/// What gives something.
fn asked(server: &Server, name: &str, step: &mut Step) -> Outcome<Option<Value>> {
    Ok(Some(match name {
        "get" => {
            let (scope, collection, id) = place(step)?;
            json!(server.get::<Value>(&scope, &collection, &id))
        }
        "delete" => {
            let (scope, collection, id) = place(step)?;
            server.delete(&scope, &collection, &id).into()
        }
        "count" => server.count(&scope(step)?, &step.text("in")?).into(),
        "mutations" => mutations(server, step)?,
        "requests" => requests(server, endpoint(step)?).into(),
        _ => return Ok(None),
    }))
}

/// What gives nothing.
fn tell(world: &World, server: &Server, name: &str, step: &mut Step) -> Outcome<()> {
    match name {
        "put" => {
            let (scope, collection, id) = place(step)?;
            server.put(&scope, &collection, &id, &step.value("value")?);
        }
        "wait_for_requests" => wait_for_requests(server, endpoint(step)?, step.number("times")?)?,
        "wait_for_subscription" => server.wait_for_subscription(&scope(step)?),
        "reject" => server.reject(&step.text("mutation")?, &step.text("code")?, &step.text("message")?),
        "fail" => server.fail(&step.text("mutation")?, &step.text("message")?),
        "accept" => server.accept(&step.text("mutation")?),
        "know" => match step.text("mutation")?.as_str() {
            "account.transfer" => server.on_mutation("account.transfer", transfer),
            other => return Err(Failure::Wrong(format!("nobody has said what {other:?} does"))),
        },
        "answer_status" => {
            let (endpoint, status) = (endpoint(step)?, step.number("status")?);
            let retry_after = step.optional_number("retry_after")?.map(Duration::from_secs);
            let status =
                u16::try_from(status).map_err(|_| Failure::Wrong("there is no such status".to_owned()))?;
            server.answer_status(endpoint, status, retry_after, times(step)?);
        }
        "answer_normally" => server.answer_normally(),
        "lose_replies" => server.lose_replies(endpoint(step)?, times(step)?),
        "require_token" => server.require_token(&step.text("token")?),
        "expire_tokens" => server.expire_tokens(),
        "forbid" => server.forbid(&scope(step)?),
        "allow" => server.allow(&scope(step)?),
        "plain" => server.plain(step.flag("on")?),
        "live" => server.live(step.flag("on")?),
        "captive_portal" => server.captive_portal(step.flag("on")?),
        "go_offline" => server.go_offline(),
        "go_online" => server.go_online(),
        "hang" => server.hang(),
        "release" => server.release(),
        "reset" => server.reset(),
        "back_up" => world.keep_backup(server.backup()),
        "restore" => {
            let backup = world.backup().ok_or_else(|| Failure::Wrong("there is no backup".to_owned()))?;
            server.restore(&backup);
        }
        "trim" => server.trim(),
        _ => return Err(Failure::Wrong(format!("the server has no step {name:?}"))),
    }
    Ok(())
}

fn scope(step: &mut Step) -> Outcome<String> {
    Ok(step.optional_text("scope")?.unwrap_or_else(|| "user:1".to_owned()))
}

fn place(step: &mut Step) -> Outcome<(String, String, String)> {
    Ok((scope(step)?, step.text("in")?, step.text("id")?))
}

fn endpoint(step: &mut Step) -> Outcome<Endpoint> {
    match step.text("endpoint")?.as_str() {
        "push" => Ok(Endpoint::Push),
        "pull" => Ok(Endpoint::Pull),
        "snapshot" => Ok(Endpoint::Snapshot),
        other => Err(Failure::Wrong(format!("there is no endpoint {other:?}"))),
    }
}

/// Once unless told.
fn times(step: &mut Step) -> Outcome<usize> {
    let times = step.optional_number("times")?.unwrap_or(1);
    usize::try_from(times).map_err(|_| Failure::Wrong("that is too often".to_owned()))
}

fn wait_for_requests(server: &Server, endpoint: Endpoint, times: u64) -> Outcome<()> {
    let enough = |all: &[Received]| all.iter().filter(|one| one.is_to(endpoint)).count() as u64 >= times;
    server.wait_for_within(SOON, enough).map_err(|waited| Failure::Wrong(waited.to_string()))
}

fn requests(server: &Server, endpoint: Endpoint) -> usize {
    server.requests().iter().filter(|request| request.is_to(endpoint)).count()
}

fn mutations(server: &Server, step: &mut Step) -> Outcome<Value> {
    let applied = server.mutations().into_iter().map(|mutation| {
        json!({
            "id": mutation.id,
            "name": mutation.name,
            "scope": mutation.scope,
            "args": arguments(&mutation.args),
        })
    });
    Shown::take(step)?.of_each(applied)
}

#[derive(Deserialize)]
struct Transfer {
    from: String,
    to: String,
    cents: i64,
}

/// What the server does with `account.transfer`: it moves money that is there.
fn transfer(transaction: &mut Transaction) -> Result<(), Refusal> {
    let Transfer { from, to, cents } = transaction.args()?;
    for (id, change) in [(from, -cents), (to, cents)] {
        let account: Option<Value> = transaction.get("account", &id)?;
        let before = account.ok_or_else(|| Refusal::not_found("there is no such account"))?;
        let after = before["cents"].as_i64().unwrap_or_default() + change;
        if after < 0 {
            return Err(Refusal::conflict("there is less in the account"));
        }
        transaction.put("account", &id, &json!({ "cents": after }))?;
    }
    Ok(())
}
