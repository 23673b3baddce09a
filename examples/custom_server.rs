//! A server of one's own: who may do what, a rule, and a list that a family shares.
//!
//! `cargo run --example custom_server [-- FILE [ADDRESS]]`: everything is in `family.db`, at 127.0.0.1:8080.

use std::sync::Arc;
use std::time::SystemTime;

use mizu_sync_server::{
    Auth, Crud, Failure, MutationContext, Mutator, Principal, Rejection, Server, ServerOptions, Service,
    ServiceOptions, Session, Unauthorized,
};
use serde_json::Value;

/// What mutations do. Each runs in a transaction: if it returns an error, it has changed nothing.
struct Rules;

impl Mutator for Rules {
    fn apply(&self, context: &mut MutationContext<'_>) -> Result<(), Failure> {
        // The app calls `client.mutate("todo.share", &id)`: a copy goes to the list that all see.
        if context.mutation().name == "todo.share" {
            let id: String = context.args()?;
            let todo = context.get("todo", &id)?.ok_or_else(|| Rejection::not_found("no such todo"))?;
            return context.in_scope("family")?.put("todo", &id, &todo);
        }
        // Create, update, patch and delete, for any collection; but a todo always has a title.
        Crud.apply(context)?;
        let args: Value = context.args()?;
        let id = args["id"].as_str().unwrap_or_default();
        match context.get_as::<Value>("todo", id)? {
            Some(todo) if todo["title"].as_str().is_none_or(str::is_empty) => {
                Err(Rejection::invalid("a todo needs a title").into())
            }
            _ => Ok(()),
        }
    }
}

/// Who somebody is. A real one asks its database, or checks a signature.
struct Users;

impl Auth for Users {
    fn authenticate(
        &self,
        token: Option<&str>,
        _: SystemTime,
    ) -> Result<Box<dyn Session + '_>, Unauthorized> {
        match token {
            Some("alice-token") => Ok(Box::new(User(Principal::new("alice")))),
            Some("bob-token") => Ok(Box::new(User(Principal::new("bob")))),
            _ => Err(Unauthorized),
        }
    }
}

/// What somebody may do: everybody has a scope, and all share one.
struct User(Principal);

impl Session for User {
    fn principal(&self) -> &Principal {
        &self.0
    }

    fn allows(&self, scope: &str) -> bool {
        scope == "family" || scope.strip_prefix("user:") == Some(self.0.as_str())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let database = arguments.next().unwrap_or_else(|| "family.db".to_owned());
    let listen = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".to_owned()).parse()?;
    let options = ServiceOptions { mutator: Arc::new(Rules), auth: Arc::new(Users), ..Default::default() };
    let service = Arc::new(Service::open(database, options)?);
    let server = Server::start(ServerOptions { listen, ..ServerOptions::loopback(service) })?;
    println!("listening on {}", server.url());
    loop {
        std::thread::park();
    }
}
