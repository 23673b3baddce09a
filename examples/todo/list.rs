//! `todo list`.

use mizu_sync::Client;
use serde::Serialize;

use crate::failure::Result;
use crate::output::Output;
use crate::todos;

#[derive(Serialize)]
struct Listed {
    id: String,
    title: String,
    done: bool,
    pending: bool,
}

pub fn list(client: &Client, output: &mut Output, json: bool) -> Result {
    let rows = todos::collection(client).all()?;
    let listed = rows.into_iter().map(|row| Listed {
        id: row.id,
        title: row.value.title,
        done: row.value.done,
        pending: row.pending,
    });
    if json {
        return output.json(&listed.collect::<Vec<_>>());
    }
    for Listed { id, title, done, pending } in listed {
        let tick = if done { 'x' } else { ' ' };
        let unsent = if pending { " (unsent)" } else { "" };
        output.show(format_args!("[{tick}] {id} {title}{unsent}"))?;
    }
    output.flush()
}
