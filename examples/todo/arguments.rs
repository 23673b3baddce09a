//! The program's arguments.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::{Args, Parser, Subcommand};
use serde_json::value::RawValue;

/// A todo list that works offline, and syncs when told to.
#[derive(Parser)]
#[command(
    name = "todo",
    after_help = "Exit codes: 0 done, 1 failed with the reason on stderr, 2 wrong usage."
)]
pub struct Arguments {
    /// The file with the todos; made if missing
    #[arg(long, global = true, default_value = "todos.db", value_name = "FILE")]
    #[arg(value_parser = OsStringValueParser::new().try_map(file))]
    pub db: PathBuf,
    /// The server
    #[arg(long, global = true, default_value = "http://127.0.0.1:8080/_sync", value_name = "BASE")]
    pub url: String,
    /// Whose todos these are
    #[arg(long, global = true, default_value = "user:demo", value_name = "S")]
    pub scope: String,
    /// What the server knows you by
    #[arg(long, global = true, value_name = "T")]
    pub token: Option<String>,
    /// Let the server be http:// on another machine: everybody on the way can read and change what is sent
    #[arg(long, global = true)]
    pub allow_cleartext: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Adds a todo, and prints its id
    Add {
        /// What is to be done
        #[arg(value_parser = title)]
        title: String,
        /// An id of your own
        #[arg(long, value_parser = id)]
        id: Option<String>,
    },
    /// Lists the todos by id
    List {
        /// As [{"id","title","done","pending"}]
        #[arg(long)]
        json: bool,
    },
    /// Shows the todos, and what becomes of them here and elsewhere, until Ctrl-C
    ///
    /// After the list a line for each change: + is new, * is different, - is gone. The file is in use for as long.
    Watch {
        /// As [{"id","title","done","pending"}], one line at the start and for each change
        #[arg(long)]
        json: bool,
    },
    /// Ticks a todo off
    Done {
        /// The todo's id, as `list` shows it
        id: String,
    },
    /// Gives a todo another title
    Edit {
        /// The todo's id, as `list` shows it
        id: String,
        /// The new title
        #[arg(value_parser = title)]
        title: String,
    },
    /// Deletes a todo
    Rm {
        /// The todo's id, as `list` shows it
        id: String,
    },
    /// Queues a mutation of the server's own, and prints its id; nothing changes here before the next sync
    Mutate {
        /// What the server knows it by
        #[arg(value_parser = name)]
        name: String,
        /// Its arguments
        #[arg(value_name = "JSON", value_parser = json)]
        args: Box<RawValue>,
    },
    /// Adds one todo a line, and prints each id once that todo is safe on disk
    ///
    /// Empty lines are passed over. It stops at the first line that cannot be added; the todos of the lines before it
    /// are kept, and their ids are printed.
    Import(ImportOptions),
    /// Sends and fetches everything; fails if that is not done in time
    Sync {
        /// The longest that it may take: seconds, or with a unit, such as 2min
        #[arg(long, default_value = "10s", value_name = "DURATION", value_parser = duration)]
        timeout: Duration,
    },
    /// Shows how the sync stands, as far as this machine knows
    ///
    /// It does not ask the server. Hence "online" is false: it says whether this process has reached the server, which
    /// only `sync` does.
    Status {
        /// As {"cursor","pending","rejected","online","scope","client"}
        #[arg(long)]
        json: bool,
    },
    /// Lists what the server has refused and nobody has decided about
    Rejected {
        /// As [{"id","name","args","code","error","at"}]
        #[arg(long)]
        json: bool,
    },
    /// Queues a refused mutation again, and prints the id of the new one
    Retry {
        /// The mutation's id, as `rejected` shows it
        id: String,
    },
    /// Forgets a refused mutation, or one that is not sent yet, and undoes it here
    Discard {
        /// The mutation's id, as `rejected` or `mutate` shows it
        id: String,
    },
}

#[derive(Args)]
pub struct ImportOptions {
    /// The titles, one a line; - for what comes from a pipe
    #[arg(value_name = "FILE|-")]
    pub file: PathBuf,
    /// Wakes a known bug, to show that the kill test finds it
    #[cfg(feature = "planted-bugs")]
    #[arg(long, hide = true, value_enum, value_name = "NAME")]
    pub planted_bug: Option<Bug>,
}

impl ImportOptions {
    /// Whether the known bug is awake that prints an id before its todo is on disk.
    pub fn prints_early(&self) -> bool {
        #[cfg(feature = "planted-bugs")]
        let early = self.planted_bug == Some(Bug::IdBeforeCommit);
        #[cfg(not(feature = "planted-bugs"))]
        let early = false;
        early
    }
}

/// A known bug.
#[cfg(feature = "planted-bugs")]
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Bug {
    /// An id is printed when its write is made, which is before it is on disk.
    IdBeforeCommit,
}

fn file(path: OsString) -> Result<PathBuf, &'static str> {
    if path.is_empty() { Err("the name of the file must not be empty") } else { Ok(path.into()) }
}

fn title(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() { Err("the title must not be empty") } else { Ok(text.to_owned()) }
}

fn id(text: &str) -> Result<String, &'static str> {
    if text.is_empty() { Err("the id must not be empty") } else { Ok(text.to_owned()) }
}

fn name(text: &str) -> Result<String, &'static str> {
    if text.is_empty() { Err("the name must not be empty") } else { Ok(text.to_owned()) }
}

fn duration(text: &str) -> Result<Duration, humantime::DurationError> {
    text.parse().map_or_else(|_| humantime::parse_duration(text), |seconds| Ok(Duration::from_secs(seconds)))
}

fn json(text: &str) -> Result<Box<RawValue>, String> {
    serde_json::from_str(text).map_err(|error| format!("this is no JSON: {error}"))
}
