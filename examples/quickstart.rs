//! The main job, told step by step: two devices, a server, no network, a network, a conflict.
//!
//! `cargo run --example quickstart` runs a server inside of itself on a free port, with everything on disk in a
//! temporary folder. Each step is checked; the last line is `ok: …`.

use std::error::Error;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use mizu_sync::{Client, Collection, Effect, Row};
use mizu_sync_server::{Server, ServerOptions, Service, ServiceOptions};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::Value;

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Todo {
    title: String,
    done: bool,
}

fn todo(title: &str) -> Todo {
    Todo { title: title.to_owned(), done: false }
}

const SCOPE: &str = "user:demo";
const SOON: Duration = Duration::from_secs(20);

fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server_db = folder.path().join("server.db");
    // The port is known from the start, but nobody answers there yet.
    let address = free_address()?;
    let url = format!("http://{address}/_sync");
    let options = |name: &str| Client::builder(&url, SCOPE).database(folder.path().join(name));

    println!("1. The phone is offline. It writes all the same.");
    let phone = options("phone.db").open()?;
    phone.start()?;
    let todos = phone.collection("todo");
    let milk = todos.create("milk", todo("Milk"))?;
    todos.create("bread", todo("Bread"))?;
    milk.update(|milk| milk.done = true)?;
    assert!(!phone.is_online());
    println!("   {} todos on the screen, {} writes on disk.", todos.count()?, phone.pending()?.len());

    println!("2. The app is killed, without a word to anybody, and opened again.");
    drop(phone);
    let (refuse, refused) = mpsc::channel();
    let phone = options("phone.db").on_rejected(move |mutation| drop(refuse.send(mutation))).open()?;
    let todos = phone.collection("todo");
    assert_eq!(todos.get("milk").get()?, Some(Todo { done: true, ..todo("Milk") }));
    assert_eq!(phone.pending()?.len(), 3);
    println!("   Nothing is lost: {} todos. Its status: {}.", todos.count()?, phone.status().get());

    println!("3. The network comes. The phone sends what waited, by itself.");
    let server = serve(address, &server_db)?;
    phone.start()?;
    phone.flush(SOON)?;
    let there = [("bread", r#"{"title":"Bread","done":false}"#), ("milk", r#"{"title":"Milk","done":true}"#)];
    assert_eq!(rows(&server_db)?, there.map(|(id, data)| (id.to_owned(), data.to_owned())));
    println!(
        "   The server has both todos, each once: asked in its own database. Status: {}.",
        phone.status().get()
    );

    println!("4. A second device takes part. On both an effect shows the list, whenever it is another one:");
    println!("   ✓ is done, … is unsent, ! was refused. What one writes, the other hears of at once.");
    let laptop = options("laptop.db").open()?;
    let others = laptop.collection("todo");
    let (_phone_screen, on_phone) = screen("phone", &todos);
    let (_laptop_screen, on_laptop) = screen("laptop", &others);
    laptop.start()?;
    shows(&on_laptop, "Bread, Milk ✓")?;
    others.get("bread").update(|bread| bread.title = "Rye bread".into())?;
    shows(&on_phone, "Rye bread, Milk ✓")?;
    todos.get("bread").update(|bread| bread.done = true)?;
    shows(&on_laptop, "Rye bread ✓, Milk ✓")?;
    shows(&on_phone, "Rye bread ✓, Milk ✓")?;

    println!("5. Offline again, both make a todo under the same id.");
    server.stop();
    phone.set_network(false);
    todos.create("jam", todo("Plum jam"))?;
    others.create("jam", todo("Fig jam"))?;
    let server = serve(address, &server_db)?;
    laptop.flush(SOON)?;
    phone.set_network(true);
    let refused = refused.recv_timeout(SOON)?;
    assert_eq!((refused.name.as_str(), refused.code.as_str()), ("todo.create", "conflict"));
    shows(&on_phone, "Rye bread ✓, Fig jam !, Milk ✓")?;
    println!("   The laptop was first. The phone is told: {refused}.");
    println!("   It shows the laptop's jam, and keeps its own write until somebody decides.");

    println!("6. Somebody decides: the plum jam gets an id of its own.");
    let mut args: Value = serde_json::from_str(&refused.args)?;
    args["id"] = "plum-jam".into();
    phone.retry_with(&refused.id, &args)?;
    shows(&on_laptop, "Rye bread ✓, Fig jam, Milk ✓, Plum jam")?;
    shows(&on_phone, "Rye bread ✓, Fig jam, Milk ✓, Plum jam")?;
    assert!(phone.rejected()?.is_empty());
    assert_eq!(todos.all()?, others.all()?);
    let ids: Vec<String> = rows(&server_db)?.into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["bread", "jam", "milk", "plum-jam"]);
    println!("   Phone, laptop and server have the same {} todos.", todos.count()?);

    server.stop();
    println!("ok: nothing was lost, nothing was applied twice, and the refused write was not silent");
    Ok(())
}

/// Shows a device's todos, now and whenever they are others, to us and to whoever waits for it.
fn screen(device: &'static str, todos: &Collection<Todo>) -> (Effect, Receiver<String>) {
    let (show, shown) = mpsc::channel();
    let query = todos.query();
    let effect = Effect::new(move || {
        let line = query.all()?.iter().map(short).collect::<Vec<_>>().join(", ");
        println!("   {device}: {line}");
        show.send(line)?;
        Ok(())
    });
    (effect, shown)
}

fn short(row: &Row<Todo>) -> String {
    let mark = |is: bool, mark| if is { mark } else { "" };
    let marks = [mark(row.value.done, " ✓"), mark(row.pending, " …"), mark(row.rejected, " !")];
    row.value.title.clone() + &marks.concat()
}

/// Waits until a screen has shown this.
fn shows(screen: &Receiver<String>, expected: &str) -> Result<()> {
    while screen.recv_timeout(SOON)? != expected {}
    Ok(())
}

/// An address of this machine that nobody listens on.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn serve(address: SocketAddr, database: &Path) -> Result<Server> {
    let service = Arc::new(Service::open(database, ServiceOptions::default())?);
    Ok(Server::start(ServerOptions { listen: address, ..ServerOptions::loopback(service) })?)
}

/// The todos in the server's own database, read past the server.
fn rows(database: &Path) -> Result<Vec<(String, String)>> {
    let connection = Connection::open(database)?;
    let sql = "SELECT entity.id, data FROM entity JOIN scope ON scope.id = entity.scope
               WHERE scope.name = ?1 AND collection = 'todo' ORDER BY entity.id";
    let mut select = connection.prepare(sql)?;
    let rows = select.query_map([SCOPE], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
