//! `todo sync`, which uses the network once, and `todo status`.

use std::collections::{BTreeMap, HashSet};
use std::mem;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mizu_sync::{Client, Cursor, Error, SyncError};
use serde::Serialize;
use serde_json::Value;

use crate::failure::Result;
use crate::output::{self, Output};
use crate::todos;

pub fn sync(client: &Client, timeout: Duration) -> Result {
    let before = Content::of(client)?;
    client.start()?;
    let synced = client.sync(timeout);
    client.stop();
    let after = Content::of(client)?;
    let (sent, received) = (before.unsent.saturating_sub(after.unsent), after.differs_from(&before));
    if synced.is_ok() || sent + received > 0 {
        output::tell(format_args!("sent {sent}, received {received}"));
    }
    let rejected = client.rejected()?.len();
    if rejected > 0 {
        output::tell(format_args!("{rejected} rejected: `todo rejected` lists what the server has refused"));
    }
    Ok(synced?)
}

/// Tells the user, as it happens and once of each kind, what is worth knowing beside the reason of a failure.
pub fn news() -> impl Fn(Error) + Send + Sync {
    let told = Mutex::new(HashSet::new());
    move |error| {
        let Error::Sync(error) = error else { return };
        // These are what `sync` fails with in the end.
        if error.needs_action() || matches!(error, SyncError::Offline { .. }) {
            return;
        }
        if told.lock().unwrap_or_else(PoisonError::into_inner).insert(mem::discriminant(&error)) {
            output::tell(error);
        }
    }
}

/// What the file holds.
struct Content {
    /// By id. Of any type: another app may have other ideas of a todo.
    todos: BTreeMap<String, Value>,
    /// How many mutations the server has not confirmed.
    unsent: usize,
}

impl Content {
    fn of(client: &Client) -> Result<Self> {
        let rows = client.collection(todos::COLLECTION).all()?;
        let todos = rows.into_iter().map(|row| (row.id, row.value)).collect();
        let unsent = client.pending()?.iter().filter(|mutation| !mutation.acked).count();
        Ok(Self { todos, unsent })
    }

    /// How many todos are new, changed or gone.
    fn differs_from(&self, before: &Self) -> usize {
        let changed = self.todos.iter().filter(|&(id, todo)| before.todos.get(id) != Some(todo)).count();
        changed + before.todos.keys().filter(|&id| !self.todos.contains_key(id)).count()
    }
}

#[derive(Serialize)]
struct Status<'a> {
    cursor: Cursor,
    pending: usize,
    rejected: usize,
    online: bool,
    scope: &'a str,
    client: &'a str,
}

pub fn status(client: &Client, output: &mut Output, json: bool) -> Result {
    let status = Status {
        cursor: client.cursor(),
        pending: client.pending()?.len(),
        rejected: client.rejected()?.len(),
        online: client.is_online(),
        scope: client.scope(),
        client: client.client_id(),
    };
    if json {
        return output.json(&status);
    }
    let Status { cursor, pending, rejected, scope, client, .. } = status;
    output.line(format_args!(
        "{scope}: {pending} unsent, {rejected} rejected, synced up to {cursor}, as client {client}"
    ))
}
