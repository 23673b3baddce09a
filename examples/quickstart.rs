//! The main job, told step by step: two devices, a server, no network, a network, a conflict.
//!
//! `cargo run --example quickstart` runs a server inside of itself on a free port, with everything on disk in a
//! temporary folder. Each step is checked; the last line is `ok: …`.

use std::error::Error;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use mizu_sync::Client;
use mizu_sync_server::{Server, ServerOptions, Service, ServiceOptions};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Todo {
    title: String,
    done: bool,
}

const SCOPE: &str = "user:demo";
const SOON: Duration = Duration::from_secs(20);

fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server_db = folder.path().join("server.db");
    // The port is known from the start, but nobody answers there yet.
    let address = free_address()?;
    let url = format!("http://{address}/_sync");
    let open = |name: &str| Client::builder(&url, SCOPE).database(folder.path().join(name)).open();

    println!("1. The phone is offline. It writes all the same.");
    let phone = open("phone.db")?;
    phone.start()?;
    let todos = phone.collection::<Todo>("todo");
    let milk = todos.create("milk", Todo { title: "Milk".into(), done: false })?;
    todos.create("bread", Todo { title: "Bread".into(), done: false })?;
    milk.update(|todo| todo.done = true)?;
    assert_eq!(todos.count()?, 2);
    assert_eq!(phone.pending()?.len(), 3);
    assert!(!phone.is_online());
    println!("   2 todos on the screen, {} writes waiting, each on disk.", phone.pending()?.len());

    println!("2. The app is killed, without a word to anybody, and opened again.");
    drop(phone);
    let (rejected, told) = mpsc::channel();
    let phone = Client::builder(&url, SCOPE)
        .database(folder.path().join("phone.db"))
        .on_rejected(move |mutation| drop(rejected.send(mutation)))
        .open()?;
    let todos = phone.collection::<Todo>("todo");
    assert_eq!(todos.get("milk").get()?, Some(Todo { title: "Milk".into(), done: true }));
    assert_eq!(phone.pending()?.len(), 3);
    println!("   Nothing is lost: {} todos, {} writes waiting.", todos.count()?, phone.pending()?.len());

    println!("3. The network comes. The phone sends what waited, by itself.");
    let server = serve(address, &server_db)?;
    phone.start()?;
    phone.flush(SOON)?;
    assert!(phone.is_online());
    assert_eq!(phone.pending()?.len(), 0);
    assert_eq!(
        rows(&server_db)?,
        [row("bread", r#"{"title":"Bread","done":false}"#), row("milk", r#"{"title":"Milk","done":true}"#)]
    );
    println!("   The server has both todos, each once: asked in its own database.");

    println!("4. A second device, new, takes part.");
    let laptop = open("laptop.db")?;
    laptop.start()?;
    laptop.wait_for_first_sync(SOON)?;
    let there = laptop.collection::<Todo>("todo");
    assert_eq!(there.all()?, todos.all()?);
    there.get("bread").update(|todo| todo.title = "Rye bread".into())?;
    laptop.flush(SOON)?;
    phone.sync(SOON)?;
    assert_eq!(todos.get("bread").get()?, Some(Todo { title: "Rye bread".into(), done: false }));
    println!("   It sees the phone's todos, and the phone sees what it changed.");

    println!("5. Offline again, both make a todo under the same id.");
    server.stop();
    todos.create("jam", Todo { title: "Plum jam".into(), done: false })?;
    there.create("jam", Todo { title: "Fig jam".into(), done: false })?;
    let server = serve(address, &server_db)?;
    laptop.sync(SOON)?;
    phone.sync(SOON)?;
    let refused = told.recv_timeout(SOON)?;
    assert_eq!((refused.name.as_str(), refused.code.as_str()), ("todo.create", "conflict"));
    assert_eq!(phone.rejected()?.len(), 1);
    assert_eq!(todos.get("jam").get()?, Some(Todo { title: "Fig jam".into(), done: false }));
    println!("   The laptop was first. The phone was told: {refused}.");
    println!("   It shows the laptop's jam, and keeps its own write until somebody decides.");

    println!("6. Somebody decides: the plum jam gets an id of its own.");
    let args = refused.args.replace("\"jam\"", "\"plum-jam\"");
    phone.retry_with(&refused.id, &serde_json::from_str::<serde_json::Value>(&args)?)?;
    phone.sync(SOON)?;
    laptop.sync(SOON)?;
    assert!(phone.rejected()?.is_empty());
    assert_eq!(there.all()?, todos.all()?);
    let ids: Vec<String> = rows(&server_db)?.into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["bread", "jam", "milk", "plum-jam"]);
    println!("   Phone, laptop and server have the same {} todos.", todos.count()?);

    drop((phone, laptop));
    server.stop();
    println!("ok: nothing was lost, nothing was applied twice, and the refused write was not silent");
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

fn row(id: &str, data: &str) -> (String, String) {
    (id.to_owned(), data.to_owned())
}
