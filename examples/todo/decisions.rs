//! What the server has refused, and what becomes of it: `todo rejected`, `retry`, `discard`.

use mizu_sync::{Client, RejectedMutation};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::failure::{Failure, Result};
use crate::output::Output;

#[derive(Serialize)]
struct Refused {
    id: String,
    name: String,
    args: Box<RawValue>,
    code: String,
    error: String,
    at: String,
}

impl TryFrom<RejectedMutation> for Refused {
    type Error = Failure;

    fn try_from(mutation: RejectedMutation) -> Result<Self> {
        let at = mutation.at.to_string();
        let RejectedMutation { id, name, args, code, error, .. } = mutation;
        // Arguments that are damaged in the file are shown as the text that they are.
        let args =
            RawValue::from_string(args.clone()).or_else(|_| to_raw_value(&args)).map_err(Failure::new)?;
        Ok(Self { id, name, args, code, error, at })
    }
}

pub fn rejected(client: &Client, output: &mut Output, json: bool) -> Result {
    let rejected = client.rejected()?;
    if json {
        let refused = rejected.into_iter().map(Refused::try_from).collect::<Result<Vec<_>>>()?;
        return output.json(&refused);
    }
    for mutation in rejected {
        output.show(format_args!("{} {} {mutation}: {}", mutation.id, mutation.at, mutation.args))?;
    }
    output.flush()
}

pub fn retry(client: &Client, output: &mut Output, id: &str) -> Result {
    output.line(client.retry(id)?)
}

pub fn discard(client: &Client, id: &str) -> Result {
    Ok(client.discard(id)?)
}
