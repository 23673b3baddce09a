//! The todos, and the commands that change one of them.

use mizu_sync::{Client, Collection};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::failure::{Failure, Result};
use crate::output::Output;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Todo {
    pub title: String,
    #[serde(default)]
    pub done: bool,
}

impl Todo {
    pub fn new(title: String) -> Self {
        Self { title, done: false }
    }
}

pub const COLLECTION: &str = "todo";

pub fn collection(client: &Client) -> Collection<Todo> {
    client.collection(COLLECTION)
}

pub fn add(client: &Client, output: &mut Output, title: String, id: Option<String>) -> Result {
    let id = id.unwrap_or_else(mizu_sync::new_id);
    collection(client).create(&id, Todo::new(title))?;
    output.line(id)
}

pub fn done(client: &Client, id: &str) -> Result {
    Ok(collection(client).get(id).update(|todo| todo.done = true)?)
}

pub fn edit(client: &Client, id: &str, title: String) -> Result {
    Ok(collection(client).get(id).update(|todo| todo.title.clone_from(&title))?)
}

pub fn remove(client: &Client, id: &str) -> Result {
    let todo = collection(client).get(id);
    // The SDK deletes blindly, for what another device may have; who types an id wants to hear of a slip.
    if !todo.exists()? {
        return Err(Failure::new(format_args!("todo {id:?} does not exist here")));
    }
    Ok(todo.delete()?)
}

pub fn mutate(client: &Client, output: &mut Output, name: &str, args: &RawValue) -> Result {
    output.line(client.mutate(name, &args)?)
}
