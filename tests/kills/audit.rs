//! The truth: the server's own tables, and what each client shows, against the test's books.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::Connection;
use serde::Deserialize;

use crate::device::{Device, Row};
use crate::ledger::{Ledger, Promise};

/// What is not as it must be, a sentence each.
#[derive(Default)]
pub struct Findings {
    /// Acknowledged, and not there as it was acknowledged.
    pub lost: Vec<String>,
    /// There twice, or applied twice, or applied and then refused as a conflict with itself.
    pub doubled: Vec<String>,
    /// Anything else: a todo that nobody made, an effect without an outcome, a client that shows something else.
    pub strange: Vec<String>,
}

/// Compares everything.
pub fn audit(database: &Path, devices: &[Device], ledger: &Ledger) -> Result<Findings, String> {
    let server = Server::read(database).map_err(|error| error.to_string())?;
    let mut findings = Findings::default();
    findings.promises(&server, ledger);
    findings.todos(&server, ledger);
    findings.log(&server, ledger);
    findings.outcomes(&server);
    for device in devices {
        findings.client(device, &server)?;
    }
    for file in devices.iter().map(|device| device.file.as_path()).chain([database]) {
        findings.integrity(file)?;
    }
    Ok(findings)
}

/// What the server's tables hold.
struct Server {
    /// Todos by scope and id.
    todos: BTreeMap<(String, String), Todo>,
    /// How many log rows there are for a scope, an id and an operation.
    log: BTreeMap<(String, String, String), u64>,
    applied: u64,
    /// The code, and how often it was given.
    refused: BTreeMap<String, u64>,
}

#[derive(Clone, Deserialize)]
struct Todo {
    title: String,
    done: bool,
}

impl Server {
    fn read(database: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(database)?;
        let todo = |text: String| {
            serde_json::from_str(&text).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
        };
        let todos = connection
            .prepare(
                "SELECT scope.name, entity.id, data FROM entity JOIN scope ON scope.id = entity.scope
                 WHERE collection = 'todo'",
            )?
            .query_map([], |row| Ok(((row.get(0)?, row.get(1)?), todo(row.get(2)?)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let log = connection
            .prepare(
                "SELECT scope.name, log.id, op, count(*) FROM log JOIN scope ON scope.id = log.scope
                 GROUP BY 1, 2, 3",
            )?
            .query_map([], |row| {
                Ok(((row.get(0)?, row.get(1)?, row.get(2)?), row.get::<_, i64>(3)?.unsigned_abs()))
            })?
            .collect::<rusqlite::Result<_>>()?;
        let outcomes: BTreeMap<Option<String>, u64> = connection
            .prepare("SELECT code, count(*) FROM outcome GROUP BY code")?
            .query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?
            .collect::<rusqlite::Result<_>>()?;
        let applied = outcomes.get(&None).copied().unwrap_or_default();
        let refused = outcomes.into_iter().filter_map(|(code, count)| Some((code?, count))).collect();
        Ok(Self { todos, log, applied, refused })
    }

    /// The todos of a scope as a client should list them.
    fn rows(&self, scope: &str) -> Vec<Row> {
        let of_scope = self.todos.iter().filter(|((of, _), _)| of == scope);
        of_scope
            .map(|((_, id), todo)| Row {
                id: id.clone(),
                title: todo.title.clone(),
                done: todo.done,
                pending: false,
            })
            .collect()
    }
}

impl Findings {
    /// Whatever was acknowledged is there.
    fn promises(&mut self, server: &Server, ledger: &Ledger) {
        for (id, Promise { scope, title, done }) in ledger.promises() {
            match server.todos.get(&(scope.clone(), id.clone())) {
                None => self.lost.push(format!("{title:?} of {scope}, whose id {id} was printed")),
                Some(todo) if todo.title != *title => {
                    self.strange.push(format!("{id} was printed for {title:?} and is {:?}", todo.title));
                }
                Some(todo) if todo.done != *done => {
                    self.lost.push(format!("that {title:?} of {scope} is done: {done}"));
                }
                Some(_) => {}
            }
        }
    }

    /// Each title is there once, in the scope where it was made.
    fn todos(&mut self, server: &Server, ledger: &Ledger) {
        let mut titles: BTreeMap<&str, u64> = BTreeMap::new();
        for ((scope, id), todo) in &server.todos {
            *titles.entry(&todo.title).or_default() += 1;
            if !ledger.was_offered(scope, &todo.title) {
                self.strange.push(format!("nobody made {id} with {:?} in {scope}", todo.title));
            }
        }
        let doubled = titles.into_iter().filter(|(_, count)| *count > 1);
        self.doubled.extend(doubled.map(|(title, count)| format!("{title:?} is there {count} times")));
    }

    /// Each mutation has left one row.
    fn log(&mut self, server: &Server, ledger: &Ledger) {
        let ticked = ledger.ticked();
        for ((scope, id, op), count) in &server.log {
            if *count > 1 {
                self.doubled.push(format!("{op} of {id} in {scope} was applied {count} times"));
            }
            let meant = op == "create" || op == "update" && ticked.contains(id.as_str());
            if !meant {
                self.strange.push(format!("nobody asked for the {op} of {id} in {scope}"));
            }
        }
    }

    /// Each mutation was decided once, and with its effect.
    fn outcomes(&mut self, server: &Server) {
        for (code, count) in &server.refused {
            for _ in 0..*count {
                match code.as_str() {
                    // Every id is made once: what it is in conflict with is itself.
                    "conflict" => self.doubled.push("a write that was applied was then refused".to_owned()),
                    _ => self.strange.push(format!("a write was refused as {code}")),
                }
            }
        }
        let effects: u64 = server.log.values().sum();
        if effects != server.applied {
            self.strange.push(format!("{effects} effects have {} outcomes", server.applied));
        }
    }

    /// A client shows what the server has, and has nothing left to send or to decide.
    fn client(&mut self, device: &Device, server: &Server) -> Result<(), String> {
        let status = device.status()?;
        if status.pending > 0 || status.rejected > 0 {
            let (pending, rejected) = (status.pending, status.rejected);
            self.strange.push(format!("{pending} pending and {rejected} rejected after all were synced"));
        }
        let (here, there) = (device.list()?, server.rows(&device.scope));
        let differ = here.iter().filter(|row| there.binary_search(row).is_err());
        self.strange.extend(differ.map(|row| format!("a client shows {row:?}, and the server does not")));
        if here.len() != there.len() {
            let (here, there) = (here.len(), there.len());
            self.strange.push(format!("a client shows {here} todos, and the server has {there}"));
        }
        Ok(())
    }

    fn integrity(&mut self, file: &Path) -> Result<(), String> {
        let check = |connection: Connection| {
            connection.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0))
        };
        let said = Connection::open(file).and_then(check).map_err(|error| error.to_string())?;
        if said != "ok" {
            self.strange.push(format!("{} is damaged: {said}", file.display()));
        }
        Ok(())
    }
}
