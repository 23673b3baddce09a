//! `todo list`, and how a todo is shown.

use std::fmt;

use mizu_sync::{Client, Row};
use serde::Serialize;

use crate::failure::Result;
use crate::output::Output;
use crate::todos::{self, Todo};

/// A todo as it is shown: `[x] milk Milk (unsent)`.
#[derive(Serialize)]
pub struct Listed<'a> {
    id: &'a str,
    title: &'a str,
    done: bool,
    pending: bool,
}

impl<'a> From<&'a Row<Todo>> for Listed<'a> {
    fn from(row: &'a Row<Todo>) -> Self {
        Self { id: &row.id, title: &row.value.title, done: row.value.done, pending: row.pending }
    }
}

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, title, done, pending } = self;
        let tick = if *done { 'x' } else { ' ' };
        let unsent = if *pending { " (unsent)" } else { "" };
        write!(f, "[{tick}] {id} {title}{unsent}")
    }
}

pub fn list(client: &Client, output: &mut Output, json: bool) -> Result {
    let rows = todos::collection(client).all()?;
    let mut listed = rows.iter().map(Listed::from);
    if json {
        return output.json(&listed.collect::<Vec<_>>());
    }
    listed.try_for_each(|todo| output.show(todo))?;
    output.flush()
}
