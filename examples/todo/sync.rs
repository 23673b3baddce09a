//! `todo sync`, the one command that uses the network, and `todo status`.

use std::io::Write as _;
use std::time::Duration;

use mizu_sync::{Client, Cursor};
use serde::Serialize;

use crate::failure::Result;
use crate::output::Output;

pub fn sync(client: &Client, timeout: Duration) -> Result {
    client.start()?;
    let synced = client.sync(timeout);
    client.stop();
    let rejected = client.rejected()?.len();
    if rejected > 0 {
        let told = writeln!(
            std::io::stderr(),
            "todo: {rejected} rejected: `todo rejected` lists what the server has refused"
        );
        // Also when nobody reads it: whether it synced is told by the exit code.
        drop(told);
    }
    Ok(synced?)
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
