//! What is written: rows, batches, mutations of the app's own, and what is decided about refused ones.

use std::sync::Arc;

use mizu_sync::{Batch, Edits, Error};
use serde_json::Value;

use crate::failure::{Failure, Outcome};
use crate::reads::{client, rows, rows_of};
use crate::step::Step;
use crate::world::{Device, World};

/// Runs a step if it is one that writes.
pub fn run(world: &Arc<World>, step: &mut Step) -> Outcome<Option<Value>> {
    Ok(Some(match step.name.as_str() {
        "create" => rows(world, step)?.create(&step.text("id")?, step.value("value")?)?,
        "add" => rows(world, step)?.add(step.value("value")?)?,
        "set" => rows(world, step)?.set(&step.text("id")?, step.value("value")?)?,
        "update" => rows(world, step)?.update(&step.text("id")?, &step.object("change")?)?,
        "delete" => rows(world, step)?.delete(&step.text("id")?)?,
        "batch" => batch(world, step)?,
        "mutate" => mutate(world, step)?,
        "new_id" => mizu_sync::new_id().into(),
        "retry" => client(world, step)?.client.retry(&step.text("id")?)?.into(),
        "retry_with" => {
            client(world, step)?.client.retry_with(&step.text("id")?, &step.value("args")?)?.into()
        }
        "discard" => {
            client(world, step)?.client.discard(&step.text("id")?)?;
            Value::Null
        }
        _ => return Ok(None),
    }))
}

fn batch(world: &Arc<World>, step: &mut Step) -> Outcome<Value> {
    let (device, writes) = (client(world, step)?, step.list("writes")?);
    passing(|failed| {
        device.client.batch(|batch| {
            failed(writes.iter().map(|write| in_batch(world, &device, batch, write)).collect())
        })
    })
}

fn in_batch(world: &Arc<World>, device: &Device, batch: &mut Batch<'_>, json: &Value) -> Outcome<Value> {
    // Not through the batch, but beside it.
    if json.get("on").is_some() {
        return world.run(json);
    }
    world.checked(json, |step| {
        if step.name == "mutate" {
            batch.mutate(&step.text("mutation")?, &step.value("args")?)?;
            return Ok(Value::Null);
        }
        edit(device, batch, step)
    })
}

fn mutate(world: &Arc<World>, step: &mut Step) -> Outcome<Value> {
    let device = client(world, step)?;
    let (name, args) = (step.text("mutation")?, step.value("args")?);
    if !step.has("expect") {
        return Ok(device.client.mutate(&name, &args)?.into());
    }
    let expected = step.list("expect")?;
    let id = passing(|failed| {
        device.client.mutate_expecting(&name, &args, |edits| {
            let mut all = || {
                expected
                    .iter()
                    .try_for_each(|write| world.checked(write, |step| edit(&device, edits, step)).map(drop))
            };
            failed(all())
        })
    })?;
    Ok(id.into())
}

/// Calls the SDK with a closure whose own failure passes by it.
fn passing<R, T>(
    call: impl FnOnce(&mut dyn FnMut(Outcome<R>) -> Result<R, Error>) -> Result<T, Error>,
) -> Outcome<T> {
    let mut kept = None;
    let result = call(&mut |outcome| {
        outcome.map_err(|failure| {
            kept = Some(failure);
            Error::NotStarted
        })
    });
    match kept {
        Some(failure) => Err(failure),
        None => Ok(result?),
    }
}

/// Runs a step that reads or edits through a batch.
fn edit(device: &Device, edits: &mut Edits<'_>, step: &mut Step) -> Outcome<Value> {
    let rows = rows_of(device, step)?;
    Ok(match step.name.as_str() {
        "get" => rows.get_in(edits, &step.text("id")?)?,
        "create" => rows.create_in(edits, &step.text("id")?, step.value("value")?)?,
        "add" => rows.add_in(edits, step.value("value")?)?,
        "set" => rows.set_in(edits, &step.text("id")?, step.value("value")?)?,
        "update" => rows.update_in(edits, &step.text("id")?, &step.object("change")?)?,
        "delete" => rows.delete_in(edits, &step.text("id")?)?,
        other => return Err(Failure::Wrong(format!("there is no step {other:?} in a batch"))),
    })
}
