use std::time::Duration;

use mizu_sync::{Client, Effect, field};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Todo {
    title: String,
    done: bool,
}

fn main() -> mizu_sync::Result<()> {
    let client = Client::builder("http://127.0.0.1:8080/_sync", "user:demo")
        .database("todos.db")
        .on_rejected(|mutation| eprintln!("not accepted: {mutation}"))
        .open()?;
    client.start()?; // returns at once; the sync goes on in the background

    let todos = client.collection::<Todo>("todo");
    let open = todos.query().filter(field("done").eq(false)).order_by("title");
    let _printer = Effect::new(move || {
        println!("{} to do", open.count()?); // now, and whenever it is another number
        Ok(())
    });

    let milk = todos.add(Todo { title: "Milk".into(), done: false })?; // on disk, offline too
    milk.update(|todo| todo.done = true)?; // sends `done` alone

    client.flush(Duration::from_secs(10)) // waits until everything is sent and confirmed
}
